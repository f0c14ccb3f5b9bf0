// Stands in for libcuda.so.1 where no GPU is: one device of compute capability 9.0 whose streams run at once. It is stricter than a
// driver: device memory can be touched by copies and kernels only (any other access ends the process), copies have to lie inside one
// allocation, writes behind an allocation are found when the stream is synchronised or memory freed, new memory begins with NaN, every call
// wants cuInit and a current context. Modules are shared objects, as the stand-in for NVRTC makes them.
#include "stand_in.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

typedef int Result;
enum {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NOT_INITIALIZED = 3,
    INVALID_DEVICE = 101,
    INVALID_IMAGE = 200,
    INVALID_CONTEXT = 201,
    INVALID_HANDLE = 400,
    NOT_FOUND = 500,
    ILLEGAL_ADDRESS = 700,
    LAUNCH_FAILED = 719,
    STREAM_CAPTURE_UNSUPPORTED = 900,
    STREAM_CAPTURE_INVALIDATED = 901,
};

namespace {

constexpr size_t MEMORY = size_t(8) << 30; // reserved, not used until touched
constexpr size_t UNIT = 256;
constexpr size_t MOST_SHARED = 227 * 1024;
constexpr size_t MOST_FILLED = 1 << 20; // pages that were never touched cost nothing to open and close
constexpr unsigned char GUARD = 0xa5;

std::recursive_mutex lock;
bool initialized;
int contexts;
thread_local bool current;
Result sticky; // an error of work that ran: all later calls fail with it

typedef std::function<int()> Work;

struct Graph {
    std::vector<Work> work;
};

struct Stream {
    Graph* captured = nullptr;
};

struct Event {
    bool timed, recorded;
};

struct Module {
    void* library;
};

struct Function {
    int (*run)(const unsigned* grid, const unsigned* block, size_t shared, void** parameters);
    const int* sizes; // of the parameters, 0 after the last
    size_t shared;
};

std::set<void*> streams, events, graphs, executables, modules, functions;

// ---- device memory: one range that is closed to everybody unless work runs

char* memory;
size_t used; // the range below it has been handed out at some time
int opened;
std::map<uint64_t, size_t> allocations;

struct Open {
    Open() {
        if (opened++ == 0 && used > 0) mprotect(memory, used, PROT_READ | PROT_WRITE);
    }
    ~Open() {
        if (--opened == 0 && used > 0) mprotect(memory, used, PROT_NONE);
    }
};

size_t padded(size_t bytes) { return (bytes + UNIT - 1) / UNIT * UNIT + UNIT; } // with the guard

bool guardHolds(uint64_t address, size_t bytes) {
    auto end = reinterpret_cast<unsigned char*>(address) + bytes;
    for (auto at = end; at < reinterpret_cast<unsigned char*>(address) + padded(bytes); at++)
        if (*at != GUARD) return false;
    return true;
}

Result checkGuards() {
    Open open;
    for (auto& [address, bytes] : allocations)
        if (!guardHolds(address, bytes)) {
            fprintf(stderr, "stand-in: something wrote behind the %zu bytes at %#lx\n", bytes, address);
            return sticky = ILLEGAL_ADDRESS;
        }
    return SUCCESS;
}

Result ready() {
    std::lock_guard<std::recursive_mutex> guard(lock);
    if (!initialized) return NOT_INITIALIZED;
    if (sticky) return sticky;
    return current && contexts > 0 ? SUCCESS : INVALID_CONTEXT;
}

Result run(const Work& work) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    Open open;
    if (sticky) return sticky;
    return sticky = work();
}

} // namespace

#define READY() \
    if (Result notReady = ready()) return notReady
#define KNOWN(set, handle) \
    if (set.count(reinterpret_cast<void*>(handle)) == 0) return INVALID_HANDLE

bool stand_in::inside(uint64_t address, size_t bytes) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    auto after = allocations.upper_bound(address);
    if (after == allocations.begin()) return false;
    --after;
    return address + bytes <= after->first + after->second;
}

bool stand_in::hasContext() { return ready() == SUCCESS; }

int stand_in::submit(void* handle, Work work) {
    if (streams.count(handle) == 0) return INVALID_HANDLE;
    auto stream = static_cast<Stream*>(handle);
    if (stream->captured == nullptr) return run(work);
    stream->captured->work.push_back(work);
    return SUCCESS;
}

