// cuDNN's convolutions: forward and both gradients with groups, strides, dilation and padding in two and three dimensions; the lists of
// algorithms with the workspaces they need. Inputs are rounded to TF32 where the math type lets a device do so.

// Loops over many elements are to become vector code.
#pragma GCC optimize("O3")

#include <algorithm>
#include <memory>

#include "cudnn.hpp"

using namespace emulator;

namespace {

enum class Direction { forward, data, filter };

// cudnnConvolution…AlgoPerf_t: 48 bytes.
struct Performance {
  int algorithm, status;
  float time;
  uint64_t memory;
  int determinism, math;
  int reserved[3];
};
static_assert(sizeof(Performance) == 48, "as in cudnn_cnn.h");

struct Problem {
  Layout x, w, y;
  long long groups, padding[3], stride[3], dilation[3];
  bool flipped, isDouble, tf32;
  int spatial;
};

// Fits descriptors together, or says why they do not.
int makeProblem(const char* call, const void* xDescriptor, const void* wDescriptor, const void* convolutionDescriptor,
                const void* yDescriptor, Problem& p) {
  const Tensor* x = find<Tensor>(xDescriptor);
  const Filter* w = x == nullptr ? nullptr : find<Filter>(wDescriptor);
  const Convolution* convolution = w == nullptr ? nullptr : find<Convolution>(convolutionDescriptor);
  const Tensor* y = convolution == nullptr ? nullptr : find<Tensor>(yDescriptor);
  if (y == nullptr) return refuse(CUDNN_BAD_PARAM, "%s", call);
  if (x->dims.empty() || w->dims.empty() || convolution->stride.empty() || y->dims.empty()) {
    return refuse(CUDNN_NOT_FINALIZED, "%s: a descriptor was not set", call);
  }
  const size_t axes = x->dims.size();
  if (w->dims.size() != axes || y->dims.size() != axes || convolution->stride.size() != axes - 2) {
    return refuse(CUDNN_BAD_PARAM, "%s: descriptors of %zu, %zu, %zu and %zu + 2 axes", call, axes, w->dims.size(), y->dims.size(),
                  convolution->stride.size());
  }
  if (w->type != x->type || y->type != x->type) return refuse(CUDNN_BAD_PARAM, "%s: operands of different types", call);
  p.isDouble = x->type == Type::float64;
  if (p.isDouble != (convolution->compute == Type::float64)) {
    return refuse(CUDNN_NOT_SUPPORTED, "%s: the type of the operands is computed as another one", call);
  }
  p.x = layoutOf(*x);
  p.w = layoutOf(*w);
  p.y = layoutOf(*y);
  p.groups = convolution->groups;
  p.flipped = convolution->flipped;
  // CUDNN_FMA_MATH (3) is the only one that keeps all bits of a float.
  p.tf32 = x->type == Type::float32 && convolution->math != 3;
  p.spatial = static_cast<int>(axes) - 2;
  if (p.x.dims[1] != p.w.dims[1] * p.groups || p.w.dims[0] % p.groups != 0 || p.y.dims[1] != p.w.dims[0] || p.x.dims[0] != p.y.dims[0]) {
    return refuse(CUDNN_SHAPE_MISMATCH, "%s: input [%lld, %lld], filter [%lld, %lld], output [%lld, %lld] in %lld groups", call,
                  p.x.dims[0], p.x.dims[1], p.w.dims[0], p.w.dims[1], p.y.dims[0], p.y.dims[1], p.groups);
  }
  for (int axis = 0; axis < 3; axis++) {
    const int from = axis - (3 - p.spatial);
    p.padding[axis] = from < 0 ? 0 : convolution->padding[from];
    p.stride[axis] = from < 0 ? 1 : convolution->stride[from];
    p.dilation[axis] = from < 0 ? 1 : convolution->dilation[from];
    const long long reach = (p.w.dims[axis + 2] - 1) * p.dilation[axis] + 1;
    const long long room = p.x.dims[axis + 2] + 2 * p.padding[axis] - reach;
    const long long size = room < 0 ? 0 : room / p.stride[axis] + 1;
    if (p.y.dims[axis + 2] != size) {
      return refuse(CUDNN_SHAPE_MISMATCH, "%s: the output's size %lld along spatial axis %d is %lld by the convolution", call,
                    p.y.dims[axis + 2], from, size);
    }
  }
  return CUDNN_SUCCESS;
}

// Calls visit(weight's position, input's first, output's first, columns) for each tap that meets a row of outputs.
struct Rows {
  const Problem& p;

