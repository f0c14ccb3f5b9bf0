// Runs CUDA C kernels on a CPU, so that they can be tested where no GPU is. Include it before the kernels' source and compile the whole
// with g++ -std=c++17.
//
// Each thread of a block is a fiber; a fiber runs until it waits for others, at __syncthreads or at a warp function, and blocks run one
// after another. Blocks with an odd number run their threads in falling order, so that results which depend on the order show.
// Shared memory is filled with 0xff (NaN as a float, -1 as an int) before each block, so that reads of what was not written show.
// A launch ends with an exception, whose text names the block, when not all threads reach a barrier or the same one, when a warp function
// names lanes that do not take part, when dynamic shared memory is overrun, or when a limit of the hardware is exceeded. With
// -fsanitize=address (and -fsanitize-sections=cuda_shared) every access outside of shared or global memory shows as well.
//
// Device functions must not be members: they become static here, so that their shared memory is one object.
// There is no overload of an atomic for floats: their sums would depend on the order.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>
#if !defined(__x86_64__) || defined(CUDA_ON_CPU_UCONTEXT)
#include <ucontext.h>
#endif

#define __global__
#define __device__ static
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __shared__ static __attribute__((section("cuda_shared")))
// `extern __shared__ type name[]` has no counterpart here; the kernels say this instead, and define it themselves for the GPU.
#define DYNAMIC_SHARED(type, name) type* name = reinterpret_cast<type*>(cuda_on_cpu::machine.dynamicShared)

struct uint3 {
    unsigned x, y, z;
};

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

#define CUDA_ON_CPU_VECTOR2(type, element, bytes) \
    struct __attribute__((aligned(bytes))) type { \
        element x, y; \
    }; \
    static inline type make_##type(element x, element y) { return {x, y}; }
#define CUDA_ON_CPU_VECTOR4(type, element, bytes) \
    struct __attribute__((aligned(bytes))) type { \
        element x, y, z, w; \
    }; \
    static inline type make_##type(element x, element y, element z, element w) { return {x, y, z, w}; }
CUDA_ON_CPU_VECTOR2(float2, float, 8)
CUDA_ON_CPU_VECTOR4(float4, float, 16)
CUDA_ON_CPU_VECTOR2(int2, int, 8)
CUDA_ON_CPU_VECTOR4(int4, int, 16)
CUDA_ON_CPU_VECTOR2(uint2, unsigned, 8)
CUDA_ON_CPU_VECTOR4(uint4, unsigned, 16)
CUDA_ON_CPU_VECTOR4(ushort4, unsigned short, 8)
CUDA_ON_CPU_VECTOR4(uchar4, unsigned char, 4)
CUDA_ON_CPU_VECTOR2(double2, double, 16)

// Seen by other modules: one machine serves all that are loaded, whichever of them launches.
namespace cuda_on_cpu __attribute__((visibility("default"))) {

constexpr int WARP = 32;
constexpr int MOST_THREADS = 1024;
constexpr size_t MOST_SHARED = 227 * 1024; // of sm_90, a block
constexpr size_t STACK = 256 * 1024; // touched pages only count
constexpr uint64_t CANARY = 0xc0ffee0ddba11ca7ULL; // where nothing should write

#if defined(__x86_64__) && !defined(CUDA_ON_CPU_UCONTEXT)
// The registers that a function must keep lie on the stack of the one that waits.
struct Context {
    void* stackPointer = nullptr;

    void prepare(char* stack, size_t bytes, void (*entry)()) {
        auto top = reinterpret_cast<void**>(reinterpret_cast<uintptr_t>(stack + bytes) & ~uintptr_t(15));
        *--top = nullptr; // where a caller's return address would lie: keeps the alignment that functions expect
        *--top = reinterpret_cast<void*>(entry);
        for (int i = 0; i < 6; i++) *--top = nullptr;
        stackPointer = top;
    }

    static void go(Context& from, Context& to) { jump(&from.stackPointer, to.stackPointer); }

private:
    __attribute__((naked, noinline)) static void jump(void** /*rdi: where to keep the stack pointer*/, void* /*rsi*/) {
        asm volatile(
                "pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
                "movq %rsp, (%rdi)\n movq %rsi, %rsp\n"
                "popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n ret");
    }
};
#else
struct Context {
    ucontext_t context;

