// The gradients of causal attention over whole sequences, with the softmax P computed anew from q, k and logSumExp (Dao et al. 2022,
// algorithm 4; CausalAttentionGrad.java is the twin):
//
//   P = exp(scale QK^T - logSumExp)   dV = P^T dO   dP = dO V^T   delta = rowsum(dO * O)
//   dS = scale P * (dP - delta)       dQ = dS K     dK = dS^T Q
//
// Two passes, one over queries for dQ, one over keys for dK and dV: P is made twice, but no sum is shared by blocks, so the results do not
// depend on their order. Bound by FP32 arithmetic. keyDim is at most 192, valueDim at most 128.

constexpr int QUERIES = 32; // of a tile, and of a block of the first pass
constexpr int KEYS = 32; // of a tile, and of a block of the second pass
constexpr int KEY_COLUMNS = 3; // float4 of a thread, 64 columns apart
constexpr int VALUE_COLUMNS = 2;
constexpr int SCORES = 36; // floats from one row of scores to the next

/// delta [heads, rows] = the sum of dO * o over a head's columns. A warp each: grid (rows, ceil(heads / 8)).
extern "C" __global__ void __launch_bounds__(256) attention_delta(
        float* delta, const float* dO, Stride dOStride, const float* o, Stride oStride, int rows, int heads, int valueDim) {
    int head = blockIdx.y * (blockDim.x / WARP) + warp();
    if (head >= heads) return;
    long long row = blockIdx.x;
    float sum = 0;
    for (int c = head * valueDim + lane(); c < (head + 1) * valueDim; c += WARP) sum += dO[row * dOStride + c] * o[row * oStride + c];
    sum = warpSum(sum);
    if (lane() == 0) delta[(long long)head * rows + row] = sum;
}

/// The tile of keys or of queries, and of values or of dO.
__device__ __forceinline__ void loadKeys(
        float* keyTile,
        float* valueTile,
        const float* kv,
        Stride kvStride,
        const float* kRope,
        Stride kRopeStride,
        int present,
        int nopeDim,
        int ropeDim,
        int valueDim) {
    int keyStride = tileStride(nopeDim + ropeDim);
    loadTile(keyTile, keyStride, KEYS, kv, kvStride, present, nopeDim, nopeDim);
    loadTile(keyTile + nopeDim, keyStride, KEYS, kRope, kRopeStride, present, ropeDim, keyStride - 4 - nopeDim);
    loadTile(valueTile, tileStride(valueDim), KEYS, kv + nopeDim, kvStride, present, valueDim, tileStride(valueDim) - 4);
}

__device__ __forceinline__ void loadQueries(
        float* queryTile,
        float* gradTile,
        const float* q,
        Stride qStride,
        const float* dO,
        Stride dOStride,
        int present,
        int keyDim,
        int valueDim) {
    loadTile(queryTile, tileStride(keyDim), QUERIES, q, qStride, present, keyDim, tileStride(keyDim) - 4);
    loadTile(gradTile, tileStride(valueDim), QUERIES, dO, dOStride, present, valueDim, tileStride(valueDim) - 4);
}

