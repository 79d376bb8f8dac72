// Modules, functions and launches of the emulated driver. A launch checks its arguments against the kernel's own parameter list,
// copies them, and runs the grid on one thread when its turn comes.

#include <dlfcn.h>

#include <memory>

#include "compiler.hpp"
#include "emulator.hpp"
#include "fibers.hpp"
#include "image.hpp"

using namespace emulator;

namespace emulator {

namespace {

constexpr char MAGIC[8] = {'E', 'S', 'C', 'N', 'N', 'E', 'M', 'U'};

struct Header {
  char magic[8];
  uint64_t length;
  uint32_t architecture, isVirtual;
  char checksum[32];
};

}  // namespace

std::string packImage(const std::string& text, int architecture, bool isVirtual) {
  Header header{};
  std::memcpy(header.magic, MAGIC, 8);
  header.length = text.size();
  header.architecture = architecture;
  header.isVirtual = isVirtual ? 1 : 0;
  std::memcpy(header.checksum, fingerprint(text).data(), 32);
  return std::string(reinterpret_cast<const char*>(&header), sizeof header) + text;
}

Image unpackImage(const void* bytes) {
  Header header;
  std::memcpy(&header, bytes, 8);
  if (std::memcmp(header.magic, MAGIC, 8) != 0) return {"", "it is no image of the emulator", 0};
  std::memcpy(&header, bytes, sizeof header);
  if (header.length > (64 << 20)) return {"", "its length is impossible", 0};
  std::string text(static_cast<const char*>(bytes) + sizeof header, header.length);
  if (fingerprint(text) != std::string(header.checksum, 32)) return {"", "its checksum is wrong", 0};
  return {std::move(text), "", static_cast<int>(header.architecture), header.isVirtual != 0};
}

}  // namespace emulator

namespace {

constexpr unsigned MAX_THREADS = 1024;
constexpr unsigned MAX_SHARED = 49152;
constexpr int MAX_DYNAMIC_SHARED = 8;  // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES

struct Function;

struct Module final : Object {
  static constexpr Kind KIND = Kind::module;
  explicit Module(LoadedKernels loaded) : Object(Kind::module), loaded(loaded) {}
  ~Module() override;
  const LoadedKernels loaded;
  std::map<std::string, std::unique_ptr<Function>> functions;
};

struct Function final : Object {
  static constexpr Kind KIND = Kind::function;
  Function(const Module& module, const EscnnKernel& kernel) : Object(Kind::function), module(module), kernel(kernel) {}
  const Module& module;
  const EscnnKernel& kernel;
  unsigned sharedLimit = MAX_SHARED;
};

Module::~Module() {
  functions.clear();
  dlclose(loaded.library);
}

// The arguments of one launch, copied.
struct Arguments {
  std::vector<uint64_t> bytes;
  std::vector<size_t> places;
};

thread_local unsigned launches = 0;

bool goesBackward() {
  const int64_t order = setting("reverse");
  return order == 2 ? launches++ % 2 == 1 : order == 1;
}

}  // namespace

EXPORT int cuModuleLoadData(void** module, const void* bytes) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  if (bytes == nullptr) return refuse(INVALID_VALUE, "cuModuleLoadData without an image");
  // Drivers before 12.3 load no code during a capture, whatever its mode.
  if (setting("driverVersion") < 12030 && breakCaptures("cuModuleLoadData")) return CAPTURE_UNSUPPORTED;
  const Image image = unpackImage(bytes);
  if (!image.error.empty()) return refuse(INVALID_IMAGE, "cuModuleLoadData: %s", image.error.c_str());
  const int major = static_cast<int>(setting("computeMajor")), minor = static_cast<int>(setting("computeMinor"));
  const bool fits = image.isVirtual ? image.architecture <= 10 * major + minor
                                    : image.architecture / 10 == major && image.architecture % 10 <= minor;
  if (!fits) {
    return refuse(NO_BINARY, "cuModuleLoadData: an image for sm_%d, the device is sm_%d%d", image.architecture, major, minor);
  }
  const Compiled compiled = compileForHost(image.text);
  if (compiled.path.empty()) return refuse(INVALID_IMAGE, "cuModuleLoadData: %s", compiled.log.c_str());
  const LoadedKernels loaded = loadKernels(compiled.path);
  if (!loaded.error.empty()) return refuse(INVALID_IMAGE, "cuModuleLoadData: %s", loaded.error.c_str());
  *module = new Module(loaded);
  return SUCCESS;
}

