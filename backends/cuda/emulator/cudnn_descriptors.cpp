// cuDNN's handle, statuses and descriptors.

#include "cudnn.hpp"

using namespace emulator;

namespace emulator {

uint64_t Layout::extent() const {
  long long last = 0;
  for (int axis = 0; axis < 5; axis++) last += (dims[axis] - 1) * strides[axis];
  return static_cast<uint64_t>(last + 1) * sizeOf(type);
}

namespace {

// Axes in front of the spatial ones stay, missing spatial ones are of size 1 and come first.
Layout expand(Type type, const std::vector<int>& dims, const std::vector<int>& strides) {
  Layout layout{type, {1, 1, 1, 1, 1}, {0, 0, 0, 0, 0}};
  const size_t missing = 5 - dims.size();
  for (size_t axis = 0; axis < dims.size(); axis++) {
    const size_t to = axis < 2 ? axis : axis + missing;
    layout.dims[to] = dims[axis];
    layout.strides[to] = strides[axis];
  }
  return layout;
}

bool typeOf(int cudnn, Type& type) {
  switch (cudnn) {
    case 0: type = Type::float32; return true;
    case 1: type = Type::float64; return true;
    case 2: type = Type::float16; return true;
    case 9: type = Type::bfloat16; return true;
    default: return false;
  }
}

std::vector<int> contiguous(const std::vector<int>& dims) {
  std::vector<int> strides(dims.size(), 1);
  for (size_t axis = dims.size() - 1; axis > 0; axis--) strides[axis - 1] = strides[axis] * dims[axis];
  return strides;
}

template <class T>
int create(void** descriptor) {
  if (descriptor == nullptr) return refuse(CUDNN_NULL_POINTER, "no place for a descriptor");
  *descriptor = new T;
  return CUDNN_SUCCESS;
}

template <class T>
int destroy(const char* call, void* descriptor) {
  T* known = find<T>(descriptor);
  if (known == nullptr) return refuse(CUDNN_BAD_PARAM, "%s", call);
  delete known;
  return CUDNN_SUCCESS;
}

}  // namespace

Layout layoutOf(const Tensor& tensor) { return expand(tensor.type, tensor.dims, tensor.strides); }
Layout layoutOf(const Filter& filter) { return expand(filter.type, filter.dims, contiguous(filter.dims)); }

Stream* streamOfHandle(const char* call, const void* handle, int& status) {
  const CudnnHandle* known = find<CudnnHandle>(handle);
  Stream* stream = known == nullptr ? nullptr : streamOf(known->stream);
  if (stream == nullptr) status = refuse(CUDNN_NOT_INITIALIZED, "%s: the handle or its stream is none", call);
  return stream;
}

int useOperand(const char* call, const char* which, const void* memory, const Layout& layout, Operation& operation) {
  const uint64_t bytes = layout.extent();
  if (!isDevice(memory, bytes)) {
    return refuse(CUDNN_BAD_PARAM, "%s: %s (%lu bytes from %p on) does not lie in one live allocation of the device", call, which,
                  bytes, memory);
  }
  if (reinterpret_cast<uint64_t>(memory) % sizeOf(layout.type) != 0) {
    return refuse(CUDNN_BAD_PARAM, "%s: %s is not aligned", call, which);
  }
  operation.device.push_back(rangeOf(memory, bytes));
  return CUDNN_SUCCESS;
}

int readFactor(const char* call, const void* factor, bool isDouble, double& value) {
  if (factor == nullptr || touchesDevice(factor, isDouble ? 8 : 4)) {
    return refuse(CUDNN_BAD_PARAM, "%s: alpha and beta are no host memory", call);
  }
  value = isDouble ? *static_cast<const double*>(factor) : *static_cast<const float*>(factor);
  return CUDNN_SUCCESS;
}

}  // namespace emulator

EXPORT uint64_t cudnnGetVersion() { return setting("cudnnVersion"); }
EXPORT uint64_t cudnnGetCudartVersion() { return setting("cudnnCudaVersion"); }

