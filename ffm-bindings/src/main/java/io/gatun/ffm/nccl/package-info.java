/** NCCL: collectives of several GPUs. */
package io.gatun.ffm.nccl;
