// The descriptors and the handle of cuDNN's double, checked when they are set and copied when they are used.

#pragma once

#include <vector>

#include "emulator.hpp"
#include "numbers.hpp"

namespace emulator {

enum : int {
  CUDNN_SUCCESS = 0,
  CUDNN_NOT_INITIALIZED = 1001,
  CUDNN_BAD_PARAM = 2000,
  CUDNN_NULL_POINTER = 2002,
  CUDNN_NOT_FINALIZED = 2004,
  CUDNN_SIZE_INSUFFICIENT = 2006,
  CUDNN_SHAPE_MISMATCH = 2008,
  CUDNN_NOT_SUPPORTED = 3000,
  CUDNN_EXECUTION_FAILED = 5000,
};

struct CudnnHandle final : Object {
  static constexpr Kind KIND = Kind::cudnn;
  CudnnHandle() : Object(Kind::cudnn) {}
  void* stream = nullptr;
};

struct Tensor final : Object {
  static constexpr Kind KIND = Kind::tensorDescriptor;
  Tensor() : Object(KIND) {}
  Type type = Type::float32;
  std::vector<int> dims, strides;
};

struct Filter final : Object {
  static constexpr Kind KIND = Kind::filterDescriptor;
  Filter() : Object(KIND) {}
  Type type = Type::float32;
  std::vector<int> dims;
};

struct Convolution final : Object {
  static constexpr Kind KIND = Kind::convolutionDescriptor;
  Convolution() : Object(KIND) {}
  std::vector<int> padding, stride, dilation;
  bool flipped = false;  // CUDNN_CONVOLUTION instead of CUDNN_CROSS_CORRELATION
  Type compute = Type::float32;
  int groups = 1, math = 0;
};

struct Pooling final : Object {
  static constexpr Kind KIND = Kind::poolingDescriptor;
  Pooling() : Object(KIND) {}
  int mode = 0;
  std::vector<int> window, padding, stride;
};

// A tensor of five axes (batch, channel, depth, row, column) in memory.
struct Layout {
  Type type;
  long long dims[5], strides[5];
  long long count() const { return dims[0] * dims[1] * dims[2] * dims[3] * dims[4]; }
  // Bytes from the first element to the end of the last.
  uint64_t extent() const;
};
Layout layoutOf(const Tensor& tensor);
Layout layoutOf(const Filter& filter);

// All elements, row-major, as T.
template <class T>
std::vector<T> gatherElements(const void* memory, const Layout& layout) {
  std::vector<T> values;
  values.reserve(layout.count());
  const auto& [d0, d1, d2, d3, d4] = layout.dims;
  for (long long a = 0; a < d0; a++)
    for (long long b = 0; b < d1; b++)
      for (long long c = 0; c < d2; c++)
        for (long long d = 0; d < d3; d++)
          for (long long e = 0; e < d4; e++)
            values.push_back(load<T>(memory, layout.type,
                                     a * layout.strides[0] + b * layout.strides[1] + c * layout.strides[2] +
                                         d * layout.strides[3] + e * layout.strides[4]));
  return values;
}

// memory = alpha · values + beta · memory; a beta of 0 does not read.
template <class T>
void scatterElements(void* memory, const Layout& layout, const std::vector<T>& values, T alpha, T beta) {
  size_t i = 0;
  const auto& [d0, d1, d2, d3, d4] = layout.dims;
  for (long long a = 0; a < d0; a++)
    for (long long b = 0; b < d1; b++)
      for (long long c = 0; c < d2; c++)
        for (long long d = 0; d < d3; d++)
          for (long long e = 0; e < d4; e++) {
            const long long at = a * layout.strides[0] + b * layout.strides[1] + c * layout.strides[2] +
                                 d * layout.strides[3] + e * layout.strides[4];
            const T before = beta == T(0) ? T(0) : beta * load<T>(memory, layout.type, at);
            store<T>(memory, layout.type, at, alpha * values[i++] + before);
          }
}

// The stream of a handle; null and a status in `status` when something is wrong.
Stream* streamOfHandle(const char* call, const void* handle, int& status);
// Checks that an operand lies on the device and notes what it covers.
int useOperand(const char* call, const char* which, const void* memory, const Layout& layout, Operation& operation);
// Reads a scaling factor: double for float64, else float.
int readFactor(const char* call, const void* factor, bool isDouble, double& value);

}  // namespace emulator