EXPORT const char* cudnnGetErrorString(int status) {
  switch (status) {
    case 0: return "CUDNN_STATUS_SUCCESS";
    case 1001: return "CUDNN_STATUS_NOT_INITIALIZED";
    case 1002: return "CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH";
    case 1008: return "CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED";
    case 2000: return "CUDNN_STATUS_BAD_PARAM";
    case 2002: return "CUDNN_STATUS_BAD_PARAM_NULL_POINTER";
    case 2004: return "CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED";
    case 2006: return "CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT";
    case 2008: return "CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH";
    case 3000: return "CUDNN_STATUS_NOT_SUPPORTED";
    case 4000: return "CUDNN_STATUS_INTERNAL_ERROR";
    case 4003: return "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED";
    case 5000: return "CUDNN_STATUS_EXECUTION_FAILED";
    default: return "unknown cuDNN status";
  }
}

EXPORT int cudnnCreate(void** handle) {
  ENTER_DEVICE(CUDNN_NOT_INITIALIZED, CUDNN_NOT_INITIALIZED);
  *handle = new CudnnHandle;
  return CUDNN_SUCCESS;
}

EXPORT int cudnnDestroy(void* handle) {
  ENTER();
  return destroy<CudnnHandle>("cudnnDestroy", handle);
}

EXPORT int cudnnSetStream(void* handle, void* stream) {
  ENTER();
  CudnnHandle* known = find<CudnnHandle>(handle);
  if (known == nullptr || streamOf(stream) == nullptr) return refuse(CUDNN_BAD_PARAM, "cudnnSetStream");
  known->stream = stream;
  return CUDNN_SUCCESS;
}

#define DESCRIPTOR(Name, T)                                    \
  EXPORT int cudnnCreate##Name##Descriptor(void** descriptor) { \
    ENTER();                                                   \
    return create<T>(descriptor);                              \
  }                                                            \
  EXPORT int cudnnDestroy##Name##Descriptor(void* descriptor) { \
    ENTER();                                                   \
    return destroy<T>("cudnnDestroy" #Name "Descriptor", descriptor); \
  }
DESCRIPTOR(Tensor, Tensor)
DESCRIPTOR(Filter, Filter)
DESCRIPTOR(Convolution, Convolution)
DESCRIPTOR(Pooling, Pooling)

EXPORT int cudnnSetTensorNdDescriptor(void* descriptor, int type, int count, const int* dims, const int* strides) {
  ENTER();
  Tensor* tensor = find<Tensor>(descriptor);
  if (tensor == nullptr) return refuse(CUDNN_BAD_PARAM, "cudnnSetTensorNdDescriptor");
  if (count < 4 || count > 5) return refuse(CUDNN_NOT_SUPPORTED, "cudnnSetTensorNdDescriptor: %d axes, 4 or 5 are needed", count);
  Type known;
  if (!typeOf(type, known)) return refuse(CUDNN_NOT_SUPPORTED, "cudnnSetTensorNdDescriptor: type %d", type);
  for (int axis = 0; axis < count; axis++) {
    if (dims[axis] < 1 || strides[axis] < 1) {
      return refuse(CUDNN_BAD_PARAM, "cudnnSetTensorNdDescriptor: axis %d has size %d and stride %d", axis, dims[axis], strides[axis]);
    }
  }
  double elements = 1;
  for (int axis = 0; axis < count; axis++) elements *= dims[axis];
  if (elements > 2147483647) return refuse(CUDNN_NOT_SUPPORTED, "cudnnSetTensorNdDescriptor: %.0f elements, the most are 2147483647", elements);
  tensor->type = known;
  tensor->dims.assign(dims, dims + count);
  tensor->strides.assign(strides, strides + count);
  return CUDNN_SUCCESS;
}

EXPORT int cudnnSetFilterNdDescriptor(void* descriptor, int type, int format, int count, const int* dims) {
  ENTER();
  Filter* filter = find<Filter>(descriptor);
  if (filter == nullptr) return refuse(CUDNN_BAD_PARAM, "cudnnSetFilterNdDescriptor");
  if (format != 0) return refuse(CUDNN_NOT_SUPPORTED, "cudnnSetFilterNdDescriptor: the emulator knows format NCHW (0), got %d", format);
  if (count < 4 || count > 5) return refuse(CUDNN_NOT_SUPPORTED, "cudnnSetFilterNdDescriptor: %d axes, 4 or 5 are needed", count);
  Type known;
  if (!typeOf(type, known)) return refuse(CUDNN_NOT_SUPPORTED, "cudnnSetFilterNdDescriptor: type %d", type);
  for (int axis = 0; axis < count; axis++) {
    if (dims[axis] < 1) return refuse(CUDNN_BAD_PARAM, "cudnnSetFilterNdDescriptor: axis %d has size %d", axis, dims[axis]);
  }
  filter->type = known;
  filter->dims.assign(dims, dims + count);
  return CUDNN_SUCCESS;
}

