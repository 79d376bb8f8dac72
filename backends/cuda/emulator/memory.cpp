// Memory of the emulated device and pinned host memory: host allocations between guard zones, filled with NaN when new, with all live
// ranges known, so that a pointer that is none, has been freed or leaves its allocation is told.

#include "emulator.hpp"

#include <cstdlib>
#include <memory>

using namespace emulator;

namespace emulator {

namespace {

constexpr uint64_t GUARD = 4096;
constexpr uint64_t ALIGNMENT = 512;
constexpr uint8_t GUARD_BYTE = 0xC7;

struct Memory {
  std::map<uint64_t, uint64_t> live;  // first byte → bytes
  uint64_t bytes = 0;

  void* take(uint64_t size) {
    const uint64_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    auto* raw = static_cast<uint8_t*>(std::aligned_alloc(ALIGNMENT, rounded + 2 * GUARD));
    if (raw == nullptr) return nullptr;
    uint8_t* memory = raw + GUARD;
    std::memset(raw, GUARD_BYTE, GUARD);
    std::memset(memory, 0xFF, size);
    std::memset(memory + size, GUARD_BYTE, rounded - size + GUARD);
    live[reinterpret_cast<uint64_t>(memory)] = size;
    bytes += size;
    return memory;
  }

  bool give(void* pointer) {
    const auto found = live.find(reinterpret_cast<uint64_t>(pointer));
    if (found == live.end()) return false;
    bytes -= found->second;
    std::memset(pointer, 0xFF, found->second);
    live.erase(found);
    std::free(static_cast<uint8_t*>(pointer) - GUARD);
    return true;
  }

  // Whether a range lies in one allocation.
  bool holds(uint64_t begin, uint64_t size) const {
    auto after = live.upper_bound(begin);
    if (after == live.begin()) return false;
    --after;
    return begin + size <= after->first + after->second && begin + size >= begin;
  }

  bool touches(uint64_t begin, uint64_t size) const {
    auto after = live.lower_bound(begin + size);
    if (after == live.begin()) return false;
    --after;
    return size > 0 && begin < after->first + after->second;
  }

  std::string broken(const char* name) const {
    for (const auto& [begin, size] : live) {
      const auto* memory = reinterpret_cast<const uint8_t*>(begin);
      for (uint64_t i = 1; i <= 64; i++) {
        if (memory[-static_cast<int64_t>(i)] != GUARD_BYTE) {
          return std::string(name) + " allocation of " + std::to_string(size) + " bytes: something was written " +
                 std::to_string(i) + " bytes in front of it";
        }
        if (memory[size + i - 1] != GUARD_BYTE) {
          return std::string(name) + " allocation of " + std::to_string(size) + " bytes: something was written " +
                 std::to_string(i) + " bytes behind it";
        }
      }
    }
    return "";
  }
};

Memory& device() {
  static thread_local auto* memory = new Memory;
  return *memory;
}
Memory& pinned() {
  static thread_local auto* memory = new Memory;
  return *memory;
}

}  // namespace

bool isDevice(const void* pointer, uint64_t bytes) { return device().holds(reinterpret_cast<uint64_t>(pointer), bytes); }
bool isDevicePointer(const void* pointer) { return isDevice(pointer, 0); }
bool isPinned(const void* pointer, uint64_t bytes) { return pinned().holds(reinterpret_cast<uint64_t>(pointer), bytes); }
bool touchesDevice(const void* pointer, uint64_t bytes) {
  return device().touches(reinterpret_cast<uint64_t>(pointer), bytes);
}

std::string brokenGuards() {
  const std::string broken = device().broken("device");
  return broken.empty() ? pinned().broken("pinned") : broken;
}

void forgetMemory() {
  while (!device().live.empty()) device().give(reinterpret_cast<void*>(device().live.begin()->first));
  while (!pinned().live.empty()) pinned().give(reinterpret_cast<void*>(pinned().live.begin()->first));
}

int64_t liveMemory(const std::string& what) {
  if (what == "deviceAllocations") return static_cast<int64_t>(device().live.size());
  if (what == "deviceBytes") return static_cast<int64_t>(device().bytes);
  if (what == "pinnedAllocations") return static_cast<int64_t>(pinned().live.size());
  if (what == "pinnedBytes") return static_cast<int64_t>(pinned().bytes);
  return -1;
}

}  // namespace emulator

EXPORT int cuMemGetInfo_v2(uint64_t* free, uint64_t* total) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  *total = setting("totalBytes");
  *free = *total > device().bytes ? *total - device().bytes : 0;
  return SUCCESS;
}

EXPORT int cuMemAlloc_v2(void** pointer, uint64_t bytes) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  if (int status = checkUnsafe("cuMemAlloc")) return status;
  if (bytes == 0) return refuse(INVALID_VALUE, "cuMemAlloc of 0 bytes");
  const uint64_t total = setting("totalBytes");
  if (bytes > total || device().bytes > total - bytes) {
    return refuse(OUT_OF_MEMORY, "cuMemAlloc of %lu bytes, %lu of %lu are taken", bytes, device().bytes, total);
  }
  *pointer = device().take(bytes);
  return *pointer == nullptr ? OUT_OF_MEMORY : SUCCESS;
}

EXPORT int cuMemFree_v2(void* pointer) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  if (int status = checkUnsafe("cuMemFree")) return status;
  if (pointer == nullptr) return SUCCESS;
  if (int status = drainAll()) return status;
  if (!device().give(pointer)) return refuse(INVALID_VALUE, "cuMemFree of %p, which is no live allocation", pointer);
  return SUCCESS;
}