EXPORT int cuModuleUnload(void* handle) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  Module* module = find<Module>(handle);
  if (module == nullptr) return refuse(INVALID_HANDLE, "cuModuleUnload");
  if (int status = drainAll()) return status;
  delete module;
  return SUCCESS;
}

EXPORT int cuModuleGetFunction(void** function, void* handle, const char* name) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  Module* module = find<Module>(handle);
  if (module == nullptr) return refuse(INVALID_HANDLE, "cuModuleGetFunction");
  for (const EscnnKernel* kernel = module->loaded.kernels; kernel->name != nullptr; kernel++) {
    if (std::strcmp(kernel->name, name) != 0) continue;
    auto& known = module->functions[name];
    if (!known) known = std::make_unique<Function>(*module, *kernel);
    *function = known.get();
    return SUCCESS;
  }
  return refuse(NOT_FOUND, "cuModuleGetFunction: there is no kernel %s", name);
}

EXPORT int cuFuncSetAttribute(void* handle, int attribute, int value) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  Function* function = find<Function>(handle);
  if (function == nullptr) return refuse(INVALID_HANDLE, "cuFuncSetAttribute");
  if (attribute != MAX_DYNAMIC_SHARED) return refuse(INVALID_VALUE, "cuFuncSetAttribute: attribute %d", attribute);
  if (value < 0 || value + function->module.loaded.staticSharedBytes > optInShared()) {
    return refuse(INVALID_VALUE, "cuFuncSetAttribute: %d bytes of shared memory", value);
  }
  function->sharedLimit = static_cast<unsigned>(value);
  return SUCCESS;
}

