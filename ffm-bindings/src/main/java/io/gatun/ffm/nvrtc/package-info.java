/** NVRTC: CUDA C to machine code of a GPU, at run time. */
package io.gatun.ffm.nvrtc;
