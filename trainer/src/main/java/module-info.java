/** Trains DeepSeek-V3 models from text, and the command line. */
module io.gatun.trainer {
    requires io.gatun.model;
    requires info.picocli;
    requires tools.jackson.core;
    requires java.management;
    requires jdk.management;
    requires jdk.unsupported; // sun.misc.Signal: Ctrl-C during an answer

    exports io.gatun.trainer;
    exports io.gatun.trainer.balance;
    exports io.gatun.trainer.data;
    exports io.gatun.trainer.loop;
    exports io.gatun.trainer.optim;
    exports io.gatun.trainer.report;
    exports io.gatun.trainer.schedule;

    opens io.gatun.trainer.command to
            info.picocli;
}
