// Stands in for libcublasLt.so.13 where no GPU is: products in plain loops on the descriptors that they were given, BF16, FP32, and FP8
// E4M3 with scales of 128 and of 128 x 128, under the rules that the real library has on compute capability 9.0. It also checks what the
// real one leaves to the device: that all matrices and scales lie inside device memory.
#include "stand_in.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <vector>

typedef int Status;
enum { SUCCESS = 0, NOT_INITIALIZED = 1, INVALID_VALUE = 7, EXECUTION_FAILED = 13, NOT_SUPPORTED = 15 };

namespace {

enum { R_32F = 0, R_16BF = 14, R_8F_E4M3 = 28 };
enum { COMPUTE_32F = 68 };
enum { NO_SCALE = -1, VEC128 = 4, BLK128 = 5 };
constexpr size_t WORKSPACE = 4096; // what every algorithm here pretends to need
constexpr uint64_t MAGIC = 0x6c7453746e4164ULL;

struct Desc { // fits the caller's 256 bytes
    uint64_t magic;
    int computeType, scaleType, transA, transB, aMode, bMode, aModeSet, bModeSet;
    uint64_t aScale, bScale;
    int8_t fastAccum;
};

struct Layout { // fits 64 bytes
    uint64_t magic;
    int type;
    uint64_t rows, cols;
    int64_t ld;
};

struct Preference { // fits 64 bytes
    uint64_t magic, workspace;
    unsigned reduction;
    unsigned alignment[4];
};

struct Algo { // fits 64 bytes: what the algorithm was chosen for
    uint64_t magic, m, n, k;
    int types[2], modes[2];
};

struct Result {
    Algo algo;
    char rest[64 - sizeof(Algo)];
    size_t workspace;
    int state;
    float waves;
    int reserved[4];
};
static_assert(sizeof(Result) == 96, "as in cublasLt.h");

size_t bytesOf(int type) { return type == R_32F ? 4 : type == R_16BF ? 2 : 1; }

bool aligned(uint64_t number) { return number % 16 == 0; }

uint64_t scales(int mode, uint64_t rows, uint64_t k) {
    uint64_t blocks = (k + 127) / 128;
    return mode == VEC128 ? blocks * rows : (blocks + 3) / 4 * 4 * ((rows + 127) / 128);
}

struct Product {
    uint64_t m, n, k;
    int type, dType;
    bool scaled;
};

/// Whether the real library has an algorithm, and the product's sizes.
Status check(const Desc& desc, const Layout& a, const Layout& b, const Layout& c, const Layout& d, Product& product) {
    for (auto layout : {&a, &b, &c, &d}) {
        if (layout->magic != MAGIC || layout->ld < int64_t(layout->rows) || layout->rows == 0 || layout->cols == 0) {
            return INVALID_VALUE;
        }
    }
    if (desc.magic != MAGIC || desc.computeType != COMPUTE_32F || desc.scaleType != R_32F) return INVALID_VALUE;
    uint64_t kOfB = desc.transB ? b.cols : b.rows;
    product = {d.rows, d.cols, desc.transA ? a.rows : a.cols, a.type, d.type, a.type == R_8F_E4M3};
    if ((desc.transA ? a.cols : a.rows) != d.rows || (desc.transB ? b.rows : b.cols) != d.cols || kOfB != product.k
            || a.type != b.type || c.type != d.type || c.rows != d.rows || c.cols != d.cols || c.ld != d.ld) {
        return INVALID_VALUE;
    }
    if (d.type != R_32F && d.type != R_16BF) return NOT_SUPPORTED;
    if (!product.scaled) {
        if (desc.aModeSet || desc.bModeSet) return NOT_SUPPORTED;
        return a.type == R_16BF || (a.type == R_32F && d.type == R_32F) ? SUCCESS : NOT_SUPPORTED;
    }
    bool pair = (desc.aMode == VEC128 || desc.aMode == BLK128) && (desc.bMode == VEC128 || desc.bMode == BLK128)
            && !(desc.aMode == BLK128 && desc.bMode == BLK128);
    if (!desc.transA || desc.transB || !pair || desc.fastAccum) return NOT_SUPPORTED;
    if (product.k % 16 || product.m * bytesOf(d.type) % 16 || product.m % 4 || product.n % 4 || a.ld % 16 || b.ld % 16
            || d.ld * bytesOf(d.type) % 16) {
        return NOT_SUPPORTED;
    }
    return desc.bMode == VEC128 && product.n % 8 ? NOT_SUPPORTED : SUCCESS; // as Transformer Engine has it
}

float valueOf(int type, const char* at) {
    if (type == R_32F) {
        float value;
        memcpy(&value, at, 4);
        return value;
    }
    if (type == R_16BF) {
        uint16_t half;
        memcpy(&half, at, 2);
        uint32_t bits = uint32_t(half) << 16;
        float value;
        memcpy(&value, &bits, 4);
        return value;
    }
    static const std::vector<float> E4M3 = [] {
        std::vector<float> values;
        for (int code = 0; code < 256; code++) {
            int exponent = code >> 3 & 15, mantissa = code & 7;
            float size = exponent == 0 ? std::ldexp(float(mantissa), -9) : std::ldexp(float(8 + mantissa), exponent - 10);
            if ((code & 0x7f) == 0x7f) size = NAN;
            values.push_back(code & 0x80 ? -size : size);
        }
        return values;
    }();
    return E4M3[static_cast<unsigned char>(*at)];
}

void store(int type, char* at, float value) {
    if (type == R_32F) {
        memcpy(at, &value, 4);
        return;
    }
    uint32_t bits;
    memcpy(&bits, &value, 4);
    uint16_t half = value != value ? bits >> 16 | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    memcpy(at, &half, 2);
}

/// A matrix decoded, [cols][rows] as it is stored or [rows][cols].
std::vector<float> decode(const char* data, const Layout& layout, bool turned) {
    std::vector<float> values(layout.rows * layout.cols);
    size_t bytes = bytesOf(layout.type);
    for (uint64_t col = 0; col < layout.cols; col++)
        for (uint64_t row = 0; row < layout.rows; row++) {
            values[turned ? row * layout.cols + col : col * layout.rows + row] =
                    valueOf(layout.type, data + (col * layout.ld + row) * bytes);
        }
    return values;
}

float scaleOf(int mode, const float* scales, uint64_t row, uint64_t rows, uint64_t block, uint64_t blocks) {
    return mode == VEC128 ? scales[block * rows + row] : scales[row / 128 * ((blocks + 3) / 4 * 4) + block];
}

} // namespace

