// E4M3 codes and the scales that multiply them back (SPEC 5.2; Fp8.java is the twin), laid out as cuBLASLt's VEC128_32F and BLK128x128_32F
// read them (CUDA_FACTS 2.4). All are bound by memory: each number is read once, weights twice.
//
// floor is the least amax: 1e-4 for activations and weights, as the released code has it; 0 for gradients, whose scale is then 1 where all
// are 0 or the scale would be subnormal. Not a number among the numbers of a scale makes it and all codes NaN.

constexpr int TILE = 128; // numbers that share a scale, along rows or columns

__device__ __forceinline__ float scaleOf(float amax, float floor) {
    float scale = (amax <= floor ? floor : amax) / LARGEST_E4M3;
    return scale < 0x1p-126f ? 1 : scale;
}

/// The bits of |x|, which are in the order of numbers, NaN above all.
__device__ __forceinline__ int sizeBits(float x) { return __float_as_int(x) & 0x7fffffff; }

/// A row of numbers as they are.
struct Plain {
    const float* x;
};

__device__ __forceinline__ bool wide(Plain row) { return aligned(row.x); }

__device__ __forceinline__ float one(Plain row, int c) { return row.x[c]; }

__device__ __forceinline__ float4 four(Plain row, int c) { return load4(row.x + c); }

/// A row of silu(gate) * up.
struct Gated {
    const float* gate;
    const float* up;
};

__device__ __forceinline__ float activation(float g, float u) { return g / (1 + expf(-g)) * u; }

__device__ __forceinline__ bool wide(Gated row) { return aligned(row.gate, row.up); }

__device__ __forceinline__ float one(Gated row, int c) { return activation(row.gate[c], row.up[c]); }

__device__ __forceinline__ float4 four(Gated row, int c) {
    return apply4([](float g, float u) { return activation(g, u); }, load4(row.gate + c), load4(row.up + c));
}

/// A warp makes codes and scale of the columns from to from + 128; four neighbours a lane. Columns from cols to paddedCols become 0.
template <class Row>
__device__ __forceinline__ void quantizeTile(
        e4m3* codes, float* scale, Row row, bool present, int from, int cols, int paddedCols, float floor) {
    int c = from + 4 * lane();
    float4 x = make_float4(0, 0, 0, 0);
    if (present && c + 4 <= cols && wide(row)) {
        x = four(row, c);
    } else if (present) {
        if (c < cols) x.x = one(row, c);
        if (c + 1 < cols) x.y = one(row, c + 1);
        if (c + 2 < cols) x.z = one(row, c + 2);
        if (c + 3 < cols) x.w = one(row, c + 3);
    }
    int amax = warpMax(max(max(sizeBits(x.x), sizeBits(x.y)), max(sizeBits(x.z), sizeBits(x.w))));
    float s = scaleOf(__int_as_float(amax), floor);
    if (lane() == 0) *scale = s;
    uchar4 code = make_uchar4(toE4m3(x.x / s), toE4m3(x.y / s), toE4m3(x.z / s), toE4m3(x.w / s));
    if (c + 4 <= paddedCols && (unsigned long long)(codes + c) % 4 == 0) {
        *(uchar4*)(codes + c) = code;
    } else {
        if (c < paddedCols) codes[c] = code.x;
        if (c + 1 < paddedCols) codes[c + 1] = code.y;
        if (c + 2 < paddedCols) codes[c + 2] = code.z;
        if (c + 3 < paddedCols) codes[c + 3] = code.w;
    }
}