  // The outputs along the last axis whose tap lies in the input.
  void columns(long long tap, long long& first, long long& last) const {
    const long long offset = tap * p.dilation[2] - p.padding[2];  // input column = output column · stride + offset
    first = offset >= 0 ? 0 : (-offset + p.stride[2] - 1) / p.stride[2];
    const long long room = p.x.dims[4] - 1 - offset;
    last = room < 0 ? -1 : std::min(p.y.dims[4] - 1, room / p.stride[2]);
  }

  template <class Visit>
  void each(Visit visit) const {
    const long long inGroup = p.w.dims[1], outGroup = p.w.dims[0] / p.groups;
    const long long* X = p.x.dims;
    const long long* Y = p.y.dims;
    const long long* W = p.w.dims;
    for (long long n = 0; n < X[0]; n++)
      for (long long k = 0; k < W[0]; k++)
        for (long long od = 0; od < Y[2]; od++)
          for (long long oh = 0; oh < Y[3]; oh++)
            for (long long c = 0; c < inGroup; c++)
              for (long long td = 0; td < W[2]; td++) {
                const long long id = od * p.stride[0] + td * p.dilation[0] - p.padding[0];
                if (id < 0 || id >= X[2]) continue;
                for (long long th = 0; th < W[3]; th++) {
                  const long long ih = oh * p.stride[1] + th * p.dilation[1] - p.padding[1];
                  if (ih < 0 || ih >= X[3]) continue;
                  const long long channel = k / outGroup * inGroup + c;
                  const long long input = (((n * X[1] + channel) * X[2] + id) * X[3] + ih) * X[4];
                  const long long output = (((n * Y[1] + k) * Y[2] + od) * Y[3] + oh) * Y[4];
                  for (long long tw = 0; tw < W[4]; tw++) {
                    long long first, last;
                    columns(tw, first, last);
                    if (last < first) continue;
                    const long long d = p.flipped ? W[2] - 1 - td : td, h = p.flipped ? W[3] - 1 - th : th,
                                    w = p.flipped ? W[4] - 1 - tw : tw;
                    visit((((k * W[1] + c) * W[2] + d) * W[3] + h) * W[4] + w,
                          input + first * p.stride[2] + tw * p.dilation[2] - p.padding[2], output + first, last - first + 1);
                  }
                }
              }
  }
};

template <class T>
void roundInputs(const Problem& p, std::vector<T>& values) {
  if (!p.tf32) return;
  for (T& value : values) value = static_cast<T>(toTf32(static_cast<float>(value)));
}

template <class T>
void run(const Problem& p, Direction direction, const void* first, const void* second, void* result, double alpha, double beta) {
  const long long step = p.stride[2];
  const Rows rows{p};
  const Layout& firstLayout = direction == Direction::data ? p.w : p.x;
  const Layout& secondLayout = direction == Direction::forward ? p.w : p.y;
  const Layout& resultLayout = direction == Direction::forward ? p.y : direction == Direction::data ? p.x : p.w;
  std::vector<T> a = gatherElements<T>(first, firstLayout), b = gatherElements<T>(second, secondLayout);
  roundInputs(p, a);
  roundInputs(p, b);
  std::vector<T> sums(resultLayout.count(), T(0));
  if (direction == Direction::forward) {
    rows.each([&](long long w, long long x, long long y, long long count) {
      const T factor = b[w];
      const T* __restrict in = &a[x];
      T* __restrict out = &sums[y];
      if (step == 1) {
        for (long long i = 0; i < count; i++) out[i] += factor * in[i];
      } else {
        for (long long i = 0; i < count; i++) out[i] += factor * in[i * step];
      }
    });
  } else if (direction == Direction::data) {
    rows.each([&](long long w, long long x, long long y, long long count) {
      const T factor = a[w];
      const T* __restrict in = &b[y];
      T* __restrict out = &sums[x];
      if (step == 1) {
        for (long long i = 0; i < count; i++) out[i] += factor * in[i];
      } else {
        for (long long i = 0; i < count; i++) out[i * step] += factor * in[i];
      }
    });
  } else {
    rows.each([&](long long w, long long x, long long y, long long count) {
      T sum = 0;
      for (long long i = 0; i < count; i++) sum += a[x + i * step] * b[y + i];
      sums[w] += sum;
    });
  }
  scatterElements<T>(result, resultLayout, sums, static_cast<T>(alpha), static_cast<T>(beta));
}

// What an algorithm needs, or nothing when it cannot compute the problem.
struct Algorithm {
  int number;
  bool supported;
  uint64_t memory;
  bool deterministic;
};

std::vector<Algorithm> algorithmsOf(const Problem& p, Direction direction) {
  const uint64_t size = sizeOf(p.x.type);
  const uint64_t taps = p.w.dims[2] * p.w.dims[3] * p.w.dims[4];
  const uint64_t pixels = p.y.dims[2] * p.y.dims[3] * p.y.dims[4];
  const uint64_t patches = p.x.dims[1] * taps * pixels * size;
  const bool plane = p.spatial == 2;
  const bool ungrouped = p.groups == 1;
  const bool winograd = plane && ungrouped && !p.isDouble && p.w.dims[3] == 3 && p.w.dims[4] == 3 && p.stride[1] == 1 &&
                        p.stride[2] == 1 && p.dilation[1] == 1 && p.dilation[2] == 1;
  switch (direction) {
    case Direction::forward:
      return {{1, true, 4 * taps * p.x.dims[1] + 128, true}, {6, winograd, 1024, true}, {0, true, 0, true},
              {2, plane && ungrouped, patches, true}, {3, false, 0, true}, {4, false, 0, true}, {5, false, 0, true},
              {7, false, 0, true}};
    case Direction::data:
      return {{1, true, 4 * taps * p.w.dims[0] + 128, true}, {0, true, 0, false}, {4, winograd, 1024, true}, {2, false, 0, true},
              {3, false, 0, true}, {5, false, 0, true}};
    default:
      return {{1, true, patches / 2 + 128, true}, {0, true, 0, false}, {3, plane, 4 * taps * p.x.dims[1], false},
              {2, false, 0, true}, {5, false, 0, true}, {6, false, 0, true}};
  }
}

int listAlgorithms(const char* call, const Problem& p, Direction direction, int requested, int* returned, Performance* results,
                   uint64_t workspace) {
  if (requested < 1 || returned == nullptr || results == nullptr) return refuse(CUDNN_BAD_PARAM, "%s: no room for results", call);
  std::vector<Performance> all;
  float time = 1;
  for (const bool supported : {true, false}) {
    for (const Algorithm& algorithm : algorithmsOf(p, direction)) {
      const bool fits = algorithm.supported && algorithm.memory <= workspace;
      if (fits != supported) continue;
      all.push_back({algorithm.number, fits ? CUDNN_SUCCESS : CUDNN_NOT_SUPPORTED, fits ? time++ : -1.0f,
                     algorithm.supported ? algorithm.memory : 0, algorithm.deterministic ? 1 : 0, p.tf32 ? 0 : 3, {0, 0, 0}});
    }
  }
  *returned = std::min<int>(requested, static_cast<int>(all.size()));
  std::copy_n(all.begin(), *returned, results);
  return CUDNN_SUCCESS;
}

int workspaceOf(const char* call, const Problem& p, Direction direction, int number, uint64_t& bytes) {
  for (const Algorithm& algorithm : algorithmsOf(p, direction)) {
    if (algorithm.number != number || !algorithm.supported) continue;
    bytes = algorithm.memory;
    return CUDNN_SUCCESS;
  }
  return refuse(CUDNN_NOT_SUPPORTED, "%s: algorithm %d cannot compute this convolution", call, number);
}

int compute(const char* call, const void* handle, const Problem& p, Direction direction, int algorithm, void* workspace,
            uint64_t workspaceBytes, const void* alphaAt, const void* first, const void* second, const void* betaAt, void* result) {
  int status = CUDNN_SUCCESS;
  Stream* stream = streamOfHandle(call, handle, status);
  if (stream == nullptr) return status;
  if (checkCapture(call, *stream) != SUCCESS) return CUDNN_EXECUTION_FAILED;
  uint64_t needed = 0;
  if ((status = workspaceOf(call, p, direction, algorithm, needed))) return status;
  if (needed > workspaceBytes) {
    return refuse(CUDNN_SIZE_INSUFFICIENT, "%s: a workspace of %lu bytes, algorithm %d needs %lu", call, workspaceBytes, algorithm,
                  needed);
  }
  Operation operation{call, {}, {}, {}};
  if (needed > 0) {
    if (!isDevice(workspace, workspaceBytes) || reinterpret_cast<uint64_t>(workspace) % 16 != 0) {
      return refuse(CUDNN_BAD_PARAM, "%s: the workspace does not lie aligned in one live allocation of the device", call);
    }
    operation.device.push_back(rangeOf(workspace, workspaceBytes));
  }
  double alpha, beta;
  if ((status = readFactor(call, alphaAt, p.isDouble, alpha)) || (status = readFactor(call, betaAt, p.isDouble, beta))) return status;
  const Layout& firstLayout = direction == Direction::data ? p.w : p.x;
  const Layout& secondLayout = direction == Direction::forward ? p.w : p.y;
  const Layout& resultLayout = direction == Direction::forward ? p.y : direction == Direction::data ? p.x : p.w;
  if ((status = useOperand(call, "the first operand", first, firstLayout, operation)) ||
      (status = useOperand(call, "the second operand", second, secondLayout, operation)) ||
      (status = useOperand(call, "the result", result, resultLayout, operation))) {
    return status;
  }
  const Range written = rangeOf(result, resultLayout.extent());
  for (const Range& other : operation.device) {
    const bool self = other.begin == written.begin && other.end == written.end && &other == &operation.device.back();
    if (!self && other.overlaps(written)) return refuse(CUDNN_BAD_PARAM, "%s: the result overlaps another operand", call);
  }
  operation.run = [=] {
    // A device leaves anything in its workspace.
    if (needed > 0) std::memset(workspace, 0xA5, needed);
    if (p.isDouble) run<double>(p, direction, first, second, result, alpha, beta);
    else run<float>(p, direction, first, second, result, alpha, beta);
    return static_cast<int>(SUCCESS);
  };
  submit(*stream, std::move(operation));
  return CUDNN_SUCCESS;
}

// A search tries the algorithms: it waits, and what was in the result is gone.
int search(const char* call, const void* handle, const Problem& p, Direction direction, int requested, int* returned,
           Performance* results, void* workspace, uint64_t workspaceBytes, const void* first, const void* second, void* result) {
  int status = CUDNN_SUCCESS;
  Stream* stream = streamOfHandle(call, handle, status);
  if (stream == nullptr) return status;
  if (breakCaptures(call)) return CUDNN_EXECUTION_FAILED;
  Operation operation{call, {}, {}, {}};
  const Layout& resultLayout = direction == Direction::forward ? p.y : direction == Direction::data ? p.x : p.w;
  if ((status = useOperand(call, "the first operand", first, direction == Direction::data ? p.w : p.x, operation)) ||
      (status = useOperand(call, "the second operand", second, direction == Direction::forward ? p.w : p.y, operation)) ||
      (status = useOperand(call, "the result", result, resultLayout, operation))) {
    return status;
  }
  if (workspaceBytes > 0 && !isDevice(workspace, workspaceBytes)) {
    return refuse(CUDNN_BAD_PARAM, "%s: the workspace does not lie in one live allocation of the device", call);
  }
  if (drain(*stream) != SUCCESS) return CUDNN_EXECUTION_FAILED;
  if (workspaceBytes > 0) std::memset(workspace, 0xA5, workspaceBytes);
  const std::vector<double> garbage(resultLayout.count(), -987654321.0);
  scatterElements<double>(result, resultLayout, garbage, 1.0, 0.0);
  return listAlgorithms(call, p, direction, requested, returned, results, workspaceBytes);
}

}  // namespace