    void prepare(char* stack, size_t bytes, void (*entry)()) {
        getcontext(&context);
        context.uc_stack.ss_sp = stack;
        context.uc_stack.ss_size = bytes;
        context.uc_link = nullptr;
        makecontext(&context, entry, 0);
    }

    static void go(Context& from, Context& to) { swapcontext(&from.context, &to.context); }
};
#endif

enum class State { READY, AT_BARRIER, IN_WARP, DONE, FAILED };

enum class WarpFunction { SYNC, SHUFFLE, BALLOT };

struct Fiber {
    Context context;
    uint3 thread;
    int index;
    State state;
    unsigned mask; // of the warp function it waits in
    WarpFunction function;
    uint64_t given; // what it hands to the other lanes
    const uint64_t* taken; // what all lanes handed over
    int line; // of the barrier it waits at
};

struct Warp {
    unsigned lanes; // those that exist
    unsigned waiting;
    uint64_t exchanged[4][WARP]; // a ring: a lane reads its exchange at most one pass of the scheduler later
    unsigned exchanges;
};

struct Machine {
    std::mutex oneLaunch;
    std::vector<Fiber> fibers;
    std::vector<Warp> warps;
    std::vector<std::pair<char*, char*>> staticShared; // of each loaded module
    std::vector<char*> stacks;
    std::function<void()> kernel;
    Context scheduler;
    Fiber* current = nullptr;
    char* dynamicShared = nullptr;
    uint3 block;
    dim3 blockSize, gridSize;
    int atBarrier = 0;
    int reversed = 0; // 1 turns the order of threads round
    std::string failure;
};

inline Machine machine; // one for all modules of a process

inline void yield() { Context::go(machine.current->context, machine.scheduler); }

[[noreturn]] inline void fail(const std::string& why) {
    machine.failure = why;
    machine.current->state = State::FAILED;
    yield();
    abort(); // a failed fiber is not resumed
}

inline std::string name(const uint3& at) {
    return "(" + std::to_string(at.x) + ", " + std::to_string(at.y) + ", " + std::to_string(at.z) + ")";
}

inline void fiberMain() {
    machine.kernel();
    machine.current->state = State::DONE;
    yield();
    abort(); // a fiber that is done is not resumed
}

inline void barrier(int line) {
    Machine& m = machine;
    Fiber& self = *m.current;
    self.line = line;
    self.state = State::AT_BARRIER;
    if (++m.atBarrier < int(m.fibers.size())) return yield();
    m.atBarrier = 0;
    for (Fiber& fiber : m.fibers) {
        if (fiber.line != line) {
            fail("threads " + name(fiber.thread) + " and " + name(self.thread) + " wait at __syncthreads of lines "
                    + std::to_string(fiber.line) + " and " + std::to_string(line));
        }
        fiber.state = State::READY;
    }
}

/// Hands `given` to the lanes of `mask` and waits for them; what they gave, by lane.
inline const uint64_t* exchange(unsigned mask, WarpFunction function, uint64_t given) {
    Machine& m = machine;
    Fiber& self = *m.current;
    Warp& warp = m.warps[self.index / WARP];
    Fiber* lanes = &m.fibers[self.index / WARP * WARP];
    unsigned lane = self.index % WARP;
    if (!(mask >> lane & 1)) fail("lane " + std::to_string(lane) + " calls a warp function whose mask leaves it out");
    if (mask & ~warp.lanes) fail("the mask of a warp function names lanes that the block does not have");
    self.mask = mask;
    self.function = function;
    self.given = given;
    warp.waiting |= 1u << lane;
    if ((warp.waiting & mask) != mask) {
        self.state = State::IN_WARP;
        yield();
        return self.taken;
    }
    uint64_t* exchanged = warp.exchanged[warp.exchanges++ % 4];
    for (int l = 0; l < WARP; l++) {
        if (!(mask >> l & 1)) continue;
        if (lanes[l].mask != mask || lanes[l].function != function) {
            fail("lanes " + std::to_string(lane) + " and " + std::to_string(l) + " are in different warp functions");
        }
        exchanged[l] = lanes[l].given;
        lanes[l].taken = exchanged;
        lanes[l].state = State::READY;
    }
    warp.waiting &= ~mask;
    return exchanged;
}

template <class T>
T shuffle(unsigned mask, T value, int source) {
    static_assert(sizeof(T) <= 8 && std::is_trivially_copyable<T>::value, "shuffles move 4 or 8 bytes");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof(T));
    const uint64_t* exchanged = exchange(mask, WarpFunction::SHUFFLE, bits);
    if (!(mask >> source & 1)) fail("a shuffle reads lane " + std::to_string(source) + ", which takes no part");
    memcpy(&value, &exchanged[source], sizeof(T));
    return value;
}

