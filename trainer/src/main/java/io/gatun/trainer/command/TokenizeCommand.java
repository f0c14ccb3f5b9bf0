package io.gatun.trainer.command;

import io.gatun.model.ModelException;
import io.gatun.model.json.Json;
import io.gatun.model.tokenizer.Tokenizer;
import io.gatun.model.tokenizer.TokenizerJson;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Texts on stdin, one a line, to one JSON array of ids a line; or back. */
@Command(
        name = "tokenize",
        description = "Reads texts, one a line, from stdin and prints one JSON array of ids a line.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class TokenizeCommand implements Callable<Integer> {
    @Option(names = "--model", required = true, paramLabel = "DIR", description = "a folder with a tokenizer.json")
    private Path folder;

    @Option(names = "--json", description = "lines are JSON strings (with --decode: are printed as such)")
    private boolean json;

    @Option(names = "--decode", description = "reads arrays of ids and prints texts")
    private boolean decode;

    @Override
    public Integer call() throws IOException {
        Tokenizer tokenizer = TokenizerJson.read(folder.resolve("tokenizer.json"));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        int number = 0;
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String source = "line " + ++number;
            out.println(decode ? decoded(tokenizer, line, source) : encoded(tokenizer, line, source));
        }
        out.flush();
        return 0;
    }

    private String encoded(Tokenizer tokenizer, String line, String source) {
        String text = line;
        if (json) {
            if (!(Json.parse(line, source) instanceof String parsed))
                throw new ModelException(source + " is no JSON string");
            text = parsed;
        }
        return Arrays.toString(tokenizer.encode(text)).replace(" ", "");
    }

    private String decoded(Tokenizer tokenizer, String line, String source) {
        if (!(Json.parse(line, source) instanceof List<?> ids))
            throw new ModelException(source + " is no JSON array of ids");
        int[] tokens = ids.stream().mapToInt(id -> id(id, source)).toArray();
        String text = tokenizer.decode(tokens);
        return json ? Json.writeCompact(text) : text;
    }

    private static int id(Object json, String source) {
        if (json instanceof Number number && number.intValue() == number.doubleValue()) return number.intValue();
        throw new ModelException(source + ": " + json + " is no token id");
    }
}
