/** The DeepSeek-V3 architecture: configuration, checkpoints, tokenizer, layers, generation. */
module io.gatun.model {
    requires transitive io.gatun.kernels;
    requires transitive io.gatun.ffm;
    requires jdk.incubator.vector;
    requires io.gatun.kernels.cuda; // resources only
    requires tools.jackson.core;
    requires jdk.jfr;

    exports io.gatun.model;
    exports io.gatun.model.json;
    exports io.gatun.model.config;
    exports io.gatun.model.chat;
    exports io.gatun.model.checkpoint;
    exports io.gatun.model.tokenizer;
    exports io.gatun.model.precision;
    exports io.gatun.model.ops;
    exports io.gatun.model.engine;
    exports io.gatun.model.collective;
    exports io.gatun.model.cache;
    exports io.gatun.model.layer;
    exports io.gatun.model.generate;
}
