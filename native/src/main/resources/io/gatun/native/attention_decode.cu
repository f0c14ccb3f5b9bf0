// Attention in absorbed form against the latent cache (SPEC 2.2; LatentAttention.java is the twin): row r attends to the positions 0 to
// positions[r] of its sequence's cache, whose rows are [normalised c_KV ; rotated k_R], in f32 or bf16.
//
// A cache is paged: pages[r * pageStride + i] is the address of page i of row r's sequence, pageSize rows that lie cacheStride elements
// apart; a contiguous cache is one page. Steps: absorb_query (q through W_UK), latent_attention over splits of the positions,
// latent_combine in the order of the splits, expand_context (through W_UV). Splits are cut by position only and unseen ones are skipped, so
// that a row's bits depend neither on the batch nor on the grid, and one captured graph serves every length up to splits * splitLength.

/// The numbers of a weight [rows, cols] as it is stored.
struct F32Weight {
    const float* w;
    Stride stride;
};

struct Bf16Weight {
    const bf16* w;
    Stride stride;
};

struct Fp8Weight {
    const e4m3* w;
    Stride stride;
    const float* scales; // of blocks of 128x128
    Stride scaleStride;
};

__device__ __forceinline__ float at(F32Weight w, long long row, int col) { return w.w[row * w.stride + col]; }

__device__ __forceinline__ float at(Bf16Weight w, long long row, int col) { return toFloat(w.w[row * w.stride + col]); }

__device__ __forceinline__ float at(Fp8Weight w, long long row, int col) {
    return toFloat(w.w[row * w.stride + col]) * w.scales[row / 128 * w.scaleStride + col / 128];
}

constexpr int TOKENS = 8; // rows that share one reading of the weight

/// qLatent[r, h] = W_UK of the head, turned, times q's part without position. A thread a latent column of up to TOKENS rows: grid
/// (ceil(latentDim / 128), heads, ceil(rows / 8)), 128 threads, TOKENS * nopeDim floats. Bound by the weight's bytes at few rows.
template <class Weight>
__device__ __forceinline__ void absorbQuery(
        float* qLatent, const float* q, Stride qStride, Weight kvB, int rows, int nopeDim, int ropeDim, int valueDim, int latentDim) {
    DYNAMIC_SHARED(float, query); // [TOKENS, nopeDim]
    int head = blockIdx.y;
    int heads = gridDim.y;
    int first = blockIdx.z * TOKENS;
    for (int i = threadIdx.x; i < TOKENS * nopeDim; i += blockDim.x) {
        int row = first + i / nopeDim;
        query[i] = row < rows ? q[row * qStride + head * (nopeDim + ropeDim) + i % nopeDim] : 0;
    }
    __syncthreads();
    int l = blockIdx.x * blockDim.x + threadIdx.x;
    if (l >= latentDim) return;
    float sums[TOKENS] = {};
    for (int d = 0; d < nopeDim; d++) {
        float w = at(kvB, (long long)head * (nopeDim + valueDim) + d, l);
#pragma unroll
        for (int t = 0; t < TOKENS; t++) sums[t] += query[t * nopeDim + d] * w;
    }
#pragma unroll
    for (int t = 0; t < TOKENS; t++) {
        if (first + t < rows) qLatent[((long long)(first + t) * heads + head) * latentDim + l] = sums[t];
    }
}

