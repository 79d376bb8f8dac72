// The structures by which the emulator runs a compiled kernel; the same stand in kernel_prelude.hpp, which includes nothing.

#pragma once

#include <cstdint>

namespace emulator {

struct EscnnLaunch {
  unsigned grid[3], block[3];
  unsigned sharedBytes, backward;
  void** arguments;
};
struct EscnnHost {
  void (*fibers)(unsigned threads, unsigned backward, void (*select)(unsigned), void (*body)(void*), void* closure);
  void (*wait)(int line);
};
struct EscnnParameter {
  unsigned size, alignment, pointee, listed;
};
struct EscnnKernel {
  const char* name;
  void (*run)(const EscnnLaunch*);
  unsigned count;
  const EscnnParameter* parameters;
};

}  // namespace emulator
