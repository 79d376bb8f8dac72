// The emulator's "cubin": a header with length, architecture and checksum, then a source made ready for the host.

#pragma once

#include <string>

namespace emulator {

std::string packImage(const std::string& text, int architecture, bool isVirtual);

// What is in an image: its text, or why it is none.
struct Image {
  std::string text, error;
  int architecture = 0;
  bool isVirtual = false;  // PTX, which later devices take too
};
Image unpackImage(const void* bytes);

}  // namespace emulator
