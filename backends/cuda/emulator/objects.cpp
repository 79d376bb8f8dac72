// The emulator's registry of objects, its counters and faults, and the functions `escnn_emulator_…` by which tests look into it
// and make calls fail.

#include "emulator.hpp"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <unordered_map>

namespace emulator {

thread_local int lostStatus = 0;
thread_local Object* currentContext = nullptr;

namespace {

const char* const KIND_NAMES[] = {
    "contexts", "streams", "events", "graphs", "executables", "modules", "functions", "programs", "cublas", "cudnn",
    "tensorDescriptors", "filterDescriptors", "convolutionDescriptors", "poolingDescriptors"};

std::unordered_map<const void*, Object*>& objects() {
  static thread_local auto* all = new std::unordered_map<const void*, Object*>;
  return *all;
}

std::map<std::string, std::unique_ptr<Call>>& calls() {
  static thread_local auto* all = new std::map<std::string, std::unique_ptr<Call>>;
  return *all;
}

std::string& lastMessage() {
  static thread_local auto* message = new std::string;
  return *message;
}

const std::map<std::string, int64_t>& defaults() {
  static const auto* values = new std::map<std::string, int64_t>{
      {"driverVersion", 13000},  // CUDA that the driver supports
      {"nvrtcMajor", 13},
      {"nvrtcMinor", 0},
      {"cublasVersion", 130000},
      {"cudnnVersion", 91000},
      {"cudnnCudaVersion", 13000},  // CUDA that cuDNN was built for
      {"devices", 1},
      {"computeMajor", 9},
      {"computeMinor", 0},
      {"multiprocessors", 4},
      {"totalBytes", int64_t{8} << 30},
      {"reverse", 2},  // order of threads and blocks: 0 forward, 1 backward, 2 alternating from launch to launch
      {"careful", 0},  // 1: memory around allocations is checked after each operation instead of at each wait
  };
  return *values;
}

std::map<std::string, int64_t>& settings() {
  static thread_local auto* values = new std::map<std::string, int64_t>(defaults());
  return *values;
}

}  // namespace

Object::Object(Kind kind) : kind(kind) { objects()[this] = this; }
Object::~Object() { objects().erase(this); }

Object* find(const void* handle, Kind kind) {
  const auto found = objects().find(handle);
  const char* wanted = KIND_NAMES[static_cast<int>(kind)];
  if (found == objects().end()) {
    refuse(0, "%p is none of the live %s", handle, wanted);
    return nullptr;
  }
  if (found->second->kind != kind) {
    refuse(0, "%p belongs to the %s, expected one of the %s", handle, KIND_NAMES[static_cast<int>(found->second->kind)],
           wanted);
    return nullptr;
  }
  return found->second;
}

std::vector<Object*> objectsOf(Kind kind) {
  std::vector<Object*> found;
  for (const auto& [handle, object] : objects()) {
    if (object->kind == kind) found.push_back(object);
  }
  return found;
}

int64_t liveCount(Kind kind) {
  streamOf(nullptr);
  const auto found = static_cast<int64_t>(objectsOf(kind).size());
  // The default stream is nobody's.
  return kind == Kind::stream ? found - 1 : found;
}

Call& call(const char* name) {
  auto& entry = calls()[name];
  if (!entry) {
    entry = std::make_unique<Call>();
    entry->name = strdup(name);
  }
  return *entry;
}

int enter(Call& call) {
  call.count++;
  if (const auto found = call.failing.find(call.count); found != call.failing.end()) {
    const int status = found->second;
    call.failing.erase(found);
    return refuse(status, "%s was made to fail with status %d", call.name, status);
  }
  return 0;
}

int enterDevice(Call& call, int lost, int without) {
  if (lostStatus != 0) {
    call.count++;
    return refuse(lost, "%s: the device is lost", call.name);
  }
  if (int status = enter(call)) return status;
  if (currentContext == nullptr) return refuse(without, "%s: no context is current", call.name);
  return 0;
}

int refuse(int status, const char* format, ...) {
  char text[2048];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  // A reason is followed by the refusal that it caused: keep both.
  if (status != 0 && !lastMessage().empty() && lastMessage()[0] == '\1') {
    lastMessage() = std::string(text) + ": " + lastMessage().substr(1);
  } else {
    lastMessage() = (status == 0 ? "\1" : "") + std::string(text);
  }
  return status;
}

int64_t setting(const char* name) { return settings().at(name); }

}  // namespace emulator

using namespace emulator;

// Makes the n-th call from now (1 is the next) of a function fail with a status.
EXPORT int escnn_emulator_fail(const char* name, int64_t occurrence, int status) {
  if (occurrence < 1) return 0;
  Call& entry = call(name);
  entry.failing[entry.count + occurrence] = status;
  return 1;
}

// From now on all calls that need the device give this status; 0 brings it back.
EXPORT void escnn_emulator_lose(int status) { lostStatus = status; }

// Changes a setting; 0 when there is none of that name.
EXPORT int escnn_emulator_set(const char* name, int64_t value) {
  if (!defaults().count(name)) return 0;
  settings()[name] = value;
  return 1;
}

// How often a function was called since the last reset.
EXPORT int64_t escnn_emulator_calls(const char* name) { return call(name).count; }

// What was wrong in the last refused call.
EXPORT const char* escnn_emulator_message() {
  const std::string& message = lastMessage();
  return message.c_str() + (!message.empty() && message[0] == '\1');
}

// Forgets faults, settings, counters and the message; objects and memory stay.
EXPORT void escnn_emulator_reset() {
  for (auto& [name, entry] : calls()) {
    entry->count = 0;
    entry->failing.clear();
  }
  settings() = defaults();
  lostStatus = 0;
  lastMessage().clear();
}

// Live objects of a kind ("streams", "modules", …), or "deviceAllocations", "deviceBytes", "pinnedAllocations",
// "pinnedBytes", "queued"; −1 for another word.
EXPORT int64_t escnn_emulator_live(const char* what) {
  for (int kind = 0; kind < static_cast<int>(Kind::count); kind++) {
    if (std::strcmp(KIND_NAMES[kind], what) == 0) return liveCount(static_cast<Kind>(kind));
  }
  return liveMemory(what);
}