/// o[r, h] = W_UV of the head times context[r, h]. A warp a value: grid (ceil(valueDim / 8), heads, ceil(rows / 8)), 256 threads, TOKENS *
/// latentDim floats.
template <class Weight>
__device__ __forceinline__ void expandContext(
        float* o, Stride oStride, const float* context, Weight kvB, int rows, int nopeDim, int valueDim, int latentDim) {
    DYNAMIC_SHARED(float, latent); // [TOKENS, latentDim]
    int head = blockIdx.y;
    int heads = gridDim.y;
    int first = blockIdx.z * TOKENS;
    for (int i = threadIdx.x; i < TOKENS * latentDim; i += blockDim.x) {
        int row = first + i / latentDim;
        latent[i] = row < rows ? context[((long long)row * heads + head) * latentDim + i % latentDim] : 0;
    }
    __syncthreads();
    int value = blockIdx.x * (blockDim.x / WARP) + warp();
    if (value >= valueDim) return;
    float sums[TOKENS] = {};
    for (int l = lane(); l < latentDim; l += WARP) {
        float w = at(kvB, (long long)head * (nopeDim + valueDim) + nopeDim + value, l);
#pragma unroll
        for (int t = 0; t < TOKENS; t++) sums[t] += latent[t * latentDim + l] * w;
    }
#pragma unroll
    for (int t = 0; t < TOKENS; t++) {
        float sum = warpSum(sums[t]);
        if (lane() == 0 && first + t < rows) o[(first + t) * oStride + head * valueDim + value] = sum;
    }
}

extern "C" __global__ void __launch_bounds__(128) absorb_query_f32(
        float* qLatent,
        const float* q,
        Stride qStride,
        const float* kvB,
        Stride kvBStride,
        int rows,
        int nopeDim,
        int ropeDim,
        int valueDim,
        int latentDim) {
    absorbQuery(qLatent, q, qStride, F32Weight{kvB, kvBStride}, rows, nopeDim, ropeDim, valueDim, latentDim);
}

extern "C" __global__ void __launch_bounds__(128) absorb_query_bf16(
        float* qLatent,
        const float* q,
        Stride qStride,
        const bf16* kvB,
        Stride kvBStride,
        int rows,
        int nopeDim,
        int ropeDim,
        int valueDim,
        int latentDim) {
    absorbQuery(qLatent, q, qStride, Bf16Weight{kvB, kvBStride}, rows, nopeDim, ropeDim, valueDim, latentDim);
}

extern "C" __global__ void __launch_bounds__(128) absorb_query_fp8(
        float* qLatent,
        const float* q,
        Stride qStride,
        const e4m3* kvB,
        Stride kvBStride,
        const float* scales,
        Stride scaleStride,
        int rows,
        int nopeDim,
        int ropeDim,
        int valueDim,
        int latentDim) {
    Fp8Weight w = {kvB, kvBStride, scales, scaleStride};
    absorbQuery(qLatent, q, qStride, w, rows, nopeDim, ropeDim, valueDim, latentDim);
}

extern "C" __global__ void __launch_bounds__(256) expand_context_f32(
        float* o,
        Stride oStride,
        const float* context,
        const float* kvB,
        Stride kvBStride,
        int rows,
        int nopeDim,
        int valueDim,
        int latentDim) {
    expandContext(o, oStride, context, F32Weight{kvB, kvBStride}, rows, nopeDim, valueDim, latentDim);
}

extern "C" __global__ void __launch_bounds__(256) expand_context_bf16(
        float* o,
        Stride oStride,
        const float* context,
        const bf16* kvB,
        Stride kvBStride,
        int rows,
        int nopeDim,
        int valueDim,
        int latentDim) {
    expandContext(o, oStride, context, Bf16Weight{kvB, kvBStride}, rows, nopeDim, valueDim, latentDim);
}

extern "C" __global__ void __launch_bounds__(256) expand_context_fp8(
        float* o,
        Stride oStride,
        const float* context,
        const e4m3* kvB,
        Stride kvBStride,
        const float* scales,
        Stride scaleStride,
        int rows,
        int nopeDim,
        int valueDim,
        int latentDim) {
    Fp8Weight w = {kvB, kvBStride, scales, scaleStride};
    expandContext(o, oStride, context, w, rows, nopeDim, valueDim, latentDim);
}

/// The cached row of a position.
template <class T>
__device__ __forceinline__ T* cached(T* const* pages, int pageSize, Stride cacheStride, int position) {
    return pages[position / pageSize] + position % pageSize * cacheStride;
}

