// Kernel sources as shared libraries of the host: what NVRTC's double makes and the driver's double loads.

#pragma once

#include <string>
#include <vector>

#include "kernel_interface.hpp"

namespace emulator {

// A source made ready for the host's compiler, and what was found in it.
struct HostSource {
  std::string text;                  // the whole file to compile
  std::string error;                 // why it is no kernel source; empty when it is
  std::vector<std::string> kernels;  // names of `extern "C" __global__` functions
};
HostSource hostSource(const std::string& source, const std::string& name);

// A compiled source: the path of its library, or the compiler's words.
struct Compiled {
  std::string path;
  std::string log;
};
// Compiles a ready source, or finds it in the folder of what has been compiled.
Compiled compileForHost(const std::string& text);

// A loaded library.
struct LoadedKernels {
  void* library = nullptr;
  const EscnnKernel* kernels = nullptr;
  int* sharedOverrun = nullptr;
  uint64_t staticSharedBytes = 0;
  std::string error;
};
LoadedKernels loadKernels(const std::string& path);

// 32 hexadecimal digits that stand for a text.
std::string fingerprint(const std::string& text);

}  // namespace emulator
