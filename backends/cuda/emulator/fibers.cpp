// Fibers with a context switch of a few instructions on x86-64, and with ucontext elsewhere.

#include "fibers.hpp"

#include <cstdint>
#include <cstdlib>
#include <vector>

#ifndef __x86_64__
#include <ucontext.h>
#endif

namespace emulator {

namespace {

constexpr size_t STACK = 64 * 1024;

#ifdef __x86_64__
using Context = void*;  // the stack pointer, below it the saved registers

extern "C" void escnn_emulator_switch(Context* from, Context to);
asm(R"(
.text
.hidden escnn_emulator_switch
.globl escnn_emulator_switch
.type escnn_emulator_switch, @function
escnn_emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size escnn_emulator_switch, .-escnn_emulator_switch
)");
void switchTo(Context& from, Context& to) { escnn_emulator_switch(&from, to); }
#else
using Context = ucontext_t;
void switchTo(Context& from, Context& to) { swapcontext(&from, &to); }
#endif

struct Fiber {
  Context context;
  uint8_t* stack = nullptr;
  bool ended = false;
  int line = 0;
};

std::vector<Fiber>& pool() {
  static auto* fibers = new std::vector<Fiber>;
  return *fibers;
}

Context scheduler;
Fiber* current = nullptr;
void (*currentBody)(void*) = nullptr;
void* currentClosure = nullptr;
std::string& error() {
  static auto* text = new std::string;
  return *text;
}

void enterFiber() {
  currentBody(currentClosure);
  current->ended = true;
  switchTo(current->context, scheduler);
  std::abort();  // an ended fiber is never resumed
}

void prepare(Fiber& fiber) {
  if (fiber.stack == nullptr) fiber.stack = static_cast<uint8_t*>(std::aligned_alloc(64, STACK));
  fiber.ended = false;
  fiber.line = 0;
#ifdef __x86_64__
  auto** top = reinterpret_cast<void**>(fiber.stack + STACK);
  // At the entry of a function the stack is 8 bytes off a multiple of 16.
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(enterFiber);
  for (int i = 0; i < 6; i++) *--top = nullptr;
  fiber.context = top;
#else
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack;
  fiber.context.uc_stack.ss_size = STACK;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, enterFiber, 0);
#endif
}

}  // namespace

void runFibers(unsigned threads, unsigned backward, void (*select)(unsigned), void (*body)(void*), void* closure) {
  std::vector<Fiber>& fibers = pool();
  if (fibers.size() < threads) fibers.resize(threads);
  for (unsigned i = 0; i < threads; i++) prepare(fibers[i]);
  currentBody = body;
  currentClosure = closure;
  for (unsigned running = threads; running > 0;) {
    const unsigned before = running;
    int line = 0;
    for (unsigned t = 0; t < threads; t++) {
      const unsigned i = backward ? threads - 1 - t : t;
      Fiber& fiber = fibers[i];
      if (fiber.ended) continue;
      select(i);
      current = &fiber;
      switchTo(scheduler, fiber.context);
      if (fiber.ended) {
        running--;
      } else {
        if (line != 0 && line != fiber.line) {
          error() = "threads of a block wait in different lines: " + std::to_string(line) + " and " +
                    std::to_string(fiber.line);
        }
        line = fiber.line;
      }
    }
    if (running > 0 && running < before) {
      error() = std::to_string(before - running) + " threads ended while others wait in line " + std::to_string(line);
    }
  }
  current = nullptr;
}

void waitForFibers(int line) {
  current->line = line;
  switchTo(current->context, scheduler);
}

std::string takeFiberError() {
  std::string text;
  text.swap(error());
  return text;
}

}  // namespace emulator