/// Writes row r to positions[r] of its sequence's cache. A block a row.
template <class T>
__device__ __forceinline__ void append(
        T* const* pages,
        int pageStride,
        int pageSize,
        Stride cacheStride,
        const float* cKv,
        Stride cKvStride,
        const float* kRope,
        Stride kRopeStride,
        const int* positions,
        int latentDim,
        int ropeDim) {
    long long row = blockIdx.x;
    T* to = cached(pages + row * pageStride, pageSize, cacheStride, positions[row]);
    for (int c = threadIdx.x; c < latentDim + ropeDim; c += blockDim.x) {
        store(to + c, c < latentDim ? cKv[row * cKvStride + c] : kRope[row * kRopeStride + c - latentDim]);
    }
}

extern "C" __global__ void __launch_bounds__(256) append_latent_f32(
        float* const* pages,
        int pageStride,
        int pageSize,
        Stride cacheStride,
        const float* cKv,
        Stride cKvStride,
        const float* kRope,
        Stride kRopeStride,
        const int* positions,
        int latentDim,
        int ropeDim) {
    append(pages, pageStride, pageSize, cacheStride, cKv, cKvStride, kRope, kRopeStride, positions, latentDim, ropeDim);
}

extern "C" __global__ void __launch_bounds__(256) append_latent_bf16(
        bf16* const* pages,
        int pageStride,
        int pageSize,
        Stride cacheStride,
        const float* cKv,
        Stride cKvStride,
        const float* kRope,
        Stride kRopeStride,
        const int* positions,
        int latentDim,
        int ropeDim) {
    append(pages, pageStride, pageSize, cacheStride, cKv, cKvStride, kRope, kRopeStride, positions, latentDim, ropeDim);
}

/// Reads the first positions of one sequence for attention in expanded form: latent [positions, latentDim], rope [positions, ropeDim]. A
/// block a position.
template <class T>
__device__ __forceinline__ void read(
        float* latent,
        Stride latentStride,
        float* rope,
        Stride ropeStride,
        const T* const* pages,
        int pageSize,
        Stride cacheStride,
        int latentDim,
        int ropeDim) {
    long long position = blockIdx.x;
    const T* from = cached(pages, pageSize, cacheStride, blockIdx.x);
    for (int c = threadIdx.x; c < latentDim + ropeDim; c += blockDim.x) {
        float* to = c < latentDim ? latent + position * latentStride + c : rope + position * ropeStride + c - latentDim;
        *to = toFloat(from[c]);
    }
}

extern "C" __global__ void __launch_bounds__(256) read_latent_f32(
        float* latent,
        Stride latentStride,
        float* rope,
        Stride ropeStride,
        const float* const* pages,
        int pageSize,
        Stride cacheStride,
        int latentDim,
        int ropeDim) {
    read(latent, latentStride, rope, ropeStride, pages, pageSize, cacheStride, latentDim, ropeDim);
}

extern "C" __global__ void __launch_bounds__(256) read_latent_bf16(
        float* latent,
        Stride latentStride,
        float* rope,
        Stride ropeStride,
        const bf16* const* pages,
        int pageSize,
        Stride cacheStride,
        int latentDim,
        int ropeDim) {
    read(latent, latentStride, rope, ropeStride, pages, pageSize, cacheStride, latentDim, ropeDim);
}

constexpr int HEADS = 16; // of a block: they share one reading of the cache
constexpr int KEYS = 32; // cached positions of a tile
constexpr int COLUMNS = 2; // latent columns of a thread, so latentDim is at most 512