EXPORT int cuMemAllocHost_v2(void** pointer, uint64_t bytes) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  if (int status = checkUnsafe("cuMemAllocHost")) return status;
  if (bytes == 0) return refuse(INVALID_VALUE, "cuMemAllocHost of 0 bytes");
  *pointer = pinned().take(bytes);
  return *pointer == nullptr ? OUT_OF_MEMORY : SUCCESS;
}

EXPORT int cuMemFreeHost(void* pointer) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  if (int status = checkUnsafe("cuMemFreeHost")) return status;
  if (int status = drainAll()) return status;
  if (!pinned().give(pointer)) return refuse(INVALID_VALUE, "cuMemFreeHost of %p, which is no live pinned memory", pointer);
  return SUCCESS;
}

namespace {

int outside(const char* call, const void* pointer, uint64_t bytes) {
  return refuse(INVALID_VALUE, "%s: %lu bytes from %p on do not lie in one live allocation of the device", call, bytes, pointer);
}

}  // namespace

EXPORT int cuMemcpyHtoDAsync_v2(void* target, const void* source, uint64_t bytes, void* stream) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  Stream* on = streamOf(stream);
  if (on == nullptr) return refuse(INVALID_HANDLE, "cuMemcpyHtoDAsync");
  if (int status = checkCapture("cuMemcpyHtoDAsync", *on)) return status;
  if (bytes == 0) return SUCCESS;
  if (!isDevice(target, bytes)) return outside("cuMemcpyHtoDAsync", target, bytes);
  if (touchesDevice(source, bytes)) return refuse(INVALID_VALUE, "cuMemcpyHtoDAsync: the source is device memory");
  Operation operation{"cuMemcpyHtoDAsync", {}, {rangeOf(target, bytes)}, {}};
  if (isPinned(source, bytes)) {
    // Pinned memory is read when the copy's turn comes: it must not change until then.
    operation.host.push_back(rangeOf(source, bytes));
    operation.run = [=] {
      std::memcpy(target, source, bytes);
      return SUCCESS;
    };
  } else if (on->capturing) {
    // A graph reads the memory at each launch, whatever is there by then.
    on->broken = true;
    return refuse(CAPTURE_UNSUPPORTED, "cuMemcpyHtoDAsync from memory that is not pinned, during a capture");
  } else {
    auto copy = std::make_shared<std::vector<uint8_t>>(static_cast<const uint8_t*>(source),
                                                       static_cast<const uint8_t*>(source) + bytes);
    operation.run = [=] {
      std::memcpy(target, copy->data(), bytes);
      return SUCCESS;
    };
  }
  submit(*on, std::move(operation));
  return SUCCESS;
}

EXPORT int cuMemcpyDtoHAsync_v2(void* target, const void* source, uint64_t bytes, void* stream) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  Stream* on = streamOf(stream);
  if (on == nullptr) return refuse(INVALID_HANDLE, "cuMemcpyDtoHAsync");
  if (int status = checkCapture("cuMemcpyDtoHAsync", *on)) return status;
  if (bytes == 0) return SUCCESS;
  if (!isDevice(source, bytes)) return outside("cuMemcpyDtoHAsync", source, bytes);
  if (touchesDevice(target, bytes)) return refuse(INVALID_VALUE, "cuMemcpyDtoHAsync: the target is device memory");
  const bool isAsync = isPinned(target, bytes);
  if (!isAsync && on->capturing) {
    on->broken = true;
    return refuse(CAPTURE_UNSUPPORTED, "cuMemcpyDtoHAsync to memory that is not pinned, during a capture");
  }
  // Whoever looks before the copy's turn finds nothing like the result.
  if (isAsync && !on->capturing && !isAwaited(rangeOf(target, bytes))) std::memset(target, 0xA5, bytes);
  submit(*on, {"cuMemcpyDtoHAsync",
               [=] {
                 std::memcpy(target, source, bytes);
                 return SUCCESS;
               },
               {rangeOf(source, bytes)},
               {}});
  return isAsync ? SUCCESS : drain(*on);
}

EXPORT int cuMemcpyDtoDAsync_v2(void* target, const void* source, uint64_t bytes, void* stream) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  Stream* on = streamOf(stream);
  if (on == nullptr) return refuse(INVALID_HANDLE, "cuMemcpyDtoDAsync");
  if (int status = checkCapture("cuMemcpyDtoDAsync", *on)) return status;
  if (bytes == 0) return SUCCESS;
  if (!isDevice(target, bytes)) return outside("cuMemcpyDtoDAsync", target, bytes);
  if (!isDevice(source, bytes)) return outside("cuMemcpyDtoDAsync", source, bytes);
  if (rangeOf(target, bytes).overlaps(rangeOf(source, bytes))) {
    return refuse(INVALID_VALUE, "cuMemcpyDtoDAsync between ranges that overlap");
  }
  submit(*on, {"cuMemcpyDtoDAsync",
               [=] {
                 std::memcpy(target, source, bytes);
                 return SUCCESS;
               },
               {rangeOf(target, bytes), rangeOf(source, bytes)},
               {}});
  return SUCCESS;
}

EXPORT int cuMemsetD8Async(void* target, unsigned char value, uint64_t bytes, void* stream) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  Stream* on = streamOf(stream);
  if (on == nullptr) return refuse(INVALID_HANDLE, "cuMemsetD8Async");
  if (int status = checkCapture("cuMemsetD8Async", *on)) return status;
  if (bytes == 0) return SUCCESS;
  if (!isDevice(target, bytes)) return outside("cuMemsetD8Async", target, bytes);
  submit(*on, {"cuMemsetD8Async",
               [=] {
                 std::memset(target, value, bytes);
                 return SUCCESS;
               },
               {rangeOf(target, bytes)},
               {}});
  return SUCCESS;
}