EXPORT int cudnnSetConvolutionNdDescriptor(void* descriptor, int count, const int* padding, const int* stride, const int* dilation,
                                           int mode, int compute) {
  ENTER();
  Convolution* convolution = find<Convolution>(descriptor);
  if (convolution == nullptr) return refuse(CUDNN_BAD_PARAM, "cudnnSetConvolutionNdDescriptor");
  if (count < 2 || count > 3) return refuse(CUDNN_NOT_SUPPORTED, "cudnnSetConvolutionNdDescriptor: %d axes, 2 or 3 are needed", count);
  Type known;
  if (!typeOf(compute, known) || (known != Type::float32 && known != Type::float64)) {
    return refuse(CUDNN_NOT_SUPPORTED, "cudnnSetConvolutionNdDescriptor: computed as type %d", compute);
  }
  if (mode != 0 && mode != 1) return refuse(CUDNN_BAD_PARAM, "cudnnSetConvolutionNdDescriptor: mode %d", mode);
  for (int axis = 0; axis < count; axis++) {
    if (padding[axis] < 0 || stride[axis] < 1 || dilation[axis] < 1) {
      return refuse(CUDNN_BAD_PARAM, "cudnnSetConvolutionNdDescriptor: padding %d, stride %d, dilation %d", padding[axis],
                    stride[axis], dilation[axis]);
    }
  }
  convolution->padding.assign(padding, padding + count);
  convolution->stride.assign(stride, stride + count);
  convolution->dilation.assign(dilation, dilation + count);
  convolution->flipped = mode == 0;
  convolution->compute = known;
  return CUDNN_SUCCESS;
}

EXPORT int cudnnSetConvolutionGroupCount(void* descriptor, int groups) {
  ENTER();
  Convolution* convolution = find<Convolution>(descriptor);
  if (convolution == nullptr || groups < 1) return refuse(CUDNN_BAD_PARAM, "cudnnSetConvolutionGroupCount: %d", groups);
  convolution->groups = groups;
  return CUDNN_SUCCESS;
}

EXPORT int cudnnSetConvolutionMathType(void* descriptor, int math) {
  ENTER();
  Convolution* convolution = find<Convolution>(descriptor);
  if (convolution == nullptr || math < 0 || math > 3) return refuse(CUDNN_BAD_PARAM, "cudnnSetConvolutionMathType: %d", math);
  convolution->math = math;
  return CUDNN_SUCCESS;
}

EXPORT int cudnnSetPoolingNdDescriptor(void* descriptor, int mode, int nan, int count, const int* window, const int* padding,
                                       const int* stride) {
  ENTER();
  Pooling* pooling = find<Pooling>(descriptor);
  if (pooling == nullptr) return refuse(CUDNN_BAD_PARAM, "cudnnSetPoolingNdDescriptor");
  if (mode < 0 || mode > 3 || nan < 0 || nan > 1) return refuse(CUDNN_BAD_PARAM, "cudnnSetPoolingNdDescriptor: mode %d, %d", mode, nan);
  if (count < 2 || count > 3) return refuse(CUDNN_NOT_SUPPORTED, "cudnnSetPoolingNdDescriptor: %d axes, 2 or 3 are needed", count);
  for (int axis = 0; axis < count; axis++) {
    if (window[axis] < 1 || stride[axis] < 1 || padding[axis] < 0 || padding[axis] >= window[axis]) {
      return refuse(CUDNN_BAD_PARAM, "cudnnSetPoolingNdDescriptor: window %d, padding %d, stride %d", window[axis], padding[axis],
                    stride[axis]);
    }
  }
  pooling->mode = mode;
  pooling->window.assign(window, window + count);
  pooling->padding.assign(padding, padding + count);
  pooling->stride.assign(stride, stride + count);
  return CUDNN_SUCCESS;
}
