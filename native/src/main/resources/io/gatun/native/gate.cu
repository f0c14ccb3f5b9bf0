// Scores, selection and weights of experts, and their gradient (SPEC 2.5; GateScores.java and GroupedTopK.java are the twins). A warp a
// token, four to a block; keys lie in shared memory. Bound by latency at decode (a few microseconds), by the selection's rounds else.

constexpr int INFINITE_KEY = 0x7f800000;
constexpr int OUT = (int)0x80000000; // below the key of -infinity: taken or out of question

/// Whole numbers in the order of the scores; NaN above infinity, so that it is chosen and seen.
__device__ __forceinline__ int keyOf(float score) {
    int bits = __float_as_int(score);
    if ((bits & 0x7fffffff) > INFINITE_KEY) return 0x7fc00000;
    return bits ^ (int)((unsigned)(bits >> 31) >> 1); // the magnitude of negative numbers counts down
}

__device__ __forceinline__ float valueOf(int key) { return __int_as_float(key ^ (int)((unsigned)(key >> 31) >> 1)); }

/// The place of the largest of n keys, the lower of equals, which is then out of question. All lanes of a warp call it.
__device__ __forceinline__ int take(int* keys, int n) {
    int best = OUT;
    int at = 0x7fffffff;
    for (int i = lane(); i < n; i += WARP) {
        if (keys[i] > best || at == 0x7fffffff) {
            best = keys[i];
            at = i;
        }
    }
    for (int with = WARP / 2; with > 0; with /= 2) {
        int other = __shfl_xor_sync(ALL_LANES, best, with);
        int there = __shfl_xor_sync(ALL_LANES, at, with);
        if (other > best || (other == best && there < at)) {
            best = other;
            at = there;
        }
    }
    __syncwarp();
    if (lane() == 0) keys[at] = OUT;
    __syncwarp();
    return at;
}

/// ids [topK] in falling order of keys, after all but keptGroups groups went out of question. groupKeys [groups] is scratch.
__device__ __forceinline__ void select(
        int* ids, int* keys, int* groupKeys, int experts, int topK, int groups, int keptGroups, int sumOfTwo) {
    if (keptGroups < groups) {
        int size = experts / groups;
        for (int g = lane(); g < groups; g += WARP) {
            int first = OUT;
            int second = OUT;
            for (int e = g * size; e < (g + 1) * size; e++) {
                second = max(second, min(first, keys[e]));
                first = max(first, keys[e]);
            }
            groupKeys[g] = sumOfTwo && size > 1 ? keyOf(valueOf(first) + valueOf(second)) : first;
        }
        __syncwarp();
        for (int i = 0; i < keptGroups; i++) take(groupKeys, groups);
        for (int e = lane(); e < experts; e += WARP) {
            if (groupKeys[e / size] != OUT) keys[e] = OUT;
        }
        __syncwarp();
    }
    for (int k = 0; k < topK; k++) {
        int id = take(keys, experts);
        if (lane() == 0) ids[k] = id;
    }
    __syncwarp(); // the other lanes may read ids
}

/// scores = sigmoid(logits) or softmax(logits); equal logits of a row give equal bits.
__device__ __forceinline__ void scores(float* y, const float* logits, int experts, int softmax) {
    if (!softmax) {
        for (int e = lane(); e < experts; e += WARP) {
            float x = logits[e];
            float exp = expf(-fabsf(x)); // of the negative magnitude: neither tail overflows or cancels
            y[e] = (x > 0 ? 1 : exp) / (exp + 1);
        }
        return;
    }
    float largest = -infinity();
    for (int e = lane(); e < experts; e += WARP) largest = fmaxf(largest, logits[e]);
    largest = warpMax(largest);
    float sum = 0;
    for (int e = lane(); e < experts; e += WARP) sum += expf(logits[e] - largest);
    float factor = 1 / warpSum(sum);
    for (int e = lane(); e < experts; e += WARP) y[e] = expf(logits[e] - largest) * factor;
}

__device__ __forceinline__ float sumOfChosen(const float* scores, const int* ids, int topK) {
    float sum = 0;
    for (int k = 0; k < topK; k++) sum += scores[ids[k]];
    return sum + 1e-20f;
}

/// scores [rows, experts], ids [rows, topK] in falling order of biased score, and their weights [rows, topK].
///
/// logits [rows, experts]; bias [experts] or null; dynamic shared memory: blockDim.x / 32 * (experts + groups) ints.
extern "C" __global__ void __launch_bounds__(128) route(
        float* scores_,
        Stride scoreStride,
        int* ids,
        Stride idStride,
        float* weights,
        Stride weightStride,
        const float* logits,
        Stride logitStride,
        const float* bias,
        int rows,
        int experts,
        int topK,
        int groups,
        int keptGroups,
        int sumOfTwo,
        int softmax,
        int normalise,
        float scale) {
    DYNAMIC_SHARED(int, allKeys);
    long long row = blockIdx.x * (blockDim.x / WARP) + warp();
    if (row >= rows) return; // the whole warp
    int* keys = allKeys + warp() * (experts + groups);
    float* s = scores_ + row * scoreStride;
    int* chosen = ids + row * idStride;
    scores(s, logits + row * logitStride, experts, softmax);
    for (int e = lane(); e < experts; e += WARP) keys[e] = keyOf(bias == nullptr ? s[e] : s[e] + bias[e]);
    __syncwarp();
    select(chosen, keys, keys + experts, experts, topK, groups, keptGroups, sumOfTwo);
    float factor = normalise ? scale / sumOfChosen(s, chosen, topK) : scale;
    for (int k = lane(); k < topK; k += WARP) weights[row * weightStride + k] = factor * s[chosen[k]];
}

