// What the parts of the emulator share: objects and their kinds, memory, streams of deferred operations, faults to inject, and the
// last message. The emulator is a test double of libcuda, NVRTC, cuBLAS and cuDNN in one library: it works on host memory and refuses
// wrong use where the real libraries would misbehave. Each thread has a device of its own, so that test files which run in threads of
// one process do not meet.

#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace emulator {

// Statuses of the driver (cuda.h).
enum : int {
  SUCCESS = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  NOT_INITIALIZED = 3,
  NO_DEVICE = 100,
  INVALID_DEVICE = 101,
  INVALID_IMAGE = 200,
  INVALID_CONTEXT = 201,
  NO_BINARY = 209,
  INVALID_HANDLE = 400,
  NOT_FOUND = 500,
  NOT_READY = 600,
  ILLEGAL_ADDRESS = 700,
  LAUNCH_OUT_OF_RESOURCES = 701,
  LAUNCH_FAILED = 719,
  CAPTURE_UNSUPPORTED = 900,
  CAPTURE_INVALIDATED = 901,
};

enum class Kind {
  context, stream, event, graph, executable, module, function, program, cublas, cudnn,
  tensorDescriptor, filterDescriptor, convolutionDescriptor, poolingDescriptor, count
};

// Everything that has a handle; the handle is its address.
struct Object {
  explicit Object(Kind kind);
  virtual ~Object();
  Object(const Object&) = delete;
  const Kind kind;
};

// The object of a handle; null and a message when it is none or one of another kind.
Object* find(const void* handle, Kind kind);
template <class T> T* find(const void* handle) { return static_cast<T*>(find(handle, T::KIND)); }

// One exported function: how often it was called, and which call is to fail.
struct Call {
  const char* name;
  int64_t count = 0;
  std::map<int64_t, int> failing;  // the counts at which it fails, with the status
};
Call& call(const char* name);

// Counts a call; a status other than 0 is what the function must return.
int enter(Call& call);
// The same for functions that need the device: a lost one gives `lost`, a missing current context `without`.
int enterDevice(Call& call, int lost, int without);

#define ENTER()                              \
  static thread_local Call& thisCall = call(__func__);    \
  if (int status = enter(thisCall)) return status
#define ENTER_DEVICE(lost, without)          \
  static thread_local Call& thisCall = call(__func__);    \
  if (int status = enterDevice(thisCall, lost, without)) return status

// Records what was wrong and gives the status back.
int refuse(int status, const char* format, ...) __attribute__((format(printf, 2, 3)));

// Shared memory that a block of the device may ask for, by its compute capability.
unsigned optInShared();

// Settings, by name: versions to report, memory, devices (see control.cpp).
int64_t setting(const char* name);

// The device does not work any more: 0, or the status that all calls give.
extern thread_local int lostStatus;
extern thread_local Object* currentContext;

struct Range {
  uint64_t begin, end;
  bool overlaps(const Range& other) const { return begin < other.end && other.begin < end; }
};
inline Range rangeOf(const void* pointer, uint64_t bytes) {
  const uint64_t begin = reinterpret_cast<uint64_t>(pointer);
  return {begin, begin + bytes};
}

// Device memory: whether a range lies within one live allocation (an empty range may stand at its end).
bool isDevice(const void* pointer, uint64_t bytes);
// Whether a pointer lies in live device memory or at the end of it.
bool isDevicePointer(const void* pointer);
bool isPinned(const void* pointer, uint64_t bytes);
// Whether some byte of a range belongs to the device.
bool touchesDevice(const void* pointer, uint64_t bytes);
// The first allocation around which something was written; its description, or empty.
std::string brokenGuards();

// Everything on the device is gone, as when a lost context is destroyed.
void forgetMemory();
void forgetObjects();

// Work on a stream. It runs when someone waits for it, which is the latest moment that CUDA allows.
struct Operation {
  std::string name;
  std::function<int()> run;
  std::vector<Range> device;  // what it touches on the device
  std::vector<Range> host;    // host memory that it will read
};

struct Stream final : Object {
  static constexpr Kind KIND = Kind::stream;
  Stream() : Object(Kind::stream) {}
  std::vector<Operation> queue;
  std::vector<Operation> captured;
  bool capturing = false, broken = false;
  int mode = 0;  // of the capture: 2 is relaxed
};

// The stream of a handle (0 is the default stream); null and a message when it is none.
Stream* streamOf(void* handle);
// Puts an operation on a stream, or into its capture.
void submit(Stream& stream, Operation operation);
// Runs all that was put on a stream, or on all streams.
int drain(Stream& stream);
int drainAll();
// Whether some stream is capturing; such a capture is broken by calls that wait.
bool breakCaptures(const char* call);
// What a call must give that puts something on a stream whose capture is broken, else 0.
int checkCapture(const char* call, const Stream& stream);
// The same for calls that no stream sees, as allocations, which captures in another mode than the relaxed one do not allow.
int checkUnsafe(const char* call);
// Whether an operation that has not run yet reads this host memory.
bool isAwaited(const Range& host);

// What is live, for the control functions: objects of a kind; allocations and bytes by name, −1 for another name.
std::vector<Object*> objectsOf(Kind kind);
int64_t liveCount(Kind kind);
int64_t liveMemory(const std::string& what);

}  // namespace emulator
