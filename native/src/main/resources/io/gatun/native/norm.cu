// Root-mean-square norm of rows and its gradients (SPEC 2.1; RmsNorm.java is the twin). One block a row, except where columns are summed.
// All are bound by memory: a row of 7168 floats is read twice, the second time from the cache.

/// y = x * rstd * gain with rstd = 1/sqrt(mean(x^2) + eps), kept in rstd [rows]. y may be x.
extern "C" __global__ void __launch_bounds__(256) rms_norm(
        float* y, Stride yStride, float* rstd, const float* x, Stride xStride, const float* gain, int dim, float eps) {
    long long row = blockIdx.x;
    y += row * yStride;
    x += row * xStride;
    float squares = blockSum(sumRow(dim, [](float a) { return a * a; }, x));
    float scale = 1 / sqrtf(squares / dim + eps);
    if (threadIdx.x == 0) rstd[row] = scale;
    mapRow(y, dim, [=](float a, float g) { return a * scale * g; }, x, gain);
}

/// x += delta, the residual of a block, then y = rms_norm(x).
extern "C" __global__ void __launch_bounds__(256) add_rms_norm(
        float* y,
        Stride yStride,
        float* rstd,
        float* x,
        Stride xStride,
        const float* delta,
        Stride deltaStride,
        const float* gain,
        int dim,
        float eps) {
    long long row = blockIdx.x;
    y += row * yStride;
    x += row * xStride;
    delta += row * deltaStride;
    mapRow(x, dim, [](float a, float b) { return a + b; }, x, delta);
    __syncthreads(); // the passes give threads other columns where only one is aligned
    float squares = blockSum(sumRow(dim, [](float a) { return a * a; }, x));
    float scale = 1 / sqrtf(squares / dim + eps);
    if (threadIdx.x == 0) rstd[row] = scale;
    mapRow(y, dim, [=](float a, float g) { return a * scale * g; }, x, gain);
}

/// dx (+)= rstd * (gain * dy - x * rstd^2 * mean(gain * dy * x)). dx may be dy or x.
extern "C" __global__ void __launch_bounds__(256) rms_norm_input_grad(
        float* dx,
        Stride dxStride,
        const float* dy,
        Stride dyStride,
        const float* x,
        Stride xStride,
        const float* rstd,
        const float* gain,
        int dim,
        int add) {
    long long row = blockIdx.x;
    dx += row * dxStride;
    dy += row * dyStride;
    x += row * xStride;
    float scale = rstd[row];
    float dot = blockSum(sumRow(dim, [](float g, float d, float a) { return g * d * a; }, gain, dy, x));
    float along = -scale * scale * scale * (dot / dim);
    if (add) {
        auto sum = [=](float before, float g, float d, float a) { return before + (g * d * scale + a * along); };
        mapRow(dx, dim, sum, dx, gain, dy, x);
    } else {
        mapRow(dx, dim, [=](float g, float d, float a) { return g * d * scale + a * along; }, gain, dy, x);
    }
}

/// partial[chunk, c] = the sum over the chunk's rows of dy * x * rstd; a thread a column, blockIdx.y a chunk of rows.
extern "C" __global__ void __launch_bounds__(256) rms_norm_gain_grad(
        float* partial,
        const float* dy,
        Stride dyStride,
        const float* x,
        Stride xStride,
        const float* rstd,
        int rows,
        int dim,
        int chunkRows) {
    int c = blockIdx.x * blockDim.x + threadIdx.x;
    if (c >= dim) return;
    int from = blockIdx.y * chunkRows;
    int to = min(from + chunkRows, rows);
    float sum = 0;
    for (int r = from; r < to; r++) sum += dy[r * dyStride + c] * (x[r * xStride + c] * rstd[r]);
    partial[(long long)blockIdx.y * dim + c] = sum;
}

/// y[c] += partial[0, c] + partial[1, c] + ..., in this order; a thread a column.
extern "C" __global__ void __launch_bounds__(256) add_partials(float* y, const float* partial, int chunks, int dim) {
    int c = blockIdx.x * blockDim.x + threadIdx.x;
    if (c >= dim) return;
    float sum = y[c];
    for (int k = 0; k < chunks; k++) sum += partial[(long long)k * dim + c];
    y[c] = sum;
}