#define PROBLEM(call, x, w, convolution, y)                                      \
  ENTER_DEVICE(CUDNN_EXECUTION_FAILED, CUDNN_NOT_INITIALIZED);                     \
  Problem p;                                                                       \
  if (int wrong = makeProblem(call, x, w, convolution, y, p)) return wrong

EXPORT int cudnnGetConvolutionForwardAlgorithm_v7(const void*, const void* x, const void* w, const void* convolution, const void* y,
                                                  int requested, int* returned, Performance* results) {
  PROBLEM("cudnnGetConvolutionForwardAlgorithm_v7", x, w, convolution, y);
  return listAlgorithms("cudnnGetConvolutionForwardAlgorithm_v7", p, Direction::forward, requested, returned, results, UINT64_MAX);
}

EXPORT int cudnnGetConvolutionBackwardDataAlgorithm_v7(const void*, const void* w, const void* dy, const void* convolution,
                                                       const void* dx, int requested, int* returned, Performance* results) {
  PROBLEM("cudnnGetConvolutionBackwardDataAlgorithm_v7", dx, w, convolution, dy);
  return listAlgorithms("cudnnGetConvolutionBackwardDataAlgorithm_v7", p, Direction::data, requested, returned, results, UINT64_MAX);
}

EXPORT int cudnnGetConvolutionBackwardFilterAlgorithm_v7(const void*, const void* x, const void* dy, const void* convolution,
                                                         const void* dw, int requested, int* returned, Performance* results) {
  PROBLEM("cudnnGetConvolutionBackwardFilterAlgorithm_v7", x, dw, convolution, dy);
  return listAlgorithms("cudnnGetConvolutionBackwardFilterAlgorithm_v7", p, Direction::filter, requested, returned, results,
                        UINT64_MAX);
}