/// One split of the positions of one row for HEADS heads: online softmax over tiles of KEYS positions (Milakov and Gimelshein 2018).
///
/// partial [rows, splits, heads, latentDim], not divided by the softmax's sum; softmax [rows, splits, heads, 2], largest score and sum. Grid
/// (splits, ceil(heads / 16), rows), 256 threads, 4 * (48 * width + 32 * 16 + 48) bytes with width = latentDim + ropeDim, up to a multiple of 4,
/// plus 4. With 128 heads FP32 arithmetic is the bound (278 thousand operations for 1152 bytes of a position in bf16), with 16 heads nearly
/// the cache's bytes.
template <class T>
__device__ __forceinline__ void attendLatent(
        float* partial,
        float* softmax,
        const float* qLatent,
        const float* q,
        Stride qStride,
        const T* const* pages,
        int pageStride,
        int pageSize,
        Stride cacheStride,
        const int* positions,
        int heads,
        int nopeDim,
        int ropeDim,
        int latentDim,
        int splitLength,
        float scale) {
    int split = blockIdx.x;
    int firstHead = blockIdx.y * HEADS;
    long long row = blockIdx.z;
    int from = split * splitLength;
    int to = min(positions[row] + 1, from + splitLength);
    if (from >= to) return; // the whole block

    int dim = latentDim + ropeDim;
    int width = (dim + 3) / 4 * 4 + 4; // four more floats, so that rows begin in different banks
    DYNAMIC_SHARED(float, shared);
    float* queries = shared; // [HEADS, width]
    float* keys = queries + HEADS * width; // [KEYS, width]
    float* scores = keys + KEYS * width; // [KEYS, HEADS], then the weights
    float* largest = scores + KEYS * HEADS; // [HEADS]
    float* sums = largest + HEADS;
    float* shrunk = sums + HEADS; // what earlier tiles are multiplied with

    for (int i = threadIdx.x; i < HEADS * width; i += blockDim.x) {
        int head = firstHead + i / width;
        int c = i % width;
        float value = 0;
        if (head < heads && c < latentDim) {
            value = qLatent[(row * heads + head) * latentDim + c];
        } else if (head < heads && c < dim) {
            value = q[row * qStride + head * (nopeDim + ropeDim) + nopeDim + c - latentDim];
        }
        queries[i] = value;
    }
    if (threadIdx.x < HEADS) {
        largest[threadIdx.x] = -infinity();
        sums[threadIdx.x] = 0;
    }
    float context[HEADS][COLUMNS] = {};
    for (int first = from; first < to; first += KEYS) {
        int count = min(KEYS, to - first);
        __syncthreads(); // the last tile has been read
        for (int j = warp(); j < KEYS; j += blockDim.x / WARP) {
            const T* x = j < count ? cached(pages + row * pageStride, pageSize, cacheStride, first + j) : nullptr;
            for (int c = lane(); c < width; c += WARP) keys[j * width + c] = j < count && c < dim ? toFloat(x[c]) : 0;
        }
        __syncthreads();
        for (int h = 2 * warp(); h < HEADS; h += 2 * blockDim.x / WARP) { // a lane a position, for two heads at a time
            const float* key = keys + lane() * width;
            float dot0 = 0;
            float dot1 = 0;
            for (int c = 0; c < width - 4; c += 4) {
                float4 k = load4(key + c);
                float4 q0 = load4(queries + h * width + c);
                float4 q1 = load4(queries + (h + 1) * width + c);
                dot0 += k.x * q0.x + k.y * q0.y + k.z * q0.z + k.w * q0.w;
                dot1 += k.x * q1.x + k.y * q1.y + k.z * q1.z + k.w * q1.w;
            }
            for (int i = 0; i < 2; i++) {
                float score = lane() < count ? scale * (i == 0 ? dot0 : dot1) : -infinity();
                float before = largest[h + i];
                float most = fmaxf(before, warpMax(score));
                float weight = lane() < count ? expf(score - most) : 0;
                float sum = warpSum(weight);
                scores[lane() * HEADS + h + i] = weight;
                __syncwarp(); // all have read the largest of before
                if (lane() == 0) {
                    shrunk[h + i] = expf(before - most);
                    sums[h + i] = sums[h + i] * shrunk[h + i] + sum;
                    largest[h + i] = most;
                }
            }
        }
        __syncthreads();
#pragma unroll
        for (int h = 0; h < HEADS; h++) {
#pragma unroll
            for (int i = 0; i < COLUMNS; i++) context[h][i] *= shrunk[h];
        }
        for (int j = 0; j < count; j++) {
            float value[COLUMNS];
#pragma unroll
            for (int i = 0; i < COLUMNS; i++) {
                int c = threadIdx.x + i * blockDim.x;
                value[i] = c < latentDim ? keys[j * width + c] : 0;
            }
#pragma unroll
            for (int h = 0; h < HEADS; h += 4) {
                float4 p = load4(scores + j * HEADS + h);
#pragma unroll
                for (int i = 0; i < COLUMNS; i++) {
                    context[h][i] += p.x * value[i];
                    context[h + 1][i] += p.y * value[i];
                    context[h + 2][i] += p.z * value[i];
                    context[h + 3][i] += p.w * value[i];
                }
            }
        }
    }
    long long place = (row * gridDim.x + split) * heads + firstHead;
#pragma unroll
    for (int h = 0; h < HEADS; h++) {
        if (firstHead + h >= heads) break;
#pragma unroll
        for (int i = 0; i < COLUMNS; i++) {
            int c = threadIdx.x + i * blockDim.x;
            if (c < latentDim) partial[(place + h) * latentDim + c] = context[h][i];
        }
    }
    int own = threadIdx.x;
    if (own < HEADS && firstHead + own < heads) {
        softmax[2 * (place + own)] = largest[own];
        softmax[2 * (place + own) + 1] = sums[own];
    }
}