inline int lane() { return machine.current->index % WARP; }

inline std::string whereThreadsAre() {
    int done = 0, barrier = -1, warp = -1;
    for (Fiber& fiber : machine.fibers) {
        if (fiber.state == State::DONE) done++;
        if (fiber.state == State::AT_BARRIER && barrier < 0) barrier = fiber.index;
        if (fiber.state == State::IN_WARP && warp < 0) warp = fiber.index;
    }
    std::string text = std::to_string(done) + " threads have ended";
    if (barrier >= 0) {
        Fiber& fiber = machine.fibers[barrier];
        text += ", thread " + name(fiber.thread) + " waits at __syncthreads of line " + std::to_string(fiber.line);
    }
    if (warp >= 0) text += ", thread " + name(machine.fibers[warp].thread) + " waits in a warp function";
    return text;
}

__attribute__((no_sanitize_address)) inline void fill(char* from, char* to) {
    for (volatile char* p = from; p < to; p++) *p = char(0xff); // volatile: no call of a checked memset
}

inline void runBlock(size_t sharedBytes, bool falling) {
    Machine& m = machine;
    int threads = int(m.fibers.size());
    for (auto& section : m.staticShared) fill(section.first, section.second);
    memset(m.dynamicShared, 0xff, sharedBytes);
    for (int w = 0; w < int(m.warps.size()); w++) {
        int lanes = threads - w * WARP < WARP ? threads - w * WARP : WARP;
        m.warps[w].lanes = lanes == WARP ? ~0u : (1u << lanes) - 1;
        m.warps[w].waiting = 0;
    }
    m.atBarrier = 0;
    for (int i = 0; i < threads; i++) {
        Fiber& fiber = m.fibers[i];
        fiber.index = i;
        fiber.thread = {i % m.blockSize.x, i / m.blockSize.x % m.blockSize.y, i / m.blockSize.x / m.blockSize.y};
        fiber.state = State::READY;
        fiber.context.prepare(m.stacks[i], STACK, fiberMain);
    }
    for (int live = threads; live > 0;) {
        bool progress = false;
        for (int i = 0; i < threads; i++) {
            Fiber& fiber = m.fibers[falling ? threads - 1 - i : i];
            if (fiber.state != State::READY) continue;
            m.current = &fiber;
            Context::go(m.scheduler, fiber.context);
            progress = true;
            if (fiber.state == State::FAILED) throw std::runtime_error("block " + name(m.block) + ": " + m.failure);
            if (fiber.state == State::DONE) live--;
        }
        if (!progress) {
            throw std::runtime_error(
                    "block " + name(m.block) + ": a barrier that not all threads reach: " + whereThreadsAre());
        }
    }
}

inline void reserve(int threads) {
    Machine& m = machine;
    while (int(m.stacks.size()) < threads) {
        char* stack = static_cast<char*>(aligned_alloc(4096, STACK));
        if (stack == nullptr) throw std::bad_alloc();
        memcpy(stack, &CANARY, sizeof CANARY);
        m.stacks.push_back(stack);
    }
    m.fibers.resize(threads);
    m.warps.resize((threads + WARP - 1) / WARP);
}

inline void checkLimits(dim3 grid, dim3 block, size_t sharedBytes) {
    uint64_t threads = uint64_t(block.x) * block.y * block.z;
    if (threads < 1 || threads > MOST_THREADS) {
        throw std::runtime_error("a block of " + std::to_string(threads) + " threads; it may have 1 to 1024");
    }
    if (grid.x < 1 || grid.y < 1 || grid.z < 1 || grid.x > 0x7fffffff || grid.y > 65535 || grid.z > 65535) {
        throw std::runtime_error("a grid of " + name({grid.x, grid.y, grid.z}) + " blocks is not possible");
    }
    if (sharedBytes > MOST_SHARED) {
        throw std::runtime_error(std::to_string(sharedBytes) + " bytes of shared memory; a block has at most "
                + std::to_string(MOST_SHARED));
    }
}