/// dq [rows, heads * keyDim]. Grid (ceil(sequence / 32), heads, sequences), 256 threads, 4 * 32 * (2 * tileStride(keyDim) + 2 *
/// tileStride(valueDim) + 36) bytes.
extern "C" __global__ void __launch_bounds__(256, 2) attention_grad_query(
        float* dq,
        Stride dqStride,
        const float* dO,
        Stride dOStride,
        const float* delta,
        const float* logSumExp,
        Stride logSumExpStride,
        const float* q,
        Stride qStride,
        const float* kv,
        Stride kvStride,
        const float* kRope,
        Stride kRopeStride,
        int sequence,
        int nopeDim,
        int ropeDim,
        int valueDim,
        float scale) {
    int keyDim = nopeDim + ropeDim;
    int keyStride = tileStride(keyDim);
    int valueStride = tileStride(valueDim);
    DYNAMIC_SHARED(float, shared);
    float* queryTile = shared;
    float* keyTile = queryTile + QUERIES * keyStride;
    float* gradTile = keyTile + KEYS * keyStride;
    float* valueTile = gradTile + QUERIES * valueStride;
    float* scoreGrads = valueTile + KEYS * valueStride; // dS [QUERIES, SCORES]

    int head = blockIdx.y;
    long long rows = (long long)gridDim.z * sequence;
    long long firstRow = (long long)blockIdx.z * sequence;
    int first = (gridDim.x - 1 - blockIdx.x) * QUERIES;
    int present = min(QUERIES, sequence - first);
    int ty = threadIdx.x / SIDE;
    int tx = threadIdx.x % SIDE;
    q += (firstRow + first) * qStride + (long long)head * keyDim;
    dO += (firstRow + first) * dOStride + (long long)head * valueDim;
    kv += firstRow * kvStride + (long long)head * (nopeDim + valueDim);
    kRope += firstRow * kRopeStride;
    loadQueries(queryTile, gradTile, q, qStride, dO, dOStride, present, keyDim, valueDim);
    float logarithm[2];
    float rowDelta[2];
    for (int a = 0; a < 2; a++) {
        int i = min(first + 2 * ty + a, sequence - 1); // what is beyond is not written
        logarithm[a] = logSumExp[head * logSumExpStride + firstRow + i];
        rowDelta[a] = delta[head * rows + firstRow + i];
    }
    float4 sums[2][KEY_COLUMNS] = {};
    for (int from = 0; from < first + present; from += KEYS) {
        int keys = min(KEYS, sequence - from);
        __syncthreads(); // the last tile has been read
        loadKeys(
                keyTile, valueTile, kv + from * kvStride, kvStride, kRope + from * kRopeStride, kRopeStride, keys, nopeDim, ropeDim, valueDim);
        __syncthreads();
        float scores[2][2];
        float weightGrads[2][2];
        dotTile(scores, queryTile + 2 * ty * keyStride, keyTile + tx * keyStride, keyStride);
        dotTile(weightGrads, gradTile + 2 * ty * valueStride, valueTile + tx * valueStride, valueStride);
#pragma unroll
        for (int a = 0; a < 2; a++) {
#pragma unroll
            for (int b = 0; b < 2; b++) {
                bool sees = from + tx + SIDE * b <= first + 2 * ty + a;
                float weight = sees ? expf(scale * scores[a][b] - logarithm[a]) : 0;
                float grad = scale * weight * (weightGrads[a][b] - rowDelta[a]);
                scoreGrads[(2 * ty + a) * SCORES + tx + SIDE * b] = grad;
            }
        }
        __syncwarp(); // a warp reads what it wrote
        addRows(sums, scoreGrads + 2 * ty * SCORES, SCORES, keyTile, keyStride, KEYS, keyStride - 4);
    }
    for (int a = 0; a < 2; a++) {
        int i = 2 * ty + a;
        if (i >= present) continue;
        float* out = dq + (firstRow + first + i) * dqStride + (long long)head * keyDim;
        for (int g = 0; g < KEY_COLUMNS; g++) storeColumns(out, 4 * tx + 64 * g, keyDim, sums[a][g]);
    }
}

