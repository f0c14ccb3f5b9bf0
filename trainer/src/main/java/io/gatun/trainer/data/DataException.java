package io.gatun.trainer.data;

import io.gatun.trainer.TrainerException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** The data given cannot be used; the message names the file and place, what was expected and what was found. */
public class DataException extends TrainerException {
    private static final long serialVersionUID = 1;

    public DataException(String message) {
        super(message);
    }

    private DataException(String message, Throwable cause) {
        super(message, cause);
    }

    static DataException reading(Object name, IOException cause) {
        return new DataException("cannot read " + name + ": " + reason(cause), cause);
    }

    static DataException writing(Path file, IOException cause) {
        return new DataException("cannot write " + file + ": " + reason(cause), cause);
    }

    private static String reason(IOException cause) {
        return switch (cause) { // the message of these is the bare file name
            case NoSuchFileException _ -> "no such file or folder";
            case AccessDeniedException _ -> "permission denied";
            case FileSystemLoopException loop -> "its links form a loop at " + loop.getFile();
            default -> cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
        };
    }
}
