// Threads of one block as fibers: each has a stack of its own and runs until it waits at a barrier or ends.

#pragma once

#include <string>

namespace emulator {

// Runs `threads` fibers with `body(closure)` to their ends, in rounds from barrier to barrier. `select` is called before a fiber goes on.
void runFibers(unsigned threads, unsigned backward, void (*select)(unsigned), void (*body)(void*), void* closure);

// Called by a fiber: waits until all others wait at the same line.
void waitForFibers(int line);

// What was wrong with barriers since the last call: threads that ended while others waited, or waited elsewhere. Empty when nothing was.
std::string takeFiberError();

}  // namespace emulator