template <class T>
constexpr char letter() {
    return std::is_pointer<T>::value ? 'p'
            : std::is_same<T, float>::value ? 'f'
            : std::is_same<T, double>::value ? 'd'
            : std::is_integral<T>::value && sizeof(T) == 4 ? 'i'
            : std::is_integral<T>::value && sizeof(T) == 8 ? 'l'
            : '?';
}

/// A letter for each parameter: pointer p, 4-byte integer i, 8-byte integer l, float f, double d.
template <class... A>
const char* parameters(void (*)(A...)) {
    static const char letters[] = {letter<A>()..., 0};
    return letters;
}

template <class... A, size_t... I>
void invokeWith(void (*kernel)(A...), void** parameters, std::index_sequence<I...>) {
    (void) parameters; // of a kernel without any
    kernel(*static_cast<std::remove_cv_t<A>*>(parameters[I])...);
}

} // namespace cuda_on_cpu

extern "C" __attribute__((visibility("hidden"), weak)) char __start_cuda_shared;
extern "C" __attribute__((visibility("hidden"), weak)) char __stop_cuda_shared;

namespace cuda_on_cpu {
struct Module {
    Module() {
        if (&__start_cuda_shared != nullptr) machine.staticShared.push_back({&__start_cuda_shared, &__stop_cuda_shared});
    }
};
static Module module;
} // namespace cuda_on_cpu

/// Calls a kernel for the current thread with arguments as cuLaunchKernel takes them: addresses of the values.
template <class... A>
void invoke(void (*kernel)(A...), void** parameters) {
    cuda_on_cpu::invokeWith(kernel, parameters, std::index_sequence_for<A...>{});
}

/// Calls `invoker` once for each thread of a launch; throws std::runtime_error when the launch is not sound.
template <class F>
void run(dim3 grid, dim3 block, size_t sharedBytes, F invoker) {
    using namespace cuda_on_cpu;
    std::lock_guard<std::mutex> lock(machine.oneLaunch);
    checkLimits(grid, block, sharedBytes);
    reserve(int(block.x * block.y * block.z));
    machine.gridSize = grid;
    machine.blockSize = block;
    machine.kernel = invoker;
    size_t room = (sharedBytes + 15) / 16 * 16;
    std::vector<char> storage(sharedBytes + 2 * 16 + (room - sharedBytes) + sizeof CANARY);
    auto start = reinterpret_cast<uintptr_t>(storage.data());
    machine.dynamicShared = storage.data() + ((start + 15) / 16 * 16 - start);
    char* end = machine.dynamicShared + sharedBytes;
    memcpy(end, &CANARY, sizeof CANARY);
    unsigned number = machine.reversed;
    for (unsigned z = 0; z < grid.z; z++) {
        for (unsigned y = 0; y < grid.y; y++) {
            for (unsigned x = 0; x < grid.x; x++) {
                machine.block = {x, y, z};
                runBlock(sharedBytes, number++ % 2 != 0);
                if (memcmp(end, &CANARY, sizeof CANARY) != 0) {
                    throw std::runtime_error("block " + name(machine.block) + ": writes behind its "
                            + std::to_string(sharedBytes) + " bytes of dynamic shared memory");
                }
            }
        }
    }
    for (char* stack : machine.stacks) {
        if (memcmp(stack, &CANARY, sizeof CANARY) != 0) throw std::runtime_error("a thread needs more stack than there is");
    }
}

/// What a launcher finds by name: NAME__invoke(void** parameters) and NAME__parameters(), the letters of its parameters.
#define CUDA_ON_CPU_EXPORT(NAME) \
    extern "C" __attribute__((visibility("default"))) void NAME##__invoke(void** parameters) { invoke(NAME, parameters); } \
    extern "C" __attribute__((visibility("default"))) const char* NAME##__parameters() { \
        return cuda_on_cpu::parameters(NAME); \
    }

/// A launch for callers that are not C++: null, or why it is not sound, until the next launch.
extern "C" __attribute__((visibility("default"), used)) inline const char* cuda_on_cpu__launch(
        void (*invoker)(void**),
        void** parameters,
        unsigned gridX,
        unsigned gridY,
        unsigned gridZ,
        unsigned blockX,
        unsigned blockY,
        unsigned blockZ,
        size_t sharedBytes) {
    static std::string why;
    try {
        run(dim3(gridX, gridY, gridZ), dim3(blockX, blockY, blockZ), sharedBytes, [=] { invoker(parameters); });
        return nullptr;
    } catch (const std::exception& e) {
        why = e.what();
        return why.c_str();
    }
}

