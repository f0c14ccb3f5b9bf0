// AdamW (AdamW.java is the twin), sums over gradients, and the bias of the gates (SPEC 3.1, 4.1). All are bound by memory.

constexpr int ELEMENTS = 4; // of a thread: as many loads under way at a time

/// One update of count elements; blocks of 1024. The host gives the numbers that are the same for all: decay = -lr * weightDecay, rate =
/// -lr / (1 - beta1^step), root = 1 / sqrt(1 - beta2^step), take1 = (1 - beta1) * factor, take2 = 1 - beta2. w moves by the unrounded
/// moments, then they are stored.
template <class Moment>
__device__ __forceinline__ void update(
        float* w,
        const float* grad,
        Moment* m,
        Moment* v,
        long long count,
        float decay,
        float rate,
        float root,
        float beta1,
        float take1,
        float beta2,
        float take2,
        float eps,
        float factor) {
    for (int k = 0; k < ELEMENTS; k++) {
        long long i = ((long long)blockIdx.x * ELEMENTS + k) * blockDim.x + threadIdx.x;
        if (i >= count) return;
        float g = grad[i];
        float m1 = toFloat(m[i]) * beta1 + g * take1;
        g *= factor;
        float v1 = toFloat(v[i]) * beta2 + g * g * take2;
        float w0 = w[i];
        store(m + i, m1);
        store(v + i, v1);
        w[i] = w0 + (w0 * decay + m1 * rate / (sqrtf(v1) * root + eps));
    }
}

/// Moments in f32.
extern "C" __global__ void __launch_bounds__(256) adamw(
        float* w,
        const float* grad,
        float* m,
        float* v,
        long long count,
        float decay,
        float rate,
        float root,
        float beta1,
        float take1,
        float beta2,
        float take2,
        float eps,
        float factor) {
    update(w, grad, m, v, count, decay, rate, root, beta1, take1, beta2, take2, eps, factor);
}

/// Moments in bf16, rounded to nearest even.
extern "C" __global__ void __launch_bounds__(256) adamw_bf16(
        float* w,
        const float* grad,
        bf16* m,
        bf16* v,
        long long count,
        float decay,
        float rate,
        float root,
        float beta1,
        float take1,
        float beta2,
        float take2,
        float eps,
        float factor) {
    update(w, grad, m, v, count, decay, rate, root, beta1, take1, beta2, take2, eps, factor);
}

/// partial[b] = the sum, or the sum of squares, in double, of row b of x: cols elements, of the last row what is left of count. A flat
/// range is rows of 16384 elements that follow each other.
extern "C" __global__ void __launch_bounds__(256) partial_sums(
        double* partial, const float* x, Stride xStride, int cols, long long count, int squares) {
    long long row = blockIdx.x;
    x += row * xStride;
    int n = (int)min((long long)cols, count - row * cols);
    double sum = 0;
    for (int c = threadIdx.x; c < n; c += blockDim.x) {
        double value = x[c];
        sum += squares ? value * value : value;
    }
    sum = blockSum(sum);
    if (threadIdx.x == 0) partial[row] = sum;
}

/// total (+)= the partial sums, in an order that depends on their number only. One block.
extern "C" __global__ void __launch_bounds__(256) total_sum(double* total, const double* partial, int count, int add) {
    double sum = 0;
    for (int i = threadIdx.x; i < count; i += blockDim.x) sum += partial[i];
    sum = blockSum(sum);
    if (threadIdx.x == 0) *total = add ? *total + sum : sum;
}

/// counts[e] += the tokens of expert e, from the offsets [experts + 1] of a micro-batch. A thread an expert.
extern "C" __global__ void __launch_bounds__(256) add_load(long long* counts, const int* offsets, int experts) {
    int e = blockIdx.x * blockDim.x + threadIdx.x;
    if (e < experts) counts[e] += offsets[e + 1] - offsets[e];
}

/// bias[e] += speed * sign(mean(counts) - counts[e]), the counts of the whole global batch. A thread an expert.
extern "C" __global__ void __launch_bounds__(256) bias_update(
        float* bias, const long long* counts, int experts, double speed) {
    int e = blockIdx.x * blockDim.x + threadIdx.x;
    if (e >= experts) return;
    long long sum = 0;
    for (int i = 0; i < experts; i++) sum += counts[i];
    long long own = counts[e] * experts; // mean - count without a division
    bias[e] = (float)(bias[e] + speed * (sum > own ? 1 : sum < own ? -1 : 0));
}