/// Tiles of 1x128: codes [paddedRows, paddedCols], scales[b * scaleStride + row] with b = column / 128. Rows from rows to paddedRows hold
/// zeros; paddedCols stays in the last tile. A warp a tile: grid (ceil(paddedRows / 8), ceil(cols / 128)).
extern "C" __global__ void __launch_bounds__(256) quantize_rows(
        e4m3* codes,
        Stride codeStride,
        float* scales,
        Stride scaleStride,
        const float* x,
        Stride xStride,
        int rows,
        int paddedRows,
        int cols,
        int paddedCols,
        float floor) {
    long long row = blockIdx.x * (blockDim.x / WARP) + warp();
    if (row >= paddedRows) return;
    float* scale = scales + blockIdx.y * scaleStride + row;
    Plain from = {x + row * xStride};
    quantizeTile(codes + row * codeStride, scale, from, row < rows, blockIdx.y * TILE, cols, paddedCols, floor);
}

/// quantize_rows of silu(gate) * up, which is nowhere written.
extern "C" __global__ void __launch_bounds__(256) swiglu_quantize_rows(
        e4m3* codes,
        Stride codeStride,
        float* scales,
        Stride scaleStride,
        const float* gate,
        Stride gateStride,
        const float* up,
        Stride upStride,
        int rows,
        int paddedRows,
        int cols,
        int paddedCols,
        float floor) {
    long long row = blockIdx.x * (blockDim.x / WARP) + warp();
    if (row >= paddedRows) return;
    float* scale = scales + blockIdx.y * scaleStride + row;
    Gated from = {gate + row * gateStride, up + row * upStride};
    quantizeTile(codes + row * codeStride, scale, from, row < rows, blockIdx.y * TILE, cols, paddedCols, floor);
}

/// Tiles of 128x1, along tokens, transposed: codes [paddedCols, paddedRows] of x [rows, cols], scales[b * scaleStride + column] with b =
/// row / 128. What pads holds zeros. A block turns 128 rows of 32 columns: grid (ceil(paddedCols / 32), ceil(paddedRows / 128)).
extern "C" __global__ void __launch_bounds__(256) quantize_columns(
        e4m3* codes,
        Stride codeStride,
        float* scales,
        Stride scaleStride,
        const float* x,
        Stride xStride,
        int rows,
        int paddedRows,
        int cols,
        int paddedCols,
        float floor) {
    __shared__ float tile[TILE][WARP + 1]; // one more, so that columns lie in different banks
    __shared__ int sizes[256 / WARP][WARP];
    int first = blockIdx.y * TILE;
    int column = blockIdx.x * WARP + lane();
    int size = 0;
    for (int t = warp(); t < TILE; t += 256 / WARP) {
        float value = first + t < rows && column < cols ? x[(first + t) * xStride + column] : 0;
        tile[t][lane()] = value;
        size = max(size, sizeBits(value));
    }
    sizes[warp()][lane()] = size;
    __syncthreads();
    for (int c = warp(); c < WARP; c += 256 / WARP) {
        column = blockIdx.x * WARP + c;
        if (column >= paddedCols) continue;
        int amax = 0;
        for (int w = 0; w < 256 / WARP; w++) amax = max(amax, sizes[w][c]);
        float s = scaleOf(__int_as_float(amax), floor);
        if (lane() == 0) scales[blockIdx.y * scaleStride + column] = s;
        for (int t = lane(); t < TILE && first + t < paddedRows; t += WARP) {
            codes[column * codeStride + first + t] = toE4m3(tile[t][c] / s);
        }
    }
}