EXPORT int cuLaunchKernel(void* handle, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,
                          unsigned blockZ, unsigned sharedBytes, void* stream, void** parameters, void** extra) {
  ENTER_DEVICE(lostStatus, INVALID_CONTEXT);
  Function* function = find<Function>(handle);
  if (function == nullptr) return refuse(INVALID_HANDLE, "cuLaunchKernel");
  Stream* on = streamOf(stream);
  const EscnnKernel& kernel = function->kernel;
  if (on == nullptr) return refuse(INVALID_HANDLE, "cuLaunchKernel of %s", kernel.name);
  if (int status = checkCapture("cuLaunchKernel", *on)) return status;
  if (extra != nullptr) return refuse(INVALID_VALUE, "cuLaunchKernel of %s with extra arguments", kernel.name);
  if (gridX == 0 || gridY == 0 || gridZ == 0 || gridX > 2147483647u || gridY > 65535 || gridZ > 65535) {
    return refuse(INVALID_VALUE, "cuLaunchKernel of %s: a grid of %u × %u × %u", kernel.name, gridX, gridY, gridZ);
  }
  if (blockX == 0 || blockY == 0 || blockZ == 0 || blockX > MAX_THREADS || blockY > MAX_THREADS || blockZ > 64 ||
      blockX * blockY * blockZ > MAX_THREADS) {
    return refuse(INVALID_VALUE, "cuLaunchKernel of %s: a block of %u × %u × %u", kernel.name, blockX, blockY, blockZ);
  }
  const uint64_t staticBytes = function->module.loaded.staticSharedBytes;
  if (staticBytes > MAX_SHARED || sharedBytes > function->sharedLimit ||
      (function->sharedLimit <= MAX_SHARED && staticBytes + sharedBytes > MAX_SHARED)) {
    return refuse(INVALID_VALUE, "cuLaunchKernel of %s: %lu bytes of static and %u of dynamic shared memory, allowed are %u",
                  kernel.name, staticBytes, sharedBytes, function->sharedLimit);
  }
  auto arguments = std::make_shared<Arguments>();
  Operation operation{kernel.name, {}, {}, {}};
  if (kernel.count > 0 && parameters == nullptr) {
    return refuse(INVALID_VALUE, "cuLaunchKernel of %s without arguments", kernel.name);
  }
  for (unsigned i = 0; i < kernel.count; i++) {
    const EscnnParameter& parameter = kernel.parameters[i];
    if (parameters[i] == nullptr) {
      return refuse(INVALID_VALUE, "cuLaunchKernel of %s: argument %u is missing", kernel.name, i);
    }
    if (reinterpret_cast<uint64_t>(parameters[i]) % parameter.alignment != 0) {
      return refuse(INVALID_VALUE, "cuLaunchKernel of %s: argument %u is not aligned to %u bytes", kernel.name, i,
                    parameter.alignment);
    }
    const size_t place = (arguments->bytes.size() + 1) / 2 * 2;  // parameters are aligned to at most 16 bytes
    arguments->bytes.resize(place + (parameter.size + 7) / 8);
    std::memcpy(&arguments->bytes[place], parameters[i], parameter.size);
    arguments->places.push_back(place);
    for (unsigned j = 0; j < parameter.listed; j++) {
      void* pointer;
      std::memcpy(&pointer, static_cast<const char*>(parameters[i]) + 8 * j, sizeof pointer);
      if (pointer == nullptr) continue;
      if (!isDevicePointer(pointer)) {
        return refuse(INVALID_VALUE, "cuLaunchKernel of %s: address %u in argument %u, %p, is no live memory of the device",
                      kernel.name, j, i, pointer);
      }
      operation.device.push_back(rangeOf(pointer, 0));
    }
    if (parameter.pointee == 0) continue;
    void* pointer;
    std::memcpy(&pointer, parameters[i], sizeof pointer);
    if (pointer == nullptr) continue;
    // A device reaches pinned memory by the host's address.
    const bool pinned = isPinned(pointer, 0);
    if (!pinned && !isDevicePointer(pointer)) {
      return refuse(INVALID_VALUE, "cuLaunchKernel of %s: argument %u, %p, is no live memory of the device", kernel.name, i,
                    pointer);
    }
    if (reinterpret_cast<uint64_t>(pointer) % parameter.pointee != 0) {
      return refuse(INVALID_VALUE, "cuLaunchKernel of %s: argument %u, %p, is not aligned to %u bytes", kernel.name, i, pointer,
                    parameter.pointee);
    }
    (pinned ? operation.host : operation.device).push_back(rangeOf(pointer, 0));
  }
  const LoadedKernels& loaded = function->module.loaded;
  operation.run = [=] {
    std::vector<uint64_t> bytes(arguments->bytes.size() + 2);
    uint64_t* base = bytes.data() + (reinterpret_cast<uint64_t>(bytes.data()) % 16 == 0 ? 0 : 1);
    std::memcpy(base, arguments->bytes.data(), 8 * arguments->bytes.size());
    std::vector<void*> pointers;
    for (const size_t place : arguments->places) pointers.push_back(base + place);
    const EscnnLaunch launch{
        {gridX, gridY, gridZ}, {blockX, blockY, blockZ}, sharedBytes, goesBackward() ? 1u : 0u, pointers.data()};
    kernel.run(&launch);
    const std::string wrong = takeFiberError();
    if (!wrong.empty()) return refuse(LAUNCH_FAILED, "kernel %s: %s", kernel.name, wrong.c_str());
    if (*loaded.sharedOverrun != 0) {
      *loaded.sharedOverrun = 0;
      return refuse(ILLEGAL_ADDRESS, "kernel %s wrote beyond its %u bytes of dynamic shared memory", kernel.name, sharedBytes);
    }
    return static_cast<int>(SUCCESS);
  };
  submit(*on, std::move(operation));
  return SUCCESS;
}
