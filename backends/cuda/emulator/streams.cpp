// Streams, events and graphs of the emulated driver. A stream keeps its operations until someone waits; a capture keeps them for good,
// and a graph's launch puts them on a stream again.

#include "emulator.hpp"

#include <chrono>
#include <mutex>

using namespace emulator;

namespace emulator {

namespace {

// Operations that a stream keeps at most; beyond them they run early, as a device would.
constexpr size_t LONGEST_QUEUE = 4096;

std::vector<Stream*>& streams() {
  static thread_local auto* all = new std::vector<Stream*>;
  return *all;
}

Stream& defaultStream() {
  static thread_local Stream* stream = [] {
    auto* made = new Stream;
    streams().push_back(made);
    return made;
  }();
  return *stream;
}

double now() {
  using namespace std::chrono;
  return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

int complain(const std::string& operation) {
  const std::string broken = brokenGuards();
  if (broken.empty()) return SUCCESS;
  lostStatus = ILLEGAL_ADDRESS;
  return refuse(ILLEGAL_ADDRESS, "%s: %s", operation.c_str(), broken.c_str());
}

}  // namespace

Stream* streamOf(void* handle) { return handle == nullptr ? &defaultStream() : find<Stream>(handle); }

void submit(Stream& stream, Operation operation) {
  if (stream.capturing) {
    stream.captured.push_back(std::move(operation));
    return;
  }
  stream.queue.push_back(std::move(operation));
  if (stream.queue.size() > LONGEST_QUEUE) drain(stream);
}

int drain(Stream& stream) {
  std::vector<Operation> queue;
  queue.swap(stream.queue);
  const bool careful = setting("careful") != 0;
  // A compiled kernel's index variables are one for all threads that loaded it.
  static std::mutex running;
  const std::lock_guard<std::mutex> lock(running);
  for (Operation& operation : queue) {
    int status = operation.run();
    if (status == SUCCESS && careful) status = complain("after " + operation.name);
    if (status != SUCCESS) {
      lostStatus = status;
      return status;
    }
  }
  return queue.empty() ? SUCCESS : complain("of the last " + std::to_string(queue.size()) + " operations one");
}

int drainAll() {
  for (Stream* stream : streams()) {
    if (int status = drain(*stream)) return status;
  }
  return SUCCESS;
}

void forgetObjects() {
  for (Stream* stream : streams()) {
    stream->queue.clear();
    stream->captured.clear();
    stream->capturing = false;
  }
  for (const Kind kind : {Kind::stream, Kind::event, Kind::graph, Kind::executable, Kind::module}) {
    for (Object* object : objectsOf(kind)) {
      if (object == &defaultStream()) continue;
      if (kind == Kind::stream) std::erase(streams(), object);
      delete object;
    }
  }
}

bool breakCaptures(const char* call) {
  bool found = false;
  for (Stream* stream : streams()) {
    if (!stream->capturing) continue;
    stream->broken = found = true;
  }
  if (found) refuse(CAPTURE_UNSUPPORTED, "%s during a capture", call);
  return found;
}

int checkCapture(const char* call, const Stream& stream) {
  if (!stream.capturing || !stream.broken) return SUCCESS;
  return refuse(CAPTURE_INVALIDATED, "%s on a stream whose capture is broken", call);
}

int checkUnsafe(const char* call) {
  for (Stream* stream : streams()) {
    if (!stream->capturing || stream->mode == 2) continue;
    stream->broken = true;
    return refuse(CAPTURE_UNSUPPORTED, "%s during a capture in mode %d", call, stream->mode);
  }
  return SUCCESS;
}

bool isAwaited(const Range& host) {
  for (const Stream* stream : streams()) {
    for (const Operation& operation : stream->queue) {
      for (const Range& range : operation.host) {
        if (range.overlaps(host)) return true;
      }
    }
  }
  return false;
}

}  // namespace emulator

namespace {

struct Event final : Object {
  static constexpr Kind KIND = Kind::event;
  explicit Event(unsigned flags) : Object(Kind::event), timed((flags & 2) == 0) {}
  const bool timed;
  Stream* on = nullptr;   // where it waits for its turn
  double reached = -1;    // milliseconds
};

struct Graph final : Object {
  static constexpr Kind KIND = Kind::graph;
  explicit Graph(std::vector<Operation> operations) : Object(Kind::graph), operations(std::move(operations)) {}
  const std::vector<Operation> operations;
};

struct Executable final : Object {
  static constexpr Kind KIND = Kind::executable;
  explicit Executable(std::vector<Operation> operations) : Object(Kind::executable), operations(std::move(operations)) {}
  const std::vector<Operation> operations;
};

}  // namespace

EXPORT int cuStreamCreate(void** stream, unsigned flags) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  if (flags > 1) return refuse(INVALID_VALUE, "cuStreamCreate with flags %u", flags);
  auto* made = new Stream;
  streams().push_back(made);
  *stream = made;
  return SUCCESS;
}