/// Blocks of 128x128: codes [rows, cols], scales[row / 128 * scaleStride + column / 128]; for cuBLASLt the stride is a multiple of 4. A
/// block a block: grid (ceil(cols / 128), ceil(rows / 128)).
extern "C" __global__ void __launch_bounds__(256) quantize_weights(
        e4m3* codes,
        Stride codeStride,
        float* scales,
        Stride scaleStride,
        const float* w,
        Stride wStride,
        int rows,
        int cols,
        float floor) {
    __shared__ int sizes[256 / WARP];
    int toRow = min(rows, (int)(blockIdx.y + 1) * TILE);
    int toCol = min(cols, (int)(blockIdx.x + 1) * TILE);
    int size = 0;
    for (long long r = blockIdx.y * TILE + warp(); r < toRow; r += 256 / WARP) {
        for (int c = blockIdx.x * TILE + lane(); c < toCol; c += WARP) size = max(size, sizeBits(w[r * wStride + c]));
    }
    size = warpMax(size);
    if (lane() == 0) sizes[warp()] = size;
    __syncthreads();
    for (int other = 0; other < 256 / WARP; other++) size = max(size, sizes[other]);
    float s = scaleOf(__int_as_float(size), floor);
    if (threadIdx.x == 0) scales[blockIdx.y * scaleStride + blockIdx.x] = s;
    for (long long r = blockIdx.y * TILE + warp(); r < toRow; r += 256 / WARP) {
        for (int c = blockIdx.x * TILE + lane(); c < toCol; c += WARP) codes[r * codeStride + c] = toE4m3(w[r * wStride + c] / s);
    }
}

template <class Y>
__device__ __forceinline__ void dequantizeRow(
        Y* y, const e4m3* codes, const float* scales, Stride tileStride, int cols) {
    for (int c = threadIdx.x; c < cols; c += blockDim.x) store(y + c, toFloat(codes[c]) * scales[c / TILE * tileStride]);
}

/// y = what codes [rows, cols] and the scales of quantize_rows stand for. A block a row.
extern "C" __global__ void __launch_bounds__(256) dequantize_rows(
        float* y, Stride yStride, const e4m3* codes, Stride codeStride, const float* scales, Stride scaleStride, int cols) {
    long long row = blockIdx.x;
    dequantizeRow(y + row * yStride, codes + row * codeStride, scales + row, scaleStride, cols);
}

/// y = what codes [rows, cols] and the scales of quantize_weights, or of a checkpoint, stand for. A block a row.
extern "C" __global__ void __launch_bounds__(256) dequantize_weights_f32(
        float* y, Stride yStride, const e4m3* codes, Stride codeStride, const float* scales, Stride scaleStride, int cols) {
    long long row = blockIdx.x;
    dequantizeRow(y + row * yStride, codes + row * codeStride, scales + row / TILE * scaleStride, 1, cols);
}

/// The same, rounded to bf16.
extern "C" __global__ void __launch_bounds__(256) dequantize_weights_bf16(
        bf16* y, Stride yStride, const e4m3* codes, Stride codeStride, const float* scales, Stride scaleStride, int cols) {
    long long row = blockIdx.x;
    dequantizeRow(y + row * yStride, codes + row * codeStride, scales + row / TILE * scaleStride, 1, cols);
}

template <class T>
__device__ __forceinline__ void transpose(T* y, Stride yStride, const T* x, Stride xStride, int rows, int cols) {
    __shared__ T tile[WARP][WARP + 1];
    for (int r = warp(); r < WARP; r += 256 / WARP) {
        long long row = blockIdx.y * WARP + r;
        int col = blockIdx.x * WARP + lane();
        if (row < rows && col < cols) tile[r][lane()] = x[row * xStride + col];
    }
    __syncthreads();
    for (int c = warp(); c < WARP; c += 256 / WARP) {
        long long col = blockIdx.x * WARP + c;
        int row = blockIdx.y * WARP + lane();
        if (row < rows && col < cols) y[col * yStride + row] = tile[lane()][c];
    }
}

/// y [cols, rows] = the transpose of the codes x [rows, cols]: with turned scales, the transposed weight. Grid (ceil(cols / 32), ceil(rows /
/// 32)).
extern "C" __global__ void __launch_bounds__(256) transpose_codes(
        e4m3* y, Stride yStride, const e4m3* x, Stride xStride, int rows, int cols) {
    transpose(y, yStride, x, xStride, rows, cols);
}

/// The same of floats, such as the scales of blocks.
extern "C" __global__ void __launch_bounds__(256) transpose_floats(
        float* y, Stride yStride, const float* x, Stride xStride, int rows, int cols) {
    transpose(y, yStride, x, xStride, rows, cols);
}