extern "C" __global__ void __launch_bounds__(256) latent_attention_f32(
        float* partial,
        float* softmax,
        const float* qLatent,
        const float* q,
        Stride qStride,
        const float* const* pages,
        int pageStride,
        int pageSize,
        Stride cacheStride,
        const int* positions,
        int heads,
        int nopeDim,
        int ropeDim,
        int latentDim,
        int splitLength,
        float scale) {
    attendLatent(
            partial,
            softmax,
            qLatent,
            q,
            qStride,
            pages,
            pageStride,
            pageSize,
            cacheStride,
            positions,
            heads,
            nopeDim,
            ropeDim,
            latentDim,
            splitLength,
            scale);
}

extern "C" __global__ void __launch_bounds__(256) latent_attention_bf16(
        float* partial,
        float* softmax,
        const float* qLatent,
        const float* q,
        Stride qStride,
        const bf16* const* pages,
        int pageStride,
        int pageSize,
        Stride cacheStride,
        const int* positions,
        int heads,
        int nopeDim,
        int ropeDim,
        int latentDim,
        int splitLength,
        float scale) {
    attendLatent(
            partial,
            softmax,
            qLatent,
            q,
            qStride,
            pages,
            pageStride,
            pageSize,
            cacheStride,
            positions,
            heads,
            nopeDim,
            ropeDim,
            latentDim,
            splitLength,
            scale);
}

/// context [rows, heads, latentDim] from the splits that a row has, in their order. Grid (heads, rows). Reads what latent_attention wrote.
extern "C" __global__ void __launch_bounds__(256) latent_combine(
        float* context, const float* partial, const float* softmax, const int* positions, int latentDim, int splits, int splitLength) {
    int head = blockIdx.x;
    int heads = gridDim.x;
    long long row = blockIdx.y;
    int used = min(splits, positions[row] / splitLength + 1);
    const float* first = softmax + 2 * (row * splits * heads + head); // splits lie 2 * heads apart
    float most = first[0];
    for (int s = 1; s < used; s++) most = fmaxf(most, first[2LL * s * heads]);
    float sum = 0;
    for (int s = 0; s < used; s++) sum += expf(first[2LL * s * heads] - most) * first[2LL * s * heads + 1];
    for (int c = threadIdx.x; c < latentDim; c += blockDim.x) {
        float total = 0;
        for (int s = 0; s < used; s++) {
            total += expf(first[2LL * s * heads] - most) * partial[((row * splits + s) * heads + head) * latentDim + c];
        }
        context[(row * heads + head) * latentDim + c] = total / sum;
    }
}