EXPORT int cudnnFindConvolutionForwardAlgorithmEx(const void* handle, const void* xDescriptor, const void* x, const void* wDescriptor,
                                                  const void* w, const void* convolution, const void* yDescriptor, void* y,
                                                  int requested, int* returned, Performance* results, void* workspace,
                                                  uint64_t workspaceBytes) {
  PROBLEM("cudnnFindConvolutionForwardAlgorithmEx", xDescriptor, wDescriptor, convolution, yDescriptor);
  return search("cudnnFindConvolutionForwardAlgorithmEx", handle, p, Direction::forward, requested, returned, results, workspace,
                workspaceBytes, x, w, y);
}

EXPORT int cudnnFindConvolutionBackwardDataAlgorithmEx(const void* handle, const void* wDescriptor, const void* w,
                                                       const void* dyDescriptor, const void* dy, const void* convolution,
                                                       const void* dxDescriptor, void* dx, int requested, int* returned,
                                                       Performance* results, void* workspace, uint64_t workspaceBytes) {
  PROBLEM("cudnnFindConvolutionBackwardDataAlgorithmEx", dxDescriptor, wDescriptor, convolution, dyDescriptor);
  return search("cudnnFindConvolutionBackwardDataAlgorithmEx", handle, p, Direction::data, requested, returned, results, workspace,
                workspaceBytes, w, dy, dx);
}