EXPORT int cuStreamDestroy_v2(void* handle) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  Stream* stream = find<Stream>(handle);
  if (stream == nullptr) return refuse(INVALID_HANDLE, "cuStreamDestroy");
  // What is on it still runs.
  const int status = drain(*stream);
  std::erase(streams(), stream);
  delete stream;
  return status;
}

EXPORT int cuStreamSynchronize(void* handle) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  Stream* stream = streamOf(handle);
  if (stream == nullptr) return refuse(INVALID_HANDLE, "cuStreamSynchronize");
  if (stream->capturing) {
    stream->broken = true;
    return refuse(CAPTURE_UNSUPPORTED, "cuStreamSynchronize during a capture");
  }
  return drain(*stream);
}

EXPORT int cuStreamBeginCapture_v2(void* handle, int mode) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  if (mode < 0 || mode > 2) return refuse(INVALID_VALUE, "cuStreamBeginCapture with mode %d", mode);
  if (handle == nullptr) return refuse(CAPTURE_UNSUPPORTED, "cuStreamBeginCapture of the default stream");
  Stream* stream = find<Stream>(handle);
  if (stream == nullptr) return refuse(INVALID_HANDLE, "cuStreamBeginCapture");
  if (stream->capturing) return refuse(INVALID_VALUE, "cuStreamBeginCapture of a stream that captures already");
  stream->capturing = true;
  stream->broken = false;
  stream->mode = mode;
  stream->captured.clear();
  return SUCCESS;
}

EXPORT int cuStreamEndCapture(void* handle, void** graph) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  Stream* stream = handle == nullptr ? nullptr : find<Stream>(handle);
  if (stream == nullptr) return refuse(INVALID_HANDLE, "cuStreamEndCapture");
  if (!stream->capturing) return refuse(INVALID_VALUE, "cuStreamEndCapture of a stream that does not capture");
  stream->capturing = false;
  *graph = nullptr;
  std::vector<Operation> operations;
  operations.swap(stream->captured);
  if (stream->broken) return refuse(CAPTURE_INVALIDATED, "cuStreamEndCapture: something that waits broke the capture");
  *graph = new Graph(std::move(operations));
  return SUCCESS;
}

EXPORT int cuGraphInstantiateWithFlags(void** executable, void* handle, unsigned long long flags) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  if (flags != 0) return refuse(INVALID_VALUE, "cuGraphInstantiateWithFlags with flags %llu", flags);
  const Graph* graph = find<Graph>(handle);
  if (graph == nullptr) return refuse(INVALID_HANDLE, "cuGraphInstantiateWithFlags");
  *executable = new Executable(graph->operations);
  return SUCCESS;
}

