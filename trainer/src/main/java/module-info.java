/** Trains DeepSeek-V3 models from text, and the command line. */
module io.gatun.trainer {
    requires io.gatun.model;
    requires info.picocli;
    requires tools.jackson.core;
    requires java.management;
    requires jdk.management;

    opens io.gatun.trainer.command to
            info.picocli;
}
