// Softmax cross-entropy and its gradient (CrossEntropy.java is the twin).

/// losses[r] = log(sum(exp(logits))) - logits[target] in nats; then, unless factor is 0, the logits become factor * (softmax - onehot).
/// A block a row, bound by memory: at 129280 logits a row stays in the second cache between its passes. Targets are i32 [sequences,
/// length] in reading order and lie below vocabulary, which the caller has checked.
extern "C" __global__ void __launch_bounds__(256) cross_entropy(
        float* losses,
        float* logits,
        Stride logitStride,
        const int* targets,
        int length,
        Stride targetStride,
        int vocabulary,
        float factor) {
    int row = blockIdx.x;
    int target = targets[row / length * targetStride + row % length];
    float* x = logits + row * logitStride;
    float largest = -infinity();
    for (int c = threadIdx.x; c < vocabulary; c += blockDim.x) largest = fmaxf(largest, x[c]); // passes over NaN; the sum finds it
    largest = blockMax(largest);
    float exponentials = sumRow(vocabulary, [=](float a) { return expf(a - largest); }, x);
    double sum = blockSum((double)exponentials);
    if (threadIdx.x == 0) losses[row] = (float)(log(sum) + largest - x[target]);
    if (factor == 0) return;
    __syncthreads(); // before the target's logit is replaced
    float scale = (float)(factor / sum);
    mapRow(x, vocabulary, [=](float a) { return expf(a - largest) * scale; }, x);
    __syncthreads();
    if (threadIdx.x == 0) x[target] -= factor;
}
