// The emulated driver's devices and contexts: one device (or as many as a test asks for) whose name says that it is none.

#include "emulator.hpp"

#include <cstdio>

using namespace emulator;

namespace {

constexpr int MAX_SHARED = 49152;

thread_local bool initialized = false;

struct Context final : Object {
  static constexpr Kind KIND = Kind::context;
  explicit Context(int device) : Object(Kind::context), device(device) {}
  const int device;
  int retained = 0;
};

std::map<int, Context*>& contexts() {
  static thread_local auto* all = new std::map<int, Context*>;
  return *all;
}

int checkDevice(const char* call, int device) {
  if (!initialized) return refuse(NOT_INITIALIZED, "%s before cuInit", call);
  if (device < 0 || device >= setting("devices")) return refuse(INVALID_DEVICE, "%s: there is no device %d", call, device);
  return SUCCESS;
}

struct Status {
  int status;
  const char* name;
  const char* text;
};

const Status STATUSES[] = {
    {0, "CUDA_SUCCESS", "no error"},
    {1, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {3, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {4, "CUDA_ERROR_DEINITIALIZED", "driver shutting down"},
    {46, "CUDA_ERROR_DEVICE_UNAVAILABLE", "device is unavailable"},
    {100, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {101, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {200, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {201, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {209, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"},
    {214, "CUDA_ERROR_ECC_UNCORRECTABLE", "uncorrectable ECC error encountered"},
    {400, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {500, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {600, "CUDA_ERROR_NOT_READY", "device not ready"},
    {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
    {719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "system has unsupported display driver / cuda driver combination"},
    {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
    {901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"},
    {999, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

}  // namespace

// The table of technical specifications in the CUDA C++ programming guide.
unsigned emulator::optInShared() {
  const int64_t capability = 10 * setting("computeMajor") + setting("computeMinor");
  if (capability < 80) return 64 << 10;
  if (capability == 80 || capability == 87) return 163 << 10;
  if (capability < 90 || capability >= 120) return 99 << 10;
  return 227 << 10;
}

EXPORT int cuGetErrorName(int error, const char** text) {
  for (const Status& status : STATUSES) {
    if (status.status != error) continue;
    *text = status.name;
    return SUCCESS;
  }
  *text = nullptr;
  return INVALID_VALUE;
}

EXPORT int cuGetErrorString(int error, const char** text) {
  for (const Status& status : STATUSES) {
    if (status.status != error) continue;
    *text = status.text;
    return SUCCESS;
  }
  *text = nullptr;
  return INVALID_VALUE;
}

EXPORT int cuInit(unsigned flags) {
  ENTER();
  if (flags != 0) return refuse(INVALID_VALUE, "cuInit with flags %u", flags);
  if (setting("devices") == 0) return refuse(NO_DEVICE, "cuInit: there is no device");
  initialized = true;
  return SUCCESS;
}

EXPORT int cuDriverGetVersion(int* version) {
  ENTER();
  *version = static_cast<int>(setting("driverVersion"));
  return SUCCESS;
}

EXPORT int cuDeviceGetCount(int* count) {
  ENTER();
  if (!initialized) return refuse(NOT_INITIALIZED, "cuDeviceGetCount before cuInit");
  *count = static_cast<int>(setting("devices"));
  return SUCCESS;
}

EXPORT int cuDeviceGet(int* device, int ordinal) {
  ENTER();
  if (int status = checkDevice("cuDeviceGet", ordinal)) return status;
  *device = ordinal;
  return SUCCESS;
}

EXPORT int cuDeviceGetName(char* name, int length, int device) {
  ENTER();
  if (int status = checkDevice("cuDeviceGetName", device)) return status;
  if (length < 1) return refuse(INVALID_VALUE, "cuDeviceGetName: no room");
  std::snprintf(name, length, "emulator (host memory)");
  return SUCCESS;
}

EXPORT int cuDeviceTotalMem_v2(uint64_t* bytes, int device) {
  ENTER();
  if (int status = checkDevice("cuDeviceTotalMem", device)) return status;
  *bytes = setting("totalBytes");
  return SUCCESS;
}

EXPORT int cuDeviceGetAttribute(int* value, int attribute, int device) {
  ENTER();
  if (int status = checkDevice("cuDeviceGetAttribute", device)) return status;
  switch (attribute) {
    case 1: *value = 1024; return SUCCESS;   // threads of a block
    case 2: *value = 1024; return SUCCESS;   // block, x
    case 3: *value = 1024; return SUCCESS;   // y
    case 4: *value = 64; return SUCCESS;     // z
    case 5: *value = 2147483647; return SUCCESS;  // grid, x
    case 6: *value = 65535; return SUCCESS;  // y
    case 7: *value = 65535; return SUCCESS;  // z
    case 8: *value = MAX_SHARED; return SUCCESS;
    case 10: *value = 32; return SUCCESS;    // warp
    case 16: *value = static_cast<int>(setting("multiprocessors")); return SUCCESS;
    case 38: *value = 4 << 20; return SUCCESS;  // second-level cache
    case 39: *value = 2048; return SUCCESS;  // threads of a multiprocessor
    case 75: *value = static_cast<int>(setting("computeMajor")); return SUCCESS;
    case 76: *value = static_cast<int>(setting("computeMinor")); return SUCCESS;
    case 81: *value = static_cast<int>(optInShared() + (optInShared() > 65536 ? 1024 : 0)); return SUCCESS;  // shared memory of a multiprocessor
    case 97: *value = static_cast<int>(optInShared()); return SUCCESS;
    default: return refuse(INVALID_VALUE, "cuDeviceGetAttribute: the emulator does not know attribute %d", attribute);
  }
}

EXPORT int cuDevicePrimaryCtxRetain(void** context, int device) {
  ENTER();
  if (lostStatus != 0) return refuse(lostStatus, "cuDevicePrimaryCtxRetain: the device is lost");
  if (int status = checkDevice("cuDevicePrimaryCtxRetain", device)) return status;
  Context*& known = contexts()[device];
  if (known == nullptr) known = new Context(device);
  known->retained++;
  *context = known;
  return SUCCESS;
}

EXPORT int cuDevicePrimaryCtxRelease_v2(int device) {
  ENTER();
  if (int status = checkDevice("cuDevicePrimaryCtxRelease", device)) return status;
  const auto found = contexts().find(device);
  if (found == contexts().end()) {
    return refuse(INVALID_CONTEXT, "cuDevicePrimaryCtxRelease of a context that is not retained");
  }
  if (--found->second->retained > 0) return SUCCESS;
  // What was made in a context that is lost goes with it; else it stays, so that a test sees what was forgotten. The loss itself stays: only a
  // new process has a device that works, for which a test resets the emulator.
  if (lostStatus == 0) {
    drainAll();
  } else {
    forgetObjects();
    forgetMemory();
  }
  if (currentContext == found->second) currentContext = nullptr;
  delete found->second;
  contexts().erase(found);
  return SUCCESS;
}

EXPORT int cuCtxSetCurrent(void* context) {
  ENTER();
  if (lostStatus != 0 && context != nullptr) return refuse(lostStatus, "cuCtxSetCurrent: the device is lost");
  if (context != nullptr && find<Context>(context) == nullptr) return refuse(INVALID_CONTEXT, "cuCtxSetCurrent");
  currentContext = static_cast<Context*>(context);
  return SUCCESS;
}

EXPORT int cuCtxSynchronize() {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  if (breakCaptures("cuCtxSynchronize")) return CAPTURE_UNSUPPORTED;
  return drainAll();
}
