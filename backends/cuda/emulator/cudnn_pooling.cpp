// cuDNN's poolings: maxima and averages of windows, and their gradients.

#include <cmath>

#include "cudnn.hpp"

using namespace emulator;

namespace {

constexpr int MAX = 0, AVERAGE_WITH_PADDING = 1, AVERAGE_WITHOUT_PADDING = 2, MAX_DETERMINISTIC = 3;

struct Problem {
  Layout x, y;
  long long window[3], padding[3], stride[3];
  int mode;
  bool isMax() const { return mode == MAX || mode == MAX_DETERMINISTIC; }
};

int makeProblem(const char* call, const void* poolingDescriptor, const void* xDescriptor, const void* yDescriptor, Problem& p) {
  const Pooling* pooling = find<Pooling>(poolingDescriptor);
  const Tensor* x = pooling == nullptr ? nullptr : find<Tensor>(xDescriptor);
  const Tensor* y = x == nullptr ? nullptr : find<Tensor>(yDescriptor);
  if (y == nullptr) return refuse(CUDNN_BAD_PARAM, "%s", call);
  if (pooling->window.empty() || x->dims.empty() || y->dims.empty()) {
    return refuse(CUDNN_NOT_FINALIZED, "%s: a descriptor was not set", call);
  }
  if (x->dims.size() != y->dims.size() || x->dims.size() != pooling->window.size() + 2 || x->type != y->type) {
    return refuse(CUDNN_BAD_PARAM, "%s: descriptors of different types or numbers of axes", call);
  }
  p.x = layoutOf(*x);
  p.y = layoutOf(*y);
  p.mode = pooling->mode;
  if (p.x.dims[0] != p.y.dims[0] || p.x.dims[1] != p.y.dims[1]) return refuse(CUDNN_SHAPE_MISMATCH, "%s: channels differ", call);
  const int spatial = static_cast<int>(pooling->window.size());
  for (int axis = 0; axis < 3; axis++) {
    const int from = axis - (3 - spatial);
    p.window[axis] = from < 0 ? 1 : pooling->window[from];
    p.padding[axis] = from < 0 ? 0 : pooling->padding[from];
    p.stride[axis] = from < 0 ? 1 : pooling->stride[from];
    const long long room = p.x.dims[axis + 2] + 2 * p.padding[axis] - p.window[axis];
    const long long size = room < 0 ? 0 : room / p.stride[axis] + 1;
    if (p.y.dims[axis + 2] != size) {
      return refuse(CUDNN_SHAPE_MISMATCH, "%s: the output's size %lld along spatial axis %d is %lld by the windows", call,
                    p.y.dims[axis + 2], from, size);
    }
  }
  return CUDNN_SUCCESS;
}

// Calls visit(output, input) for each element of each window, and done(output, elements) after each window.
template <class Visit, class Done>
void windows(const Problem& p, Visit visit, Done done) {
  const long long* X = p.x.dims;
  const long long* Y = p.y.dims;
  long long output = 0;
  for (long long plane = 0; plane < X[0] * X[1]; plane++)
    for (long long od = 0; od < Y[2]; od++)
      for (long long oh = 0; oh < Y[3]; oh++)
        for (long long ow = 0; ow < Y[4]; ow++, output++) {
          long long elements = 0;
          for (long long d = od * p.stride[0] - p.padding[0], i = 0; i < p.window[0]; i++, d++)
            for (long long h = oh * p.stride[1] - p.padding[1], j = 0; j < p.window[1]; j++, h++)
              for (long long w = ow * p.stride[2] - p.padding[2], k = 0; k < p.window[2]; k++, w++) {
                if (d < 0 || h < 0 || w < 0 || d >= X[2] || h >= X[3] || w >= X[4]) continue;
                elements++;
                visit(output, ((plane * X[2] + d) * X[3] + h) * X[4] + w);
              }
          done(output, elements);
        }
}

double divisor(const Problem& p, long long elements) {
  return p.mode == AVERAGE_WITH_PADDING ? static_cast<double>(p.window[0] * p.window[1] * p.window[2]) : static_cast<double>(elements);
}

template <class T>
void forward(const Problem& p, const void* x, void* y, double alpha, double beta) {
  const std::vector<T> input = gatherElements<T>(x, p.x);
  std::vector<T> output(p.y.count(), p.isMax() ? static_cast<T>(-INFINITY) : T(0));
  windows(
      p,
      [&](long long to, long long from) {
        const T value = input[from];
        if (!p.isMax()) output[to] += value;
        else if (value > output[to] || std::isnan(value)) output[to] = value;
      },
      [&](long long to, long long elements) {
        if (!p.isMax()) output[to] = static_cast<T>(output[to] / static_cast<T>(divisor(p, elements)));
      });
  scatterElements<T>(y, p.y, output, static_cast<T>(alpha), static_cast<T>(beta));
}

template <class T>
void backward(const Problem& p, const void* y, const void* dy, const void* x, void* dx, double alpha, double beta) {
  const std::vector<T> gradient = gatherElements<T>(dy, p.y);
  std::vector<T> result(p.x.count(), T(0));
  if (p.isMax()) {
    const std::vector<T> input = gatherElements<T>(x, p.x), output = gatherElements<T>(y, p.y);
    long long chosen = -1;
    windows(
        p,
        [&](long long to, long long from) {
          if (chosen < 0 && input[from] == output[to]) chosen = from;
        },
        [&](long long to, long long) {
          if (chosen >= 0) result[chosen] += gradient[to];
          chosen = -1;
        });
  } else {
    std::vector<long long> window;
    windows(p, [&](long long, long long from) { window.push_back(from); },
            [&](long long to, long long elements) {
              const T share = gradient[to] / static_cast<T>(divisor(p, elements));
              for (const long long from : window) result[from] += share;
              window.clear();
            });
  }
  scatterElements<T>(dx, p.x, result, static_cast<T>(alpha), static_cast<T>(beta));
}

}  // namespace

