// The least that runs CUDA C kernels on a CPU: thread after thread, so without barriers, shared memory and warp functions. The kernels'
// own tests have a header of the same name that has them all; where it is found it is used instead.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

#define __global__
#define __device__ static
#define __forceinline__ inline
#define __launch_bounds__(...)

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

static thread_local dim3 threadIdx, blockIdx, blockDim, gridDim;

template <class... A, size_t... I>
void invoke(void (*kernel)(A...), void** parameters, std::index_sequence<I...>) {
    kernel(*static_cast<A*>(parameters[I])...);
}

/// Calls `kernel` with the arguments that `parameters` point at.
template <class... A>
void invoke(void (*kernel)(A...), void** parameters) {
    invoke(kernel, parameters, std::index_sequence_for<A...>());
}

/// Calls `invoker` once for each thread of a launch.
template <class F>
void run(dim3 grid, dim3 block, size_t sharedBytes, F invoker) {
    (void)sharedBytes;
    gridDim = grid;
    blockDim = block;
    for (blockIdx.z = 0; blockIdx.z < grid.z; blockIdx.z++)
        for (blockIdx.y = 0; blockIdx.y < grid.y; blockIdx.y++)
            for (blockIdx.x = 0; blockIdx.x < grid.x; blockIdx.x++)
                for (threadIdx.z = 0; threadIdx.z < block.z; threadIdx.z++)
                    for (threadIdx.y = 0; threadIdx.y < block.y; threadIdx.y++)
                        for (threadIdx.x = 0; threadIdx.x < block.x; threadIdx.x++) invoker();
}