extern "C" {

Result cuInit(unsigned flags) {
    if (flags != 0) return INVALID_VALUE;
    initialized = true;
    return SUCCESS;
}

Result cuGetErrorName(Result error, const char** name) {
    static const std::map<int, const char*> NAMES = {
            {SUCCESS, "CUDA_SUCCESS"},
            {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE"},
            {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY"},
            {NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED"},
            {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE"},
            {INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE"},
            {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT"},
            {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE"},
            {NOT_FOUND, "CUDA_ERROR_NOT_FOUND"},
            {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS"},
            {LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED"},
            {STREAM_CAPTURE_UNSUPPORTED, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"},
            {STREAM_CAPTURE_INVALIDATED, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"},
    };
    auto found = NAMES.find(error);
    if (found == NAMES.end()) return INVALID_VALUE;
    *name = found->second;
    return SUCCESS;
}

Result cuGetErrorString(Result error, const char** text) {
    const char* name;
    if (cuGetErrorName(error, &name)) return INVALID_VALUE;
    *text = "says the stand-in for the driver";
    return SUCCESS;
}

Result cuDriverGetVersion(int* version) {
    *version = 13000;
    return SUCCESS;
}

Result cuDeviceGetCount(int* count) {
    if (!initialized) return NOT_INITIALIZED;
    *count = 1;
    return SUCCESS;
}

Result cuDeviceGet(int* device, int ordinal) {
    if (!initialized) return NOT_INITIALIZED;
    if (ordinal != 0) return INVALID_DEVICE;
    *device = 0;
    return SUCCESS;
}

Result cuDeviceGetName(char* name, int length, int device) {
    if (device != 0) return INVALID_DEVICE;
    snprintf(name, length, "stand-in for a GPU");
    return SUCCESS;
}

Result cuDeviceGetAttribute(int* value, int attribute, int device) {
    if (device != 0) return INVALID_DEVICE;
    switch (attribute) {
        case 16: *value = 132; return SUCCESS; // multiprocessors
        case 75: *value = 9; return SUCCESS;
        case 76: *value = 0; return SUCCESS;
        case 97: *value = MOST_SHARED; return SUCCESS;
        default: return INVALID_VALUE;
    }
}

Result cuDeviceTotalMem_v2(size_t* bytes, int device) {
    if (device != 0) return INVALID_DEVICE;
    *bytes = MEMORY;
    return SUCCESS;
}

Result cuDevicePrimaryCtxRetain(void** context, int device) {
    if (!initialized) return NOT_INITIALIZED;
    if (device != 0) return INVALID_DEVICE;
    std::lock_guard<std::recursive_mutex> guard(lock);
    contexts++;
    *context = &contexts;
    return SUCCESS;
}

Result cuDevicePrimaryCtxRelease_v2(int device) {
    if (device != 0) return INVALID_DEVICE;
    std::lock_guard<std::recursive_mutex> guard(lock);
    if (contexts == 0) return INVALID_CONTEXT;
    if (--contexts > 0) return SUCCESS;
    allocations.clear(); // all ends with the context
    for (auto set : {&streams, &events, &graphs, &executables, &modules, &functions}) set->clear();
    sticky = SUCCESS;
    return SUCCESS;
}

Result cuCtxSetCurrent(void* context) {
    if (context != nullptr && context != &contexts) return INVALID_CONTEXT;
    current = context != nullptr;
    return SUCCESS;
}

Result cuMemGetInfo_v2(size_t* free, size_t* total) {
    READY();
    size_t taken = 0;
    for (auto& allocation : allocations) taken += padded(allocation.second);
    *free = MEMORY - taken;
    *total = MEMORY;
    return SUCCESS;
}

Result cuMemAlloc_v2(uint64_t* address, size_t bytes) {
    READY();
    if (bytes == 0) return INVALID_VALUE;
    std::lock_guard<std::recursive_mutex> guard(lock);
    if (memory == nullptr) {
        void* reserved = mmap(nullptr, MEMORY, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (reserved == MAP_FAILED) return OUT_OF_MEMORY;
        memory = static_cast<char*>(reserved);
    }
    auto at = reinterpret_cast<uint64_t>(memory); // the first gap that is large enough
    for (auto& [start, size] : allocations) {
        if (start - at >= padded(bytes)) break;
        at = start + padded(size);
    }
    size_t end = at - reinterpret_cast<uint64_t>(memory) + padded(bytes);
    if (end > MEMORY) return OUT_OF_MEMORY;
    used = std::max(used, (end + 4095) / 4096 * 4096);
    Open open;
    memset(reinterpret_cast<void*>(at), 0xff, std::min(bytes, MOST_FILLED)); // NaN in every format
    memset(reinterpret_cast<char*>(at) + bytes, GUARD, padded(bytes) - bytes);
    allocations[at] = bytes;
    *address = at;
    return SUCCESS;
}

Result cuMemFree_v2(uint64_t address) {
    READY();
    std::lock_guard<std::recursive_mutex> guard(lock);
    auto found = allocations.find(address);
    if (found == allocations.end()) return INVALID_VALUE;
    Result intact = checkGuards();
    allocations.erase(found);
    return intact;
}

Result cuMemHostAlloc(void** address, size_t bytes, unsigned flags) {
    READY();
    if (bytes == 0 || flags > 7) return INVALID_VALUE;
    *address = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    return *address == nullptr ? OUT_OF_MEMORY : SUCCESS;
}

Result cuMemFreeHost(void* address) {
    READY();
    free(address);
    return SUCCESS;
}

Result cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, void* stream) {
    READY();
    if (!stand_in::inside(to, bytes)) return INVALID_VALUE;
    return stand_in::submit(stream, [=] {
        memcpy(reinterpret_cast<void*>(to), from, bytes);
        return SUCCESS;
    });
}

Result cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, void* stream) {
    READY();
    if (!stand_in::inside(from, bytes)) return INVALID_VALUE;
    return stand_in::submit(stream, [=] {
        memcpy(to, reinterpret_cast<void*>(from), bytes);
        return SUCCESS;
    });
}

Result cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void* stream) {
    READY();
    if (!stand_in::inside(to, bytes) || !stand_in::inside(from, bytes)) return INVALID_VALUE;
    return stand_in::submit(stream, [=] {
        memmove(reinterpret_cast<void*>(to), reinterpret_cast<void*>(from), bytes);
        return SUCCESS;
    });
}

Result cuMemsetD8Async(uint64_t to, unsigned char value, size_t bytes, void* stream) {
    READY();
    if (!stand_in::inside(to, bytes)) return INVALID_VALUE;
    return stand_in::submit(stream, [=] {
        memset(reinterpret_cast<void*>(to), value, bytes);
        return SUCCESS;
    });
}

Result cuStreamCreate(void** stream, unsigned flags) {
    READY();
    if (flags > 1) return INVALID_VALUE;
    *stream = new Stream();
    streams.insert(*stream);
    return SUCCESS;
}

Result cuStreamSynchronize(void* stream) {
    READY();
    KNOWN(streams, stream);
    if (static_cast<Stream*>(stream)->captured != nullptr) return STREAM_CAPTURE_UNSUPPORTED;
    return checkGuards();
}

Result cuStreamQuery(void* stream) { return cuStreamSynchronize(stream); }

Result cuStreamWaitEvent(void* stream, void* event, unsigned flags) {
    READY();
    KNOWN(streams, stream);
    KNOWN(events, event);
    return flags == 0 ? SUCCESS : INVALID_VALUE;
}

Result cuStreamDestroy_v2(void* stream) {
    READY();
    KNOWN(streams, stream);
    streams.erase(stream);
    delete static_cast<Stream*>(stream);
    return SUCCESS;
}

Result cuStreamBeginCapture_v2(void* stream, int mode) {
    READY();
    KNOWN(streams, stream);
    auto it = static_cast<Stream*>(stream);
    if (mode < 0 || mode > 2 || it->captured != nullptr) return INVALID_VALUE;
    it->captured = new Graph();
    return SUCCESS;
}

Result cuStreamEndCapture(void* stream, void** graph) {
    READY();
    KNOWN(streams, stream);
    auto it = static_cast<Stream*>(stream);
    if (it->captured == nullptr) return INVALID_VALUE;
    graphs.insert(*graph = it->captured);
    it->captured = nullptr;
    return SUCCESS;
}

Result cuEventCreate(void** event, unsigned flags) {
    READY();
    if (flags > 7) return INVALID_VALUE;
    *event = new Event{(flags & 2) == 0, false};
    events.insert(*event);
    return SUCCESS;
}

Result cuEventRecord(void* event, void* stream) {
    READY();
    KNOWN(events, event);
    KNOWN(streams, stream);
    static_cast<Event*>(event)->recorded = true;
    return SUCCESS;
}

Result cuEventSynchronize(void* event) {
    READY();
    KNOWN(events, event);
    return SUCCESS;
}

Result cuEventElapsedTime(float* milliseconds, void* start, void* end) {
    READY();
    KNOWN(events, start);
    KNOWN(events, end);
    auto from = static_cast<Event*>(start), to = static_cast<Event*>(end);
    if (!from->timed || !to->timed || !from->recorded || !to->recorded) return INVALID_HANDLE;
    *milliseconds = 0.25f;
    return SUCCESS;
}

Result cuEventDestroy_v2(void* event) {
    READY();
    KNOWN(events, event);
    events.erase(event);
    delete static_cast<Event*>(event);
    return SUCCESS;
}

Result cuGraphInstantiateWithFlags(void** executable, void* graph, unsigned long long flags) {
    READY();
    KNOWN(graphs, graph);
    if (flags != 0) return INVALID_VALUE;
    executables.insert(*executable = new Graph(*static_cast<Graph*>(graph)));
    return SUCCESS;
}

Result cuGraphLaunch(void* executable, void* stream) {
    READY();
    KNOWN(executables, executable);
    auto graph = static_cast<Graph*>(executable);
    return stand_in::submit(stream, [graph] {
        for (auto& work : graph->work)
            if (Result failed = work()) return failed;
        return int(SUCCESS);
    });
}

Result cuGraphExecDestroy(void* executable) {
    READY();
    KNOWN(executables, executable);
    executables.erase(executable);
    delete static_cast<Graph*>(executable);
    return SUCCESS;
}

Result cuGraphDestroy(void* graph) {
    READY();
    KNOWN(graphs, graph);
    graphs.erase(graph);
    delete static_cast<Graph*>(graph);
    return SUCCESS;
}

/// The image's length is not given, as in CUDA: it is read from its own header, the sections of a shared object are its end.
Result cuModuleLoadData(void** module, const void* image) {
    READY();
    auto bytes = static_cast<const unsigned char*>(image);
    if (memcmp(bytes, "\x7f" "ELF", 4) != 0) return INVALID_IMAGE;
    uint64_t sections;
    uint16_t size, count;
    memcpy(&sections, bytes + 40, 8);
    memcpy(&size, bytes + 58, 2);
    memcpy(&count, bytes + 60, 2);
    char path[] = "/tmp/gatun-module-XXXXXX";
    int file = mkstemp(path);
    size_t length = sections + size_t(size) * count;
    bool written = write(file, image, length) == ssize_t(length);
    close(file);
    void* library = written ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : nullptr;
    unlink(path);
    if (library == nullptr) return INVALID_IMAGE;
    *module = new Module{library};
    modules.insert(*module);
    return SUCCESS;
}

Result cuModuleGetFunction(void** function, void* module, const char* name) {
    READY();
    KNOWN(modules, module);
    void* library = static_cast<Module*>(module)->library;
    void* run = dlsym(library, (std::string(name) + "__run").c_str());
    void* sizes = dlsym(library, (std::string(name) + "__sizes").c_str());
    if (run == nullptr || sizes == nullptr) return NOT_FOUND;
    *function = new Function{reinterpret_cast<decltype(Function::run)>(run), static_cast<const int*>(sizes), 48 * 1024};
    functions.insert(*function);
    return SUCCESS;
}

Result cuModuleUnload(void* module) {
    READY();
    KNOWN(modules, module);
    modules.erase(module);
    delete static_cast<Module*>(module); // its library stays: cuda_on_cpu.h knows the shared memory of each that was opened
    return SUCCESS;
}

Result cuFuncGetParamInfo(void* function, size_t index, size_t* offset, size_t* size) {
    READY();
    KNOWN(functions, function);
    const int* sizes = static_cast<Function*>(function)->sizes;
    *offset = 0;
    for (size_t i = 0;; i++) {
        if (sizes[i] == 0) return INVALID_VALUE;
        *offset = (*offset + sizes[i] - 1) / sizes[i] * sizes[i];
        *size = sizes[i];
        if (i == index) return SUCCESS;
        *offset += sizes[i];
    }
}

Result cuFuncSetAttribute(void* function, int attribute, int value) {
    READY();
    KNOWN(functions, function);
    if (attribute != 8 || value < 0 || size_t(value) > MOST_SHARED) return INVALID_VALUE;
    static_cast<Function*>(function)->shared = value;
    return SUCCESS;
}

Result cuLaunchKernel(void* handle, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,
        unsigned blockZ, unsigned shared, void* stream, void** parameters, void** extra) {
    READY();
    KNOWN(functions, handle);
    auto function = static_cast<Function*>(handle);
    if (extra != nullptr) return INVALID_VALUE;
    if (gridX == 0 || gridY == 0 || gridZ == 0 || gridX > 0x7fffffffu || gridY > 65535 || gridZ > 65535) return INVALID_VALUE;
    if (blockX == 0 || blockY == 0 || blockZ == 0 || blockZ > 64 || uint64_t(blockX) * blockY * blockZ > 1024) {
        return INVALID_VALUE;
    }
    if (shared > function->shared) return INVALID_VALUE;
    std::vector<uint64_t> arguments; // copied: the caller may change them as soon as this returns
    for (int i = 0; function->sizes[i] != 0; i++) {
        uint64_t argument = 0;
        memcpy(&argument, parameters[i], function->sizes[i]);
        arguments.push_back(argument);
    }
    return stand_in::submit(stream, [=]() mutable {
        std::vector<void*> pointers;
        for (auto& argument : arguments) pointers.push_back(&argument);
        unsigned grid[] = {gridX, gridY, gridZ}, block[] = {blockX, blockY, blockZ};
        return function->run(grid, block, shared, pointers.data()) == 0 ? SUCCESS : LAUNCH_FAILED;
    });
}

} // extern "C"