EXPORT int cudnnFindConvolutionBackwardFilterAlgorithmEx(const void* handle, const void* xDescriptor, const void* x,
                                                         const void* dyDescriptor, const void* dy, const void* convolution,
                                                         const void* dwDescriptor, void* dw, int requested, int* returned,
                                                         Performance* results, void* workspace, uint64_t workspaceBytes) {
  PROBLEM("cudnnFindConvolutionBackwardFilterAlgorithmEx", xDescriptor, dwDescriptor, convolution, dyDescriptor);
  return search("cudnnFindConvolutionBackwardFilterAlgorithmEx", handle, p, Direction::filter, requested, returned, results,
                workspace, workspaceBytes, x, dy, dw);
}

EXPORT int cudnnGetConvolutionForwardWorkspaceSize(const void*, const void* x, const void* w, const void* convolution, const void* y,
                                                   int algorithm, uint64_t* bytes) {
  PROBLEM("cudnnGetConvolutionForwardWorkspaceSize", x, w, convolution, y);
  return workspaceOf("cudnnGetConvolutionForwardWorkspaceSize", p, Direction::forward, algorithm, *bytes);
}

EXPORT int cudnnGetConvolutionBackwardDataWorkspaceSize(const void*, const void* w, const void* dy, const void* convolution,
                                                        const void* dx, int algorithm, uint64_t* bytes) {
  PROBLEM("cudnnGetConvolutionBackwardDataWorkspaceSize", dx, w, convolution, dy);
  return workspaceOf("cudnnGetConvolutionBackwardDataWorkspaceSize", p, Direction::data, algorithm, *bytes);
}

