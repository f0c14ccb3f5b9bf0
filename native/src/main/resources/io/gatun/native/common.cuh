// What all kernels share; the loader puts it before each .cu, which so needs no #include.
//
// Conventions: outputs first, then inputs, sizes, scalars, as in the Java kernels. Activations, gradients and scales are f32; bf16 and E4M3
// are their bits. Matrices are row-major with a stride in elements between rows. Sums are taken in FP32 unless said otherwise, in an order
// that depends on shapes, alignment and the block's size only; floats have no atomics. Compile without fast maths: exact division,
// square root and subnormal numbers are relied on.

typedef long long Stride;
typedef unsigned short bf16;
typedef unsigned char e4m3;

#ifndef DYNAMIC_SHARED // cuda_on_cpu.h has its own
#define DYNAMIC_SHARED(type, name) extern __shared__ __align__(16) type name[]
#endif

constexpr int WARP = 32;
constexpr unsigned ALL_LANES = 0xffffffffu;
constexpr int MOST_WARPS = 32; // of a block

__device__ __forceinline__ int lane() { return threadIdx.x % WARP; }

__device__ __forceinline__ int warp() { return threadIdx.x / WARP; }

__device__ __forceinline__ float infinity() { return __int_as_float(0x7f800000); }

// ---- formats

__device__ __forceinline__ float toFloat(float x) { return x; }

__device__ __forceinline__ float toFloat(bf16 x) { return __uint_as_float((unsigned)x << 16); }