/// 1 turns the order round in which threads run; 0 is how it begins.
extern "C" __attribute__((visibility("default"), used)) inline void cuda_on_cpu__reverse(int reversed) {
    cuda_on_cpu::machine.reversed = reversed;
}

#define threadIdx (cuda_on_cpu::machine.current->thread)
#define blockIdx (cuda_on_cpu::machine.block)
#define blockDim (cuda_on_cpu::machine.blockSize)
#define gridDim (cuda_on_cpu::machine.gridSize)
#define warpSize 32
#define __syncthreads() cuda_on_cpu::barrier(__LINE__)

static inline void __syncwarp(unsigned mask = 0xffffffffu) {
    cuda_on_cpu::exchange(mask, cuda_on_cpu::WarpFunction::SYNC, 0);
}
template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
    return cuda_on_cpu::shuffle(mask, value, (cuda_on_cpu::lane() & ~(width - 1)) | (source & (width - 1)));
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int with, int width = 32) {
    int lane = cuda_on_cpu::lane(), source = lane ^ with;
    return cuda_on_cpu::shuffle(mask, value, source / width > lane / width ? lane : source);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32) {
    int lane = cuda_on_cpu::lane(), source = lane + int(by);
    return cuda_on_cpu::shuffle(mask, value, source / width != lane / width ? lane : source);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32) {
    int lane = cuda_on_cpu::lane(), source = lane - int(by);
    return cuda_on_cpu::shuffle(mask, value, source < lane / width * width ? lane : source);
}
static inline unsigned __ballot_sync(unsigned mask, int predicate) {
    const uint64_t* votes = cuda_on_cpu::exchange(mask, cuda_on_cpu::WarpFunction::BALLOT, predicate != 0);
    unsigned ballot = 0;
    for (int lane = 0; lane < 32; lane++) {
        if (mask >> lane & 1) ballot |= unsigned(votes[lane]) << lane;
    }
    return ballot;
}
static inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
static inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) == mask; }

#define CUDA_ON_CPU_ATOMIC(type) \
    static inline type atomicAdd(type* at, type by) { \
        type before = *at; \
        *at = before + by; \
        return before; \
    } \
    static inline type atomicMax(type* at, type other) { \
        type before = *at; \
        *at = before < other ? other : before; \
        return before; \
    } \
    static inline type atomicMin(type* at, type other) { \
        type before = *at; \
        *at = other < before ? other : before; \
        return before; \
    }
CUDA_ON_CPU_ATOMIC(int)
CUDA_ON_CPU_ATOMIC(unsigned)
CUDA_ON_CPU_ATOMIC(unsigned long long)
float atomicAdd(float*, float) = delete;
double atomicAdd(double*, double) = delete;

#define CUDA_ON_CPU_MINMAX(type) \
    static inline type min(type a, type b) { return b < a ? b : a; } \
    static inline type max(type a, type b) { return a < b ? b : a; }
CUDA_ON_CPU_MINMAX(int)
CUDA_ON_CPU_MINMAX(unsigned)
CUDA_ON_CPU_MINMAX(long long)
CUDA_ON_CPU_MINMAX(unsigned long long)
static inline float min(float a, float b) { return fminf(a, b); }
static inline float max(float a, float b) { return fmaxf(a, b); }

static inline unsigned __float_as_uint(float x) {
    unsigned bits;
    memcpy(&bits, &x, 4);
    return bits;
}
static inline float __uint_as_float(unsigned bits) {
    float x;
    memcpy(&x, &bits, 4);
    return x;
}
static inline int __float_as_int(float x) { return int(__float_as_uint(x)); }
static inline float __int_as_float(int bits) { return __uint_as_float(unsigned(bits)); }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(unsigned(x)); }
static inline float rsqrtf(float x) { return 1 / sqrtf(x); }
#define __expf expf // glibc has functions of these names
#define __logf logf
static inline float __fdividef(float x, float y) { return x / y; }
static inline float __fdiv_rn(float x, float y) { return x / y; }
static inline float __fsqrt_rn(float x) { return sqrtf(x); }
static inline float __frcp_rn(float x) { return 1 / x; }
static inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
static inline float __fadd_rn(float x, float y) { return x + y; } // compile with -ffp-contract=off
static inline float __fsub_rn(float x, float y) { return x - y; }
static inline float __fmul_rn(float x, float y) { return x * y; }
template <class T>
T __ldg(const T* at) {
    return *at;
}