EXPORT int cudnnGetConvolutionBackwardFilterWorkspaceSize(const void*, const void* x, const void* dy, const void* convolution,
                                                          const void* dw, int algorithm, uint64_t* bytes) {
  PROBLEM("cudnnGetConvolutionBackwardFilterWorkspaceSize", x, dw, convolution, dy);
  return workspaceOf("cudnnGetConvolutionBackwardFilterWorkspaceSize", p, Direction::filter, algorithm, *bytes);
}

EXPORT int cudnnConvolutionForward(const void* handle, const void* alpha, const void* xDescriptor, const void* x,
                                   const void* wDescriptor, const void* w, const void* convolution, int algorithm, void* workspace,
                                   uint64_t workspaceBytes, const void* beta, const void* yDescriptor, void* y) {
  PROBLEM("cudnnConvolutionForward", xDescriptor, wDescriptor, convolution, yDescriptor);
  return compute("cudnnConvolutionForward", handle, p, Direction::forward, algorithm, workspace, workspaceBytes, alpha, x, w, beta, y);
}

EXPORT int cudnnConvolutionBackwardData(const void* handle, const void* alpha, const void* wDescriptor, const void* w,
                                        const void* dyDescriptor, const void* dy, const void* convolution, int algorithm,
                                        void* workspace, uint64_t workspaceBytes, const void* beta, const void* dxDescriptor, void* dx) {
  PROBLEM("cudnnConvolutionBackwardData", dxDescriptor, wDescriptor, convolution, dyDescriptor);
  return compute("cudnnConvolutionBackwardData", handle, p, Direction::data, algorithm, workspace, workspaceBytes, alpha, w, dy, beta,
                 dx);
}

EXPORT int cudnnConvolutionBackwardFilter(const void* handle, const void* alpha, const void* xDescriptor, const void* x,
                                          const void* dyDescriptor, const void* dy, const void* convolution, int algorithm,
                                          void* workspace, uint64_t workspaceBytes, const void* beta, const void* dwDescriptor,
                                          void* dw) {
  PROBLEM("cudnnConvolutionBackwardFilter", xDescriptor, dwDescriptor, convolution, dyDescriptor);
  return compute("cudnnConvolutionBackwardFilter", handle, p, Direction::filter, algorithm, workspace, workspaceBytes, alpha, x, dy,
                 beta, dw);
}
