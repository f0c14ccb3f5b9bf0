// Element by element: copies, sums, formats, the gated activation, rows of the embedding. One block a row unless said otherwise; all are
// bound by memory.

/// For every sequence, the first rows of x into the first rows of y, written or added: as many as the shorter period. A block for each.
extern "C" __global__ void __launch_bounds__(256) sequence_rows(
        float* y, Stride yStride, int yPeriod, const float* x, Stride xStride, int xPeriod, int dim, int add) {
    int count = min(yPeriod, xPeriod);
    long long sequence = blockIdx.x / count;
    long long place = blockIdx.x % count;
    y += (sequence * yPeriod + place) * yStride;
    x += (sequence * xPeriod + place) * xStride;
    if (add) {
        mapRow(y, dim, [](float a, float b) { return a + b; }, y, x);
    } else {
        mapRow(y, dim, [](float a) { return a; }, x);
    }
}

/// y = factor * x. y may be x.
extern "C" __global__ void __launch_bounds__(256) scale_rows(
        float* y, Stride yStride, const float* x, Stride xStride, int dim, float factor) {
    mapRow(y + blockIdx.x * yStride, dim, [=](float a) { return factor * a; }, x + blockIdx.x * xStride);
}

/// y = x, rounded to bf16; columns from dim to paddedDim become 0.
extern "C" __global__ void __launch_bounds__(256) f32_to_bf16(
        bf16* y, Stride yStride, const float* x, Stride xStride, int dim, int paddedDim) {
    y += blockIdx.x * yStride;
    x += blockIdx.x * xStride;
    int done = 0;
    if (aligned(x) && (unsigned long long)y % 8 == 0) {
        done = dim / 4 * 4;
        for (int c = 4 * threadIdx.x; c < done; c += 4 * blockDim.x) {
            float4 v = load4(x + c);
            *(ushort4*)(y + c) = make_ushort4(toBf16(v.x), toBf16(v.y), toBf16(v.z), toBf16(v.w));
        }
    }
    for (int c = done + threadIdx.x; c < paddedDim; c += blockDim.x) y[c] = c < dim ? toBf16(x[c]) : 0;
}

/// y = x, exact.
extern "C" __global__ void __launch_bounds__(256) bf16_to_f32(
        float* y, Stride yStride, const bf16* x, Stride xStride, int dim) {
    y += blockIdx.x * yStride;
    x += blockIdx.x * xStride;
    int done = 0;
    if (aligned(y) && (unsigned long long)x % 8 == 0) {
        done = dim / 4 * 4;
        for (int c = 4 * threadIdx.x; c < done; c += 4 * blockDim.x) {
            ushort4 v = *(const ushort4*)(x + c);
            *(float4*)(y + c) = make_float4(toFloat(v.x), toFloat(v.y), toFloat(v.z), toFloat(v.w));
        }
    }
    for (int c = done + threadIdx.x; c < dim; c += blockDim.x) y[c] = toFloat(x[c]);
}

/// h = silu(gate) * up with silu(g) = g / (1 + e^-g) (SPEC 2.1). h may be gate or up.
extern "C" __global__ void __launch_bounds__(256) swiglu(
        float* h, Stride hStride, const float* gate, Stride gateStride, const float* up, Stride upStride, int dim) {
    auto activation = [](float g, float u) { return g / (1 + expf(-g)) * u; };
    mapRow(h + blockIdx.x * hStride, dim, activation, gate + blockIdx.x * gateStride, up + blockIdx.x * upStride);
}

/// dUp = dh * silu(gate), dGate = dh * up * s * (1 + gate * (1 - s)) with s = 1 / (1 + e^-gate). Outputs may be inputs.
extern "C" __global__ void __launch_bounds__(256) swiglu_grad(
        float* dGate,
        Stride dGateStride,
        float* dUp,
        Stride dUpStride,
        const float* dh,
        Stride dhStride,
        const float* gate,
        Stride gateStride,
        const float* up,
        Stride upStride,
        int dim) {
    long long row = blockIdx.x;
    for (int c = threadIdx.x; c < dim; c += blockDim.x) {
        float g = gate[row * gateStride + c];
        float u = up[row * upStride + c];
        float d = dh[row * dhStride + c];
        float s = 1 / (1 + expf(-g));
        dUp[row * dUpStride + c] = d * (g * s);
        dGate[row * dGateStride + c] = d * u * (s * (1 + g * (1 - s)));
    }
}

/// The id of a row: ids are i32 [sequences, length] in reading order.
__device__ __forceinline__ int id(const int* ids, int length, Stride idStride, int row) {
    return ids[row / length * idStride + row % length];
}

/// y[r] = table[ids[r]]; ids lie in the table, which the caller has checked.
extern "C" __global__ void __launch_bounds__(256) embedding_f32(
        float* y,
        Stride yStride,
        const float* table,
        Stride tableStride,
        const int* ids,
        int length,
        Stride idStride,
        int dim) {
    const float* x = table + id(ids, length, idStride, blockIdx.x) * tableStride;
    mapRow(y + blockIdx.x * yStride, dim, [](float a) { return a; }, x);
}

/// The same from a table of bf16.
extern "C" __global__ void __launch_bounds__(256) embedding_bf16(
        float* y,
        Stride yStride,
        const bf16* table,
        Stride tableStride,
        const int* ids,
        int length,
        Stride idStride,
        int dim) {
    const bf16* x = table + id(ids, length, idStride, blockIdx.x) * tableStride;
    for (int c = threadIdx.x; c < dim; c += blockDim.x) y[blockIdx.x * yStride + c] = toFloat(x[c]);
}

/// dTable[ids[r]] += dy[r] in the order of r. The block of a row whose id did not come before adds all rows of this id; the others end.
/// Finding them reads rows^2 / 2 ids from the cache, which stays below a millisecond up to some 30000 rows.
extern "C" __global__ void __launch_bounds__(256) embedding_grad(
        float* dTable,
        Stride tableStride,
        const float* dy,
        Stride dyStride,
        const int* ids,
        int length,
        Stride idStride,
        int rows,
        int dim) {
    __shared__ unsigned found[256 / WARP];
    __shared__ int before;
    int first = blockIdx.x;
    int mine = id(ids, length, idStride, first);
    if (threadIdx.x == 0) before = 0;
    __syncthreads();
    for (int r = threadIdx.x; r < first; r += blockDim.x) {
        if (id(ids, length, idStride, r) == mine) before = 1; // all write the same
    }
    __syncthreads();
    if (before) return;
    float* sum = dTable + mine * tableStride;
    for (int from = first; from < rows; from += blockDim.x) {
        int r = from + threadIdx.x;
        unsigned same = __ballot_sync(ALL_LANES, r < rows && id(ids, length, idStride, r) == mine);
        if (lane() == 0) found[warp()] = same;
        __syncthreads();
        for (int w = 0; w < (int)blockDim.x / WARP; w++) {
            for (unsigned rest = found[w]; rest != 0; rest &= rest - 1) {
                const float* x = dy + (from + w * WARP + __ffs(rest) - 1) * dyStride;
                for (int c = threadIdx.x; c < dim; c += blockDim.x) sum[c] += x[c];
            }
        }
        __syncthreads();
    }
}
