// Causal attention in expanded form (SPEC 2.2; CausalAttention.java is the twin), with the softmax online over tiles of keys (Milakov and
// Gimelshein 2018, Dao et al. 2022). Keys are taken from position 0 on in tiles of one size: a position's bits are the same in a whole
// sequence and in any chunk of it.

constexpr int QUERIES = 64; // of a block, four a thread
constexpr int KEYS = 32; // of a tile, two a thread
constexpr int VALUES = 2; // float4 of a thread, 64 columns apart, so valueDim is at most 128

/// o_i = the sum over j <= i of softmax_j(scale * q_i . k_j) * v_j and, where not null, logSumExp [heads, rows], the natural logarithm of the
/// softmax's denominators.
///
/// q [rows, heads * (nopeDim + ropeDim)]: `queries` rows a sequence, from position `start` on. kv [., heads * (nopeDim + valueDim)] and kRope
/// [., ropeDim], shared by the heads: start + queries rows a sequence. Grid (ceil(queries / 64), heads, sequences), 256 threads, 4 * (96 *
/// tileStride(keyDim) + 32 * tileStride(valueDim) + 64 * 36) bytes: two blocks a multiprocessor at DeepSeek-V3's widths. Bound by FP32
/// arithmetic: no tensor cores.
extern "C" __global__ void __launch_bounds__(256, 2) causal_attention(
        float* o,
        Stride oStride,
        float* logSumExp,
        Stride logSumExpStride,
        const float* q,
        Stride qStride,
        const float* kv,
        Stride kvStride,
        const float* kRope,
        Stride kRopeStride,
        int queries,
        int start,
        int nopeDim,
        int ropeDim,
        int valueDim,
        float scale) {
    int keyDim = nopeDim + ropeDim;
    int keyStride = tileStride(keyDim);
    int valueStride = tileStride(valueDim);
    DYNAMIC_SHARED(float, shared);
    float* queryTile = shared; // [QUERIES, keyStride]
    float* keyTile = queryTile + QUERIES * keyStride; // [KEYS, keyStride]
    float* valueTile = keyTile + KEYS * keyStride; // [KEYS, valueStride]
    float* weights = valueTile + KEYS * valueStride; // [QUERIES, KEYS + 4]

    int head = blockIdx.y;
    int first = (gridDim.x - 1 - blockIdx.x) * QUERIES; // blocks with the most keys begin first
    long long row = (long long)blockIdx.z * queries + first;
    int present = min(QUERIES, queries - first);
    int ty = threadIdx.x / SIDE;
    int tx = threadIdx.x % SIDE;
    q += row * qStride + (long long)head * keyDim;
    kv += (long long)blockIdx.z * (start + queries) * kvStride + (long long)head * (nopeDim + valueDim);
    kRope += (long long)blockIdx.z * (start + queries) * kRopeStride;
    loadTile(queryTile, keyStride, QUERIES, q, qStride, present, keyDim, keyStride - 4);

    float4 sums[4][VALUES] = {};
    float largest[4];
    float total[4] = {};
    for (int a = 0; a < 4; a++) largest[a] = -infinity();
    int seen = start + first + present; // keys that any query of the block sees
    for (int from = 0; from < seen; from += KEYS) {
        int keys = min(KEYS, seen - from);
        __syncthreads(); // the last tile has been read
        loadTile(keyTile, keyStride, KEYS, kv + from * kvStride, kvStride, keys, nopeDim, nopeDim);
        loadTile(keyTile + nopeDim, keyStride, KEYS, kRope + from * kRopeStride, kRopeStride, keys, ropeDim, keyStride - 4 - nopeDim);
        loadTile(valueTile, valueStride, KEYS, kv + from * kvStride + nopeDim, kvStride, keys, valueDim, valueStride - 4);
        __syncthreads();
        float scores[4][2];
        dotTile(scores, queryTile + 4 * ty * keyStride, keyTile + tx * keyStride, keyStride);
#pragma unroll
        for (int a = 0; a < 4; a++) {
            int position = start + first + 4 * ty + a;
            bool sees0 = from + tx <= position;
            bool sees1 = from + tx + SIDE <= position;
            float most = -infinity();
            if (sees0) most = scale * scores[a][0];
            if (sees1) most = fmaxf(most, scale * scores[a][1]);
            most = fmaxf(largest[a], sideMax(most));
            float weight0 = sees0 ? expf(scale * scores[a][0] - most) : 0;
            float weight1 = sees1 ? expf(scale * scores[a][1] - most) : 0;
            float shrunk = expf(largest[a] - most);
            total[a] = total[a] * shrunk + sideSum(weight0 + weight1);
            largest[a] = most;
            weights[(4 * ty + a) * (KEYS + 4) + tx] = weight0;
            weights[(4 * ty + a) * (KEYS + 4) + tx + SIDE] = weight1;
#pragma unroll
            for (int g = 0; g < VALUES; g++) {
                sums[a][g].x *= shrunk;
                sums[a][g].y *= shrunk;
                sums[a][g].z *= shrunk;
                sums[a][g].w *= shrunk;
            }
        }
        __syncwarp(); // a warp reads the weights that it wrote
        addRows(sums, weights + 4 * ty * (KEYS + 4), KEYS + 4, valueTile, valueStride, KEYS, valueStride - 4);
    }
#pragma unroll
    for (int a = 0; a < 4; a++) {
        int i = 4 * ty + a;
        if (i >= present) continue;
        float factor = 1 / total[a];
        float* out = o + (row + i) * oStride + (long long)head * valueDim;
#pragma unroll
        for (int g = 0; g < VALUES; g++) {
            float4 sum = sums[a][g];
            sum = make_float4(sum.x * factor, sum.y * factor, sum.z * factor, sum.w * factor);
            storeColumns(out, 4 * tx + 64 * g, valueDim, sum);
        }
        if (tx == 0 && logSumExp != nullptr) logSumExp[head * logSumExpStride + row + i] = largest[a] + logf(total[a]);
    }
}
