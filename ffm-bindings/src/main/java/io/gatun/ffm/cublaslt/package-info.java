/** cuBLASLt: products of matrices on a GPU, in BF16 and in block-scaled FP8. */
package io.gatun.ffm.cublaslt;