EXPORT int cuGraphLaunch(void* handle, void* stream) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  const Executable* executable = find<Executable>(handle);
  Stream* on = executable == nullptr ? nullptr : streamOf(stream);
  if (on == nullptr) return refuse(INVALID_HANDLE, "cuGraphLaunch");
  if (on->capturing) return refuse(CAPTURE_UNSUPPORTED, "cuGraphLaunch during a capture");
  for (const Operation& operation : executable->operations) {
    for (const Range& range : operation.device) {
      if (!isDevice(reinterpret_cast<void*>(range.begin), range.end - range.begin)) {
        lostStatus = ILLEGAL_ADDRESS;
        return refuse(ILLEGAL_ADDRESS, "cuGraphLaunch: %s uses device memory that has been freed", operation.name.c_str());
      }
    }
    for (const Range& range : operation.host) {
      if (!isPinned(reinterpret_cast<void*>(range.begin), range.end - range.begin)) {
        lostStatus = ILLEGAL_ADDRESS;
        return refuse(ILLEGAL_ADDRESS, "cuGraphLaunch: %s uses pinned memory that has been freed", operation.name.c_str());
      }
    }
  }
  for (const Operation& operation : executable->operations) submit(*on, operation);
  return SUCCESS;
}

EXPORT int cuGraphExecDestroy(void* handle) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  Executable* executable = find<Executable>(handle);
  if (executable == nullptr) return refuse(INVALID_HANDLE, "cuGraphExecDestroy");
  delete executable;
  return SUCCESS;
}

EXPORT int cuGraphDestroy(void* handle) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  Graph* graph = find<Graph>(handle);
  if (graph == nullptr) return refuse(INVALID_HANDLE, "cuGraphDestroy");
  delete graph;
  return SUCCESS;
}

EXPORT int cuEventCreate(void** event, unsigned flags) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  if (flags > 7) return refuse(INVALID_VALUE, "cuEventCreate with flags %u", flags);
  *event = new Event(flags);
  return SUCCESS;
}

EXPORT int cuEventRecord(void* handle, void* stream) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  Event* event = find<Event>(handle);
  Stream* on = event == nullptr ? nullptr : streamOf(stream);
  if (on == nullptr) return refuse(INVALID_HANDLE, "cuEventRecord");
  if (on->capturing) return refuse(CAPTURE_UNSUPPORTED, "cuEventRecord during a capture: the emulator records no events");
  event->on = on;
  event->reached = -1;
  submit(*on, {"cuEventRecord",
               [event] {
                 event->on = nullptr;
                 event->reached = now();
                 return SUCCESS;
               },
               {},
               {}});
  return SUCCESS;
}

EXPORT int cuEventSynchronize(void* handle) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  Event* event = find<Event>(handle);
  if (event == nullptr) return refuse(INVALID_HANDLE, "cuEventSynchronize");
  if (breakCaptures("cuEventSynchronize")) return CAPTURE_UNSUPPORTED;
  return event->on == nullptr ? SUCCESS : drain(*event->on);
}

EXPORT int cuEventElapsedTime(float* milliseconds, void* start, void* end) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  const Event* first = find<Event>(start);
  const Event* second = first == nullptr ? nullptr : find<Event>(end);
  if (second == nullptr || !first->timed || !second->timed) return refuse(INVALID_HANDLE, "cuEventElapsedTime");
  if (first->on != nullptr || second->on != nullptr) {
    return refuse(NOT_READY, "cuEventElapsedTime of an event that has not been reached");
  }
  if (first->reached < 0 || second->reached < 0) {
    return refuse(INVALID_HANDLE, "cuEventElapsedTime of an event that was not recorded");
  }
  *milliseconds = static_cast<float>(second->reached - first->reached);
  return SUCCESS;
}

EXPORT int cuEventDestroy_v2(void* handle) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  Event* event = find<Event>(handle);
  if (event == nullptr) return refuse(INVALID_HANDLE, "cuEventDestroy");
  if (event->on != nullptr) drain(*event->on);
  delete event;
  return SUCCESS;
}