/// The bf16 nearest to x, ties to even; what is too large becomes infinite, NaN stays NaN.
__device__ __forceinline__ bf16 toBf16(float x) {
    unsigned bits = __float_as_uint(x);
    return (bf16)((x != x ? bits | 0x400000u : bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

__device__ __forceinline__ void store(float* at, float x) { *at = x; }

__device__ __forceinline__ void store(bf16* at, float x) { *at = toBf16(x); }

constexpr float LARGEST_E4M3 = 448;

/// The value of a code: the bits of a float whose exponent is 120 too small, subnormal ones included.
__device__ __forceinline__ float toFloat(e4m3 code) {
    unsigned size = code & 0x7fu;
    float value = size == 0x7fu ? __uint_as_float(0x7fc00000u) : __uint_as_float(size << 20) * 0x1p120f;
    return code & 0x80u ? -value : value;
}

/// The code nearest to x, ties to even; what is larger than 448 becomes 448, NaN stays NaN.
__device__ __forceinline__ e4m3 toE4m3(float x) {
    if (x != x) return 0x7f;
    unsigned sign = __float_as_uint(x) >> 24 & 0x80u;
    float size = fminf(fabsf(x), LARGEST_E4M3);
    unsigned exponent = max(__float_as_uint(size) & 0x7f800000u, __float_as_uint(0x1p-6f)); // below, the spacing stays
    float even = __uint_as_float(exponent + (20u << 23) + 0x400000u); // 1.5 * 2^(e+20), whose last bit is 2^(e-3)
    float rounded = __fsub_rn(__fadd_rn(size, even), even);
    return (e4m3)(sign | __float_as_uint(rounded * 0x1p-120f) >> 20);
}

// ---- sums and maxima over a warp and a block; every thread gets the result

__device__ __forceinline__ float warpSum(float x) {
    for (int with = WARP / 2; with > 0; with /= 2) x += __shfl_xor_sync(ALL_LANES, x, with);
    return x;
}

__device__ __forceinline__ double warpSum(double x) {
    for (int with = WARP / 2; with > 0; with /= 2) x += __shfl_xor_sync(ALL_LANES, x, with);
    return x;
}

__device__ __forceinline__ float warpMax(float x) {
    for (int with = WARP / 2; with > 0; with /= 2) x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, with));
    return x;
}

__device__ __forceinline__ int warpMax(int x) {
    for (int with = WARP / 2; with > 0; with /= 2) x = max(x, __shfl_xor_sync(ALL_LANES, x, with));
    return x;
}

/// Whole warps only.
template <class T>
__device__ T blockSum(T x) {
    __shared__ T sums[MOST_WARPS];
    x = warpSum(x);
    if (lane() == 0) sums[warp()] = x;
    __syncthreads();
    T sum = 0;
    for (int w = 0; w < (int)blockDim.x / WARP; w++) sum += sums[w];
    __syncthreads(); // before the next sum is written
    return sum;
}

__device__ inline float blockMax(float x) {
    __shared__ float maxima[MOST_WARPS];
    x = warpMax(x);
    if (lane() == 0) maxima[warp()] = x;
    __syncthreads();
    float largest = maxima[0];
    for (int w = 1; w < (int)blockDim.x / WARP; w++) largest = fmaxf(largest, maxima[w]);
    __syncthreads();
    return largest;
}

/// The sum of x over the threads before this one; total over all. Whole warps only.
__device__ inline int blockPrefix(int x, int& total) {
    __shared__ int sums[MOST_WARPS];
    int through = x; // the sum over the lanes up to this one
    for (int by = 1; by < WARP; by *= 2) {
        int other = __shfl_up_sync(ALL_LANES, through, by);
        if (lane() >= by) through += other;
    }
    if (lane() == WARP - 1) sums[warp()] = through;
    __syncthreads();
    int before = 0;
    total = 0;
    for (int w = 0; w < (int)blockDim.x / WARP; w++) {
        if (w < warp()) before += sums[w];
        total += sums[w];
    }
    __syncthreads();
    return before + through - x;
}

// ---- a block's pass over the columns of a row, four at a time where all rows are aligned to 16 bytes

template <class... X>
__device__ __forceinline__ bool aligned(const X*... x) {
    return ((((unsigned long long)x & 15) == 0) && ...);
}

__device__ __forceinline__ float4 load4(const float* x) { return *(const float4*)x; }

template <class F, class... X>
__device__ __forceinline__ float4 apply4(F f, X... x) {
    return make_float4(f(x.x...), f(x.y...), f(x.z...), f(x.w...));
}

/// y[c] = f(x[c]...) for all columns; y may be one of the x.
template <class F, class... X>
__device__ __forceinline__ void mapRow(float* y, int dim, F f, const X*... x) {
    int done = 0;
    if (aligned(y, x...)) {
        done = dim / 4 * 4;
        for (int c = 4 * threadIdx.x; c < done; c += 4 * blockDim.x) *(float4*)(y + c) = apply4(f, load4(x + c)...);
    }
    for (int c = done + threadIdx.x; c < dim; c += blockDim.x) y[c] = f(x[c]...);
}

/// This thread's part of the sum of f(x[c]...).
template <class F, class... X>
__device__ __forceinline__ float sumRow(int dim, F f, const X*... x) {
    float sum = 0;
    int done = 0;
    if (aligned(x...)) {
        done = dim / 4 * 4;
        for (int c = 4 * threadIdx.x; c < done; c += 4 * blockDim.x) {
            float4 v = apply4(f, load4(x + c)...);
            sum += (v.x + v.y) + (v.z + v.w);
        }
    }
    for (int c = done + threadIdx.x; c < dim; c += blockDim.x) sum += f(x[c]...);
    return sum;
}

// ---- tiles in shared memory, of 256 threads as 16 x 16: thread (ty, tx) owns rows next to each other of one matrix, and of the other the
// rows tx, tx + 16, ...

constexpr int SIDE = 16;

/// The floats from one row of a tile to the next, of a matrix with so many columns: whole float4, and four more, so that 16 rows lie in
/// different banks.
__device__ __forceinline__ int tileStride(int cols) { return (cols + 3) / 4 * 4 + 4; }

/// Copies `present` rows of x [., cols] into a tile of `rows` rows; what is not there, and columns up to paddedCols, becomes 0.
__device__ __forceinline__ void loadTile(
        float* tile, int stride, int rows, const float* x, Stride xStride, int present, int cols, int paddedCols) {
    for (int r = warp(); r < rows; r += blockDim.x / WARP) {
        for (int c = lane(); c < paddedCols; c += WARP) {
            tile[r * stride + c] = r < present && c < cols ? x[r * xStride + c] : 0;
        }
    }
}

/// sums[a][b] = x[a] . y[16 b], rows of two tiles with whole float4.
template <int A, int B>
__device__ __forceinline__ void dotTile(float (&sums)[A][B], const float* x, const float* y, int stride) {
#pragma unroll
    for (int a = 0; a < A; a++) {
#pragma unroll
        for (int b = 0; b < B; b++) sums[a][b] = 0;
    }
    for (int c = 0; c < stride - 4; c += 4) {
        float4 left[A];
#pragma unroll
        for (int a = 0; a < A; a++) left[a] = load4(x + a * stride + c);
#pragma unroll
        for (int b = 0; b < B; b++) {
            float4 right = load4(y + SIDE * b * stride + c);
#pragma unroll
            for (int a = 0; a < A; a++) {
                sums[a][b] += left[a].x * right.x + left[a].y * right.y + left[a].z * right.z + left[a].w * right.w;
            }
        }
    }
}

/// sums[a][g] += the sum over the `count` rows i of y of x[a][i] * y[i], four columns from 4 tx + 64 g on; count is a multiple of 4. The
/// columns of y end at `columns`, a multiple of 4.
template <int A, int G>
__device__ __forceinline__ void addRows(
        float4 (&sums)[A][G], const float* x, int xStride, const float* y, int yStride, int count, int columns) {
    int column = 4 * (threadIdx.x % SIDE);
    for (int i = 0; i < count; i += 4) {
        float4 factors[A];
#pragma unroll
        for (int a = 0; a < A; a++) factors[a] = load4(x + a * xStride + i);
#pragma unroll
        for (int k = 0; k < 4; k++) {
#pragma unroll
            for (int g = 0; g < G; g++) {
                if (column + 64 * g >= columns) continue;
                float4 row = load4(y + (i + k) * yStride + column + 64 * g);
#pragma unroll
                for (int a = 0; a < A; a++) {
                    float factor = k == 0 ? factors[a].x : k == 1 ? factors[a].y : k == 2 ? factors[a].z : factors[a].w;
                    sums[a][g].x += factor * row.x;
                    sums[a][g].y += factor * row.y;
                    sums[a][g].z += factor * row.z;
                    sums[a][g].w += factor * row.w;
                }
            }
        }
    }
}

/// Over the 16 threads of a ty, which lie in one warp.
__device__ __forceinline__ float sideSum(float x) {
    for (int with = SIDE / 2; with > 0; with /= 2) x += __shfl_xor_sync(ALL_LANES, x, with);
    return x;
}

__device__ __forceinline__ float sideMax(float x) {
    for (int with = SIDE / 2; with > 0; with /= 2) x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, with));
    return x;
}

/// Four neighbours of a row of `columns` columns, of which only those that are there are written.
__device__ __forceinline__ void storeColumns(float* row, int column, int columns, float4 x) {
    if (column < columns) row[column] = x.x;
    if (column + 1 < columns) row[column + 1] = x.y;
    if (column + 2 < columns) row[column + 2] = x.z;
    if (column + 3 < columns) row[column + 3] = x.w;
}