/// dkv [rows, heads * (nopeDim + valueDim)] and, for each head, its part of dkRope: dkRopes [heads, rows, ropeDim]. Grid (ceil(sequence / 32),
/// heads, sequences), 256 threads, 4 * 32 * (2 * tileStride(keyDim) + 2 * tileStride(valueDim) + 2 * 36) bytes.
extern "C" __global__ void __launch_bounds__(256, 2) attention_grad_key(
        float* dkv,
        Stride dkvStride,
        float* dkRopes,
        const float* dO,
        Stride dOStride,
        const float* delta,
        const float* logSumExp,
        Stride logSumExpStride,
        const float* q,
        Stride qStride,
        const float* kv,
        Stride kvStride,
        const float* kRope,
        Stride kRopeStride,
        int sequence,
        int nopeDim,
        int ropeDim,
        int valueDim,
        float scale) {
    int keyDim = nopeDim + ropeDim;
    int keyStride = tileStride(keyDim);
    int valueStride = tileStride(valueDim);
    DYNAMIC_SHARED(float, shared);
    float* queryTile = shared;
    float* keyTile = queryTile + QUERIES * keyStride;
    float* gradTile = keyTile + KEYS * keyStride;
    float* valueTile = gradTile + QUERIES * valueStride;
    float* weights = valueTile + KEYS * valueStride; // P transposed [KEYS, SCORES]
    float* scoreGrads = weights + KEYS * SCORES; // dS transposed [KEYS, SCORES]

    int head = blockIdx.y;
    long long rows = (long long)gridDim.z * sequence;
    long long firstRow = (long long)blockIdx.z * sequence;
    int first = blockIdx.x * KEYS; // the first keys have the most queries
    int present = min(KEYS, sequence - first);
    int ty = threadIdx.x / SIDE;
    int tx = threadIdx.x % SIDE;
    q += firstRow * qStride + (long long)head * keyDim;
    dO += firstRow * dOStride + (long long)head * valueDim;
    kv += (firstRow + first) * kvStride + (long long)head * (nopeDim + valueDim);
    kRope += (firstRow + first) * kRopeStride;
    loadKeys(keyTile, valueTile, kv, kvStride, kRope, kRopeStride, present, nopeDim, ropeDim, valueDim);
    float4 keySums[2][KEY_COLUMNS] = {};
    float4 valueSums[2][VALUE_COLUMNS] = {};
    for (int from = first; from < sequence; from += QUERIES) {
        int queries = min(QUERIES, sequence - from);
        __syncthreads(); // the last tile has been read
        loadQueries(queryTile, gradTile, q + from * qStride, qStride, dO + from * dOStride, dOStride, queries, keyDim, valueDim);
        __syncthreads();
        float scores[2][2];
        float weightGrads[2][2];
        dotTile(scores, keyTile + 2 * ty * keyStride, queryTile + tx * keyStride, keyStride);
        dotTile(weightGrads, valueTile + 2 * ty * valueStride, gradTile + tx * valueStride, valueStride);
#pragma unroll
        for (int b = 0; b < 2; b++) {
            int i = from + tx + SIDE * b;
            bool exists = i < sequence;
            float logarithm = exists ? logSumExp[head * logSumExpStride + firstRow + i] : 0;
            float rowDelta = exists ? delta[head * rows + firstRow + i] : 0;
#pragma unroll
            for (int a = 0; a < 2; a++) {
                bool sees = exists && first + 2 * ty + a <= i;
                float weight = sees ? expf(scale * scores[a][b] - logarithm) : 0;
                weights[(2 * ty + a) * SCORES + tx + SIDE * b] = weight;
                scoreGrads[(2 * ty + a) * SCORES + tx + SIDE * b] = scale * weight * (weightGrads[a][b] - rowDelta);
            }
        }
        __syncwarp(); // a warp reads what it wrote
        addRows(valueSums, weights + 2 * ty * SCORES, SCORES, gradTile, valueStride, QUERIES, valueStride - 4);
        addRows(keySums, scoreGrads + 2 * ty * SCORES, SCORES, queryTile, keyStride, QUERIES, keyStride - 4);
    }
    for (int a = 0; a < 2; a++) {
        int i = 2 * ty + a;
        if (i >= present) continue;
        long long row = firstRow + first + i;
        float* out = dkv + row * dkvStride + (long long)head * (nopeDim + valueDim);
        float* rope = dkRopes + (head * rows + row) * ropeDim - nopeDim; // of the columns from nopeDim on
        for (int g = 0; g < KEY_COLUMNS; g++) {
            int c = 4 * tx + 64 * g;
            float4 sum = keySums[a][g];
            if (c < keyDim) (c < nopeDim ? out : rope)[c] = sum.x;
            if (c + 1 < keyDim) (c + 1 < nopeDim ? out : rope)[c + 1] = sum.y;
            if (c + 2 < keyDim) (c + 2 < nopeDim ? out : rope)[c + 2] = sum.z;
            if (c + 3 < keyDim) (c + 3 < nopeDim ? out : rope)[c + 3] = sum.w;
        }
        for (int g = 0; g < VALUE_COLUMNS; g++) storeColumns(out + nopeDim, 4 * tx + 64 * g, valueDim, valueSums[a][g]);
    }
}

/// dkRope [rows, ropeDim] = the sum of dkRopes [heads, rows, ropeDim] in the order of heads. A thread an element.
extern "C" __global__ void __launch_bounds__(256) sum_heads(
        float* dkRope, Stride dkRopeStride, const float* dkRopes, int heads, int rows, int ropeDim) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    long long count = (long long)rows * ropeDim;
    if (i >= count) return;
    float sum = 0;
    for (int h = 0; h < heads; h++) sum += dkRopes[h * count + i];
    dkRope[i / ropeDim * dkRopeStride + i % ropeDim] = sum;
}
