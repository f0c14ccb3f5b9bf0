/** The CUDA C kernels, as resources {@code io/gatun/native/*.cu}: no Java code. */
module io.gatun.kernels.cuda {}