/// dLogits [rows, experts] through the weights of the chosen and, where not null, dScores [rows, experts] of a balance loss.
extern "C" __global__ void __launch_bounds__(128) route_grad(
        float* dLogits,
        Stride dLogitStride,
        const float* dWeights,
        Stride dWeightStride,
        const float* dScores,
        Stride dScoreStride,
        const float* scores,
        Stride scoreStride,
        const int* ids,
        Stride idStride,
        int rows,
        int experts,
        int topK,
        int softmax,
        int normalise,
        float scale) {
    long long row = blockIdx.x * (blockDim.x / WARP) + warp();
    if (row >= rows) return;
    float* d = dLogits + row * dLogitStride;
    const float* dw = dWeights + row * dWeightStride;
    const float* s = scores + row * scoreStride;
    const int* chosen = ids + row * idStride;
    for (int e = lane(); e < experts; e += WARP) d[e] = dScores == nullptr ? 0 : dScores[row * dScoreStride + e];
    float factor = scale;
    float mean = 0; // of dWeights, by the shares of the weights
    if (normalise) {
        float sum = sumOfChosen(s, chosen, topK);
        factor = scale / sum;
        for (int k = 0; k < topK; k++) mean += s[chosen[k]] / sum * dw[k];
    }
    __syncwarp();
    for (int k = lane(); k < topK; k += WARP) d[chosen[k]] += factor * (dw[k] - mean); // the chosen are different
    __syncwarp();
    float along = 0;
    if (softmax) {
        for (int e = lane(); e < experts; e += WARP) along += d[e] * s[e];
        along = warpSum(along);
    }
    for (int e = lane(); e < experts; e += WARP) d[e] = softmax ? (d[e] - along) * s[e] : d[e] * ((1 - s[e]) * s[e]);
}

/// counts[sequence, e] += how many tokens of the sequence have e among the topK best raw scores (SPEC 3.2). Sums of whole numbers do not
/// depend on their order. Dynamic shared memory: blockDim.x / 32 * (experts + topK) ints.
extern "C" __global__ void __launch_bounds__(128) balance_counts(
        int* counts, const float* scores, Stride scoreStride, int rows, int sequence, int experts, int topK) {
    DYNAMIC_SHARED(int, allKeys);
    long long row = blockIdx.x * (blockDim.x / WARP) + warp();
    if (row >= rows) return;
    int* keys = allKeys + warp() * (experts + topK);
    int* chosen = keys + experts;
    for (int e = lane(); e < experts; e += WARP) keys[e] = keyOf(scores[row * scoreStride + e]);
    __syncwarp();
    select(chosen, keys, nullptr, experts, topK, 1, 1, 0);
    for (int k = lane(); k < topK; k += WARP) atomicAdd(&counts[row / sequence * experts + chosen[k]], 1);
}

/// dScores = factor / Z * (f - m) with Z = sum(s) + 1e-20, f = even * counts of the sequence and m = sum(f * s) / Z, which is this token's
/// share of the loss: shares [rows]. even = experts / (topK * sequence); factor of the loss divided by sequence. A warp a token.
extern "C" __global__ void __launch_bounds__(128) balance_grad(
        float* dScores,
        Stride dScoreStride,
        float* shares,
        const float* scores,
        Stride scoreStride,
        const int* counts,
        int rows,
        int sequence,
        int experts,
        float even,
        float factor) {
    long long row = blockIdx.x * (blockDim.x / WARP) + warp();
    if (row >= rows) return;
    const float* s = scores + row * scoreStride;
    const int* count = counts + row / sequence * experts;
    float sum = 0;
    float dot = 0;
    for (int e = lane(); e < experts; e += WARP) {
        sum += s[e];
        dot += even * count[e] * s[e];
    }
    sum = warpSum(sum) + 1e-20f;
    float mean = warpSum(dot) / sum;
    if (lane() == 0) shares[row] = mean;
    for (int e = lane(); e < experts; e += WARP) {
        dScores[row * dScoreStride + e] = factor / sum * (even * count[e] - mean);
    }
}

/// loss[s] = the mean of the shares of sequence s. A block a sequence.
extern "C" __global__ void __launch_bounds__(256) balance_loss(float* loss, const float* shares, int sequence) {
    double sum = 0;
    for (int t = threadIdx.x; t < sequence; t += blockDim.x) sum += shares[(long long)blockIdx.x * sequence + t];
    sum = blockSum(sum);
    if (threadIdx.x == 0) loss[blockIdx.x] = (float)(sum / sequence);
}