EXPORT int cudnnPoolingForward(const void* handle, const void* pooling, const void* alphaAt, const void* xDescriptor, const void* x,
                               const void* betaAt, const void* yDescriptor, void* y) {
  ENTER_DEVICE(CUDNN_EXECUTION_FAILED, CUDNN_NOT_INITIALIZED);
  const char* call = "cudnnPoolingForward";
  Problem p;
  int status = CUDNN_SUCCESS;
  Stream* stream = streamOfHandle(call, handle, status);
  if (stream == nullptr || (status = makeProblem(call, pooling, xDescriptor, yDescriptor, p))) return status;
  const bool isDouble = p.x.type == Type::float64;
  double alpha, beta;
  Operation operation{call, {}, {}, {}};
  if ((status = readFactor(call, alphaAt, isDouble, alpha)) || (status = readFactor(call, betaAt, isDouble, beta)) ||
      (status = useOperand(call, "the input", x, p.x, operation)) || (status = useOperand(call, "the output", y, p.y, operation))) {
    return status;
  }
  operation.run = [=] {
    if (isDouble) forward<double>(p, x, y, alpha, beta);
    else forward<float>(p, x, y, alpha, beta);
    return static_cast<int>(SUCCESS);
  };
  submit(*stream, std::move(operation));
  return CUDNN_SUCCESS;
}

EXPORT int cudnnPoolingBackward(const void* handle, const void* pooling, const void* alphaAt, const void* yDescriptor, const void* y,
                                const void* dyDescriptor, const void* dy, const void* xDescriptor, const void* x, const void* betaAt,
                                const void* dxDescriptor, void* dx) {
  ENTER_DEVICE(CUDNN_EXECUTION_FAILED, CUDNN_NOT_INITIALIZED);
  const char* call = "cudnnPoolingBackward";
  Problem p, gradients;
  int status = CUDNN_SUCCESS;
  Stream* stream = streamOfHandle(call, handle, status);
  if (stream == nullptr || (status = makeProblem(call, pooling, xDescriptor, yDescriptor, p)) ||
      (status = makeProblem(call, pooling, dxDescriptor, dyDescriptor, gradients))) {
    return status;
  }
  const bool isDouble = p.x.type == Type::float64;
  double alpha, beta;
  Operation operation{call, {}, {}, {}};
  if ((status = readFactor(call, alphaAt, isDouble, alpha)) || (status = readFactor(call, betaAt, isDouble, beta)) ||
      (status = useOperand(call, "the input", x, p.x, operation)) || (status = useOperand(call, "the output", y, p.y, operation)) ||
      (status = useOperand(call, "the output's gradient", dy, gradients.y, operation)) ||
      (status = useOperand(call, "the input's gradient", dx, gradients.x, operation))) {
    return status;
  }
  if (p.x.count() != gradients.x.count()) return refuse(CUDNN_SHAPE_MISMATCH, "%s: gradients of another shape", call);
  operation.run = [=] {
    if (isDouble) backward<double>(gradients, y, dy, x, dx, alpha, beta);
    else backward<float>(gradients, y, dy, x, dx, alpha, beta);
    return static_cast<int>(SUCCESS);
  };
  submit(*stream, std::move(operation));
  return CUDNN_SUCCESS;
}
