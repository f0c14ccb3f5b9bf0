// Stands in for libnccl.so.2 where no GPU is: groups of one rank, whose collectives are copies.
#include "stand_in.h"

#include <cstring>
#include <deque>
#include <utility>

enum { SUCCESS = 0, UNHANDLED_CUDA_ERROR = 1, INVALID_ARGUMENT = 4, INVALID_USAGE = 5 };

struct UniqueId {
    char bytes[128];
};

namespace {

struct Communicator {
    std::deque<std::pair<const void*, size_t>> sent; // to itself, not yet received
};

int groups;
const char* lastError = "";

size_t bytesOf(int type) { return type <= 1 ? 1 : type == 2 || type == 3 || type == 7 ? 4 : type == 6 || type == 9 ? 2 : 8; }

int refuse(const char* why) {
    lastError = why;
    return INVALID_ARGUMENT;
}

int copy(const void* from, void* to, size_t bytes, void* stream) {
    if (!stand_in::inside(reinterpret_cast<uint64_t>(from), bytes) || !stand_in::inside(reinterpret_cast<uint64_t>(to), bytes)) {
        return refuse("a buffer is not device memory");
    }
    int failed = stand_in::submit(stream, [=] {
        memmove(to, from, bytes);
        return 0;
    });
    return failed ? UNHANDLED_CUDA_ERROR : SUCCESS;
}

} // namespace

extern "C" {

int ncclGetVersion(int* version) {
    *version = 23007;
    return SUCCESS;
}

const char* ncclGetErrorString(int result) {
    return result == SUCCESS ? "no error" : result == INVALID_ARGUMENT ? "invalid argument" : "another error";
}

const char* ncclGetLastError(void*) { return lastError; }

int ncclGetUniqueId(UniqueId* id) {
    for (int i = 0; i < 128; i++) id->bytes[i] = char(3 * i + 1);
    return SUCCESS;
}

int ncclCommInitRank(void** comm, int ranks, UniqueId id, int rank) {
    UniqueId known;
    ncclGetUniqueId(&known);
    if (memcmp(&known, &id, sizeof id) != 0) return refuse("the id is not one of ours");
    if (ranks != 1 || rank != 0) return refuse("the stand-in has one rank");
    if (!stand_in::hasContext()) return UNHANDLED_CUDA_ERROR;
    *comm = new Communicator();
    return SUCCESS;
}

int ncclCommDestroy(void* comm) {
    delete static_cast<Communicator*>(comm);
    return SUCCESS;
}

int ncclCommAbort(void* comm) { return ncclCommDestroy(comm); }

int ncclCommGetAsyncError(void*, int* error) {
    *error = SUCCESS;
    return SUCCESS;
}

int ncclBroadcast(const void* from, void* to, size_t count, int type, int root, void*, void* stream) {
    return root == 0 ? copy(from, to, count * bytesOf(type), stream) : refuse("root is no rank");
}

int ncclAllReduce(const void* from, void* to, size_t count, int type, int op, void*, void* stream) {
    return op == 0 || op == 2 ? copy(from, to, count * bytesOf(type), stream) : refuse("op is neither sum nor max");
}

int ncclReduceScatter(const void* from, void* to, size_t count, int type, int op, void* comm, void* stream) {
    return ncclAllReduce(from, to, count, type, op, comm, stream);
}

int ncclAllGather(const void* from, void* to, size_t count, int type, void*, void* stream) {
    return copy(from, to, count * bytesOf(type), stream);
}

int ncclSend(const void* from, size_t count, int type, int peer, void* comm, void*) {
    if (peer != 0 || groups == 0) return refuse("a rank sends to itself only inside a group");
    static_cast<Communicator*>(comm)->sent.emplace_back(from, count * bytesOf(type));
    return SUCCESS;
}

int ncclRecv(void* to, size_t count, int type, int peer, void* comm, void* stream) {
    auto& sent = static_cast<Communicator*>(comm)->sent;
    if (peer != 0 || sent.empty() || sent.front().second != count * bytesOf(type)) return refuse("nobody sends that");
    const void* from = sent.front().first;
    sent.pop_front();
    return copy(from, to, count * bytesOf(type), stream);
}

int ncclGroupStart() {
    groups++;
    return SUCCESS;
}

int ncclGroupEnd() { return --groups < 0 ? INVALID_USAGE : SUCCESS; }

} // extern "C"
