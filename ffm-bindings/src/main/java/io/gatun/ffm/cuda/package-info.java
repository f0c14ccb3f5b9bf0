/** The CUDA driver: devices, memory, streams, events, kernels, graphs. Nothing of CUDA's runtime library is needed. */
package io.gatun.ffm.cuda;
