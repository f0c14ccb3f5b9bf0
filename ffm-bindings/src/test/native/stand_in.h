// What the stand-in libraries share: the one for the driver has it, the others link to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace stand_in {

/// Whether [address, address + bytes) lies inside one live allocation of device memory.
bool inside(uint64_t address, size_t bytes);

/// Whether the calling thread has a current context.
bool hasContext();

/// Runs work of a stream now, with device memory open, or records it where the stream is captured. Work returns 0, or an error of the
/// driver, which then ends all later calls as on a device.
int submit(void* stream, std::function<int()> work);

} // namespace stand_in
