// Tokens to the order of their experts and back (Permutation.java is the twin): a counting sort of the choices ids [rows, topK] in blocks
// of PLACE_ROWS rows, and the rows that follow it. The moves are bound by memory; the sort, by latency.

constexpr int PLACE_ROWS = 64; // rows of a block of the sort

/// counts[block, e] = how often the block's rows choose e. Dynamic shared memory: experts ints.
extern "C" __global__ void __launch_bounds__(256) count_choices(
        int* counts, const int* ids, Stride idStride, int rows, int topK, int experts) {
    DYNAMIC_SHARED(int, count);
    for (int e = threadIdx.x; e < experts; e += blockDim.x) count[e] = 0;
    __syncthreads();
    int first = blockIdx.x * PLACE_ROWS;
    int choices = min(PLACE_ROWS, rows - first) * topK;
    for (int i = threadIdx.x; i < choices; i += blockDim.x) {
        atomicAdd(&count[ids[(first + i / topK) * idStride + i % topK]], 1); // whole numbers: in any order
    }
    __syncthreads();
    for (int e = threadIdx.x; e < experts; e += blockDim.x) counts[(long long)blockIdx.x * experts + e] = count[e];
}

/// offsets [experts + 1], the first permuted row of each expert; counts [blocks, experts] become how many of an expert's rows lie in
/// earlier blocks. One block, a thread an expert.
extern "C" __global__ void __launch_bounds__(256) place_experts(int* offsets, int* counts, int blocks, int experts) {
    int before = 0; // rows of the experts of earlier rounds
    for (int from = 0; from < experts; from += blockDim.x) {
        int e = from + threadIdx.x;
        int own = 0;
        for (int b = 0; b < blocks && e < experts; b++) {
            int count = counts[(long long)b * experts + e];
            counts[(long long)b * experts + e] = own;
            own += count;
        }
        int total;
        int offset = before + blockPrefix(own, total);
        if (e < experts) offsets[e] = offset;
        before += total;
    }
    if (threadIdx.x == 0) offsets[experts] = before;
}

/// positions [rows, topK], the permuted row of each choice, and its inverse tokens [rows * topK]: in token order within an expert. A
/// thread an expert; it reads the block's choices in their order. Dynamic shared memory: PLACE_ROWS * topK ints.
extern "C" __global__ void __launch_bounds__(256) place_choices(
        int* positions,
        Stride positionStride,
        int* tokens,
        const int* offsets,
        const int* counts,
        const int* ids,
        Stride idStride,
        int rows,
        int topK,
        int experts) {
    DYNAMIC_SHARED(int, choice);
    int first = blockIdx.x * PLACE_ROWS;
    int choices = min(PLACE_ROWS, rows - first) * topK;
    for (int i = threadIdx.x; i < choices; i += blockDim.x) choice[i] = ids[(first + i / topK) * idStride + i % topK];
    __syncthreads();
    for (int e = threadIdx.x; e < experts; e += blockDim.x) {
        int next = offsets[e] + counts[(long long)blockIdx.x * experts + e];
        for (int i = 0; i < choices; i++) {
            if (choice[i] != e) continue;
            int row = first + i / topK;
            positions[row * positionStride + i % topK] = next;
            tokens[next++] = row;
        }
    }
}

/// The whole sort of at most PLACE_ROWS rows, as decoding has them, by one block: one launch in the place of three. Dynamic shared memory:
/// rows * topK ints.
extern "C" __global__ void __launch_bounds__(256) place_few(
        int* positions,
        Stride positionStride,
        int* tokens,
        int* offsets,
        const int* ids,
        Stride idStride,
        int rows,
        int topK,
        int experts) {
    DYNAMIC_SHARED(int, choice);
    int choices = rows * topK;
    for (int i = threadIdx.x; i < choices; i += blockDim.x) choice[i] = ids[i / topK * idStride + i % topK];
    __syncthreads();
    int before = 0;
    for (int from = 0; from < experts; from += blockDim.x) {
        int e = from + threadIdx.x;
        int own = 0;
        for (int i = 0; i < choices; i++) own += choice[i] == e;
        int total;
        int next = before + blockPrefix(own, total);
        if (e < experts) offsets[e] = next;
        for (int i = 0; i < choices && own > 0; i++) {
            if (choice[i] != e) continue;
            positions[i / topK * positionStride + i % topK] = next;
            tokens[next++] = i / topK;
            own--;
        }
        before += total;
    }
    if (threadIdx.x == 0) offsets[experts] = before;
}

/// permuted[p] = x[tokens[p]]; a block for each of rows * topK permuted rows.
extern "C" __global__ void __launch_bounds__(256) permute(
        float* permuted, Stride permutedStride, const float* x, Stride xStride, const int* tokens, int dim) {
    const float* from = x + tokens[blockIdx.x] * xStride;
    mapRow(permuted + blockIdx.x * permutedStride, dim, [](float a) { return a; }, from);
}

/// y[t] (+)= the sum of weights[t, k] * permuted[positions[t, k]] in the order of k; weights null for ones, which makes this the gradient
/// of permute. A block a token.
extern "C" __global__ void __launch_bounds__(256) unpermute(
        float* y,
        Stride yStride,
        const float* permuted,
        Stride permutedStride,
        const float* weights,
        Stride weightStride,
        const int* positions,
        Stride positionStride,
        int topK,
        int dim,
        int add) {
    long long row = blockIdx.x;
    const int* position = positions + row * positionStride;
    for (int c = threadIdx.x; c < dim; c += blockDim.x) {
        float sum = add ? y[row * yStride + c] : 0;
        for (int k = 0; k < topK; k++) {
            float weight = weights == nullptr ? 1 : weights[row * weightStride + k];
            sum += weight * permuted[position[k] * permutedStride + c];
        }
        y[row * yStride + c] = sum;
    }
}

/// dPermuted[p] = weights[t, k] * dy[t] and dWeights[t, k] = dy[t] . permuted[p] with p = positions[t, k]. A block for each of rows * topK
/// choices. dPermuted may be permuted.
extern "C" __global__ void __launch_bounds__(256) unpermute_grad(
        float* dPermuted,
        Stride dPermutedStride,
        float* dWeights,
        Stride dWeightStride,
        const float* dy,
        Stride dyStride,
        const float* permuted,
        Stride permutedStride,
        const float* weights,
        Stride weightStride,
        const int* positions,
        Stride positionStride,
        int topK,
        int dim) {
    long long row = blockIdx.x / topK;
    int k = blockIdx.x % topK;
    long long p = positions[row * positionStride + k];
    float weight = weights[row * weightStride + k];
    dy += row * dyStride;
    float dot = blockSum(sumRow(dim, [](float a, float b) { return a * b; }, dy, permuted + p * permutedStride));
    if (threadIdx.x == 0) dWeights[row * dWeightStride + k] = dot;
    mapRow(dPermuted + p * dPermutedStride, dim, [=](float a) { return weight * a; }, dy);
}
