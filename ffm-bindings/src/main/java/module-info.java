/** Native code through the Foreign Function and Memory API: every restricted call of the project is made here. */
module io.gatun.ffm {
    exports io.gatun.ffm;
    exports io.gatun.ffm.cuda;
    exports io.gatun.ffm.nvrtc;
    exports io.gatun.ffm.cublaslt;
    exports io.gatun.ffm.nccl;
    exports io.gatun.ffm.machinecode;
}