extern "C" {

size_t cublasLtGetVersion() { return 130101; }

const char* cublasLtGetStatusName(Status status) {
    static const std::map<int, const char*> NAMES = {
            {SUCCESS, "CUBLAS_STATUS_SUCCESS"},
            {NOT_INITIALIZED, "CUBLAS_STATUS_NOT_INITIALIZED"},
            {INVALID_VALUE, "CUBLAS_STATUS_INVALID_VALUE"},
            {EXECUTION_FAILED, "CUBLAS_STATUS_EXECUTION_FAILED"},
            {NOT_SUPPORTED, "CUBLAS_STATUS_NOT_SUPPORTED"},
    };
    auto found = NAMES.find(status);
    return found == NAMES.end() ? "CUBLAS_STATUS unknown" : found->second;
}

Status cublasLtCreate(void** handle) {
    if (!stand_in::hasContext()) return NOT_INITIALIZED;
    *handle = new uint64_t(MAGIC);
    return SUCCESS;
}

Status cublasLtDestroy(void* handle) {
    delete static_cast<uint64_t*>(handle);
    return SUCCESS;
}

Status cublasLtMatrixLayoutInit_internal(void* to, size_t bytes, int type, uint64_t rows, uint64_t cols, int64_t ld) {
    if (bytes != 64) return INVALID_VALUE;
    Layout layout{MAGIC, type, rows, cols, ld};
    memcpy(to, &layout, sizeof layout);
    return SUCCESS;
}

Status cublasLtMatmulDescInit_internal(void* to, size_t bytes, int computeType, int scaleType) {
    if (bytes != 256) return INVALID_VALUE;
    Desc desc{MAGIC, computeType, scaleType, 0, 0, NO_SCALE, NO_SCALE, 0, 0, 0, 0, 0};
    memcpy(to, &desc, sizeof desc);
    return SUCCESS;
}

Status cublasLtMatmulDescSetAttribute(void* to, int attribute, const void* value, size_t bytes) {
    auto desc = static_cast<Desc*>(to);
    if (desc->magic != MAGIC) return INVALID_VALUE;
    int number = 0;
    uint64_t pointer = 0;
    if (bytes == 4) memcpy(&number, value, 4);
    if (bytes == 8) memcpy(&pointer, value, 8);
    switch (attribute) {
        case 3: desc->transA = number; return bytes == 4 ? SUCCESS : INVALID_VALUE;
        case 4: desc->transB = number; return bytes == 4 ? SUCCESS : INVALID_VALUE;
        case 17: desc->aScale = pointer; return bytes == 8 ? SUCCESS : INVALID_VALUE;
        case 18: desc->bScale = pointer; return bytes == 8 ? SUCCESS : INVALID_VALUE;
        case 25: desc->fastAccum = *static_cast<const int8_t*>(value); return bytes == 1 ? SUCCESS : INVALID_VALUE;
        case 31:
            desc->aMode = number;
            desc->aModeSet = 1;
            return bytes == 4 ? SUCCESS : INVALID_VALUE;
        case 32:
            desc->bMode = number;
            desc->bModeSet = 1;
            return bytes == 4 ? SUCCESS : INVALID_VALUE;
        default: return INVALID_VALUE;
    }
}

Status cublasLtMatmulPreferenceInit_internal(void* to, size_t bytes) {
    if (bytes != 64) return INVALID_VALUE;
    Preference preference{MAGIC, 0, ~0u, {256, 256, 256, 256}};
    memcpy(to, &preference, sizeof preference);
    return SUCCESS;
}

Status cublasLtMatmulPreferenceSetAttribute(void* to, int attribute, const void* value, size_t bytes) {
    auto preference = static_cast<Preference*>(to);
    if (preference->magic != MAGIC) return INVALID_VALUE;
    if (attribute == 1 && bytes == 8) {
        memcpy(&preference->workspace, value, 8);
    } else if (attribute == 3 && bytes == 4) {
        memcpy(&preference->reduction, value, 4);
    } else if (attribute >= 5 && attribute <= 8 && bytes == 4) {
        memcpy(&preference->alignment[attribute - 5], value, 4);
    } else {
        return INVALID_VALUE;
    }
    return SUCCESS;
}

Status cublasLtMatmulAlgoGetHeuristic(void* handle, const Desc* desc, const Layout* a, const Layout* b, const Layout* c,
        const Layout* d, const Preference* preference, int requested, Result* results, int* returned) {
    *returned = 0;
    if (handle == nullptr || requested < 1 || preference->magic != MAGIC) return INVALID_VALUE;
    Product product;
    if (Status refused = check(*desc, *a, *b, *c, *d, product)) return refused;
    bool found = preference->workspace >= WORKSPACE;
    for (unsigned alignment : preference->alignment) found = found && (!product.scaled || alignment >= 16);
    if (!found) return NOT_SUPPORTED;
    memset(results, 0, sizeof *results);
    results->algo = {MAGIC, product.m, product.n, product.k, {product.type, product.dType}, {desc->aMode, desc->bMode}};
    results->workspace = WORKSPACE;
    *returned = 1;
    return SUCCESS;
}

Status cublasLtMatmul(void* handle, const Desc* desc, const void* alphaAt, uint64_t aAt, const Layout* a, uint64_t bAt,
        const Layout* b, const void* betaAt, uint64_t cAt, const Layout* c, uint64_t dAt, const Layout* d, const Algo* algo,
        uint64_t workspace, size_t workspaceBytes, void* stream) {
    Product p;
    if (handle == nullptr || *static_cast<uint64_t*>(handle) != MAGIC || !stand_in::hasContext()) return NOT_INITIALIZED;
    if (Status refused = check(*desc, *a, *b, *c, *d, p)) return refused;
    Algo made{MAGIC, p.m, p.n, p.k, {p.type, p.dType}, {desc->aMode, desc->bMode}};
    if (memcmp(algo, &made, sizeof made) != 0) return INVALID_VALUE; // chosen for another product
    if (workspace % 256 || workspaceBytes < WORKSPACE || !stand_in::inside(workspace, workspaceBytes)) return INVALID_VALUE;
    if (cAt != dAt) return NOT_SUPPORTED; // the real one has it; nobody here asks for it
    auto span = [](const Layout& l) { return ((l.cols - 1) * l.ld + l.rows) * bytesOf(l.type); };
    if (!stand_in::inside(aAt, span(*a)) || !stand_in::inside(bAt, span(*b)) || !stand_in::inside(dAt, span(*d))) {
        return EXECUTION_FAILED;
    }
    if (p.scaled) {
        if (!aligned(aAt) || !aligned(bAt) || !aligned(dAt) || !aligned(desc->aScale) || !aligned(desc->bScale)) {
            return NOT_SUPPORTED;
        }
        if (!stand_in::inside(desc->aScale, 4 * scales(desc->aMode, p.m, p.k))
                || !stand_in::inside(desc->bScale, 4 * scales(desc->bMode, p.n, p.k))) {
            return EXECUTION_FAILED;
        }
    }
    float alpha, beta;
    memcpy(&alpha, alphaAt, 4);
    memcpy(&beta, betaAt, 4);
    int failed = stand_in::submit(stream, [=, desc = *desc, a = *a, b = *b, d = *d] {
        auto left = decode(reinterpret_cast<const char*>(aAt), a, !desc.transA); // [m][k]
        auto right = decode(reinterpret_cast<const char*>(bAt), b, !desc.transB); // [k][n]: a whole row of D at once is quick
        auto leftScales = reinterpret_cast<const float*>(desc.aScale), rightScales = reinterpret_cast<const float*>(desc.bScale);
        uint64_t blocks = (p.k + 127) / 128;
        std::vector<float> sum(p.n), part(p.n);
        for (uint64_t i = 0; i < p.m; i++) {
            std::fill(sum.begin(), sum.end(), 0.0f);
            for (uint64_t block = 0; block < blocks; block++) {
                std::fill(part.begin(), part.end(), 0.0f);
                for (uint64_t k = 128 * block; k < std::min(p.k, 128 * (block + 1)); k++) {
                    float number = left[i * p.k + k];
                    const float* row = &right[k * p.n];
                    for (uint64_t j = 0; j < p.n; j++) part[j] += number * row[j];
                }
                for (uint64_t j = 0; j < p.n; j++) {
                    if (p.scaled) {
                        part[j] *= scaleOf(desc.aMode, leftScales, i, p.m, block, blocks);
                        part[j] *= scaleOf(desc.bMode, rightScales, j, p.n, block, blocks);
                    }
                    sum[j] += part[j];
                }
            }
            for (uint64_t j = 0; j < p.n; j++) {
                char* to = reinterpret_cast<char*>(dAt) + (j * d.ld + i) * bytesOf(d.type);
                store(d.type, to, beta == 0 ? alpha * sum[j] : alpha * sum[j] + beta * valueOf(d.type, to));
            }
        }
        return 0;
    });
    return failed ? EXECUTION_FAILED : SUCCESS;
}

} // extern "C"
