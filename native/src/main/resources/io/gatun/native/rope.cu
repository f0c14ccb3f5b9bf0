// Rotary positions (SPEC 2.3; Rope.java is the twin): pairs (2i, 2i+1) are complex numbers, turned by the angle of their position.

/// Turns the last 2 * pairs numbers of every head in place. A thread a pair, blockIdx.x a row: bound by memory.
///
/// cos, sin [positions, pairs]; row r has position positions[r] or, where that is null, start + r % sequence; sign 1 forward, -1 back.
extern "C" __global__ void __launch_bounds__(256) rope(
        float* x,
        Stride xStride,
        const float* cos,
        Stride cosStride,
        const float* sin,
        Stride sinStride,
        const int* positions,
        int start,
        int sequence,
        int heads,
        int headDim,
        int pairs,
        float sign) {
    int i = blockIdx.y * blockDim.x + threadIdx.x;
    if (i >= heads * pairs) return;
    int row = blockIdx.x;
    long long position = positions == nullptr ? start + row % sequence : positions[row];
    int head = i / pairs;
    int pair = i % pairs;
    float c = cos[position * cosStride + pair];
    float s = sign * sin[position * sinStride + pair];
    float* at = x + row * xStride + (head + 1) * headDim - 2 * pairs + 2 * pair;
    float re = at[0];
    float im = at[1];
    at[0] = re * c - im * s;
    at[1] = re * s + im * c;
}
