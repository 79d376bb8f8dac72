// cuBLAS's double: matrix products of column-major matrices. Inputs are rounded to TF32 where the math mode lets a device do so, so that
// a test in float32 sees it.

// Loops over many elements are to become vector code.
#pragma GCC optimize("O3")

#include <algorithm>
#include <memory>
#include <vector>

#include "emulator.hpp"
#include "numbers.hpp"

using namespace emulator;

namespace {

enum : int {
  CUBLAS_SUCCESS = 0,
  CUBLAS_NOT_INITIALIZED = 1,
  CUBLAS_INVALID_VALUE = 7,
  CUBLAS_EXECUTION_FAILED = 13,
  CUBLAS_NOT_SUPPORTED = 15,
};

constexpr int TF32_MATH = 3;

struct Handle final : Object {
  static constexpr Kind KIND = Kind::cublas;
  Handle() : Object(Kind::cublas) {}
  void* streamHandle = nullptr;
  int mathMode = 0;
};

// One matrix operand: where it lies, and how element (row, column) of what the product takes is found.
struct Matrix {
  void* memory;
  Type type;
  int leading;
  long long stride;
  bool transposed;
};

struct Product {
  int m, n, k, batch;
  double alpha, beta;
  Matrix a, b, c;
  bool tf32;
};

// Sums for one pair of matrices: result[outer][inner] over terms; the inner loop is the long one.
template <class T>
void multiply(const T* __restrict inner, const T* __restrict outer, T* __restrict result, int innerCount, int outerCount, int terms) {
  std::fill(result, result + static_cast<size_t>(innerCount) * outerCount, T(0));
  int o = 0;
  for (; o + 4 <= outerCount; o += 4) {
    T* __restrict r0 = result + static_cast<size_t>(o) * innerCount;
    T* __restrict r1 = r0 + innerCount;
    T* __restrict r2 = r1 + innerCount;
    T* __restrict r3 = r2 + innerCount;
    for (int l = 0; l < terms; l++) {
      const T* __restrict row = inner + static_cast<size_t>(l) * innerCount;
      const T* factor = outer + static_cast<size_t>(o) * terms + l;
      const T f0 = factor[0], f1 = factor[terms], f2 = factor[2 * static_cast<size_t>(terms)],
              f3 = factor[3 * static_cast<size_t>(terms)];
      for (int i = 0; i < innerCount; i++) {
        r0[i] += row[i] * f0;
        r1[i] += row[i] * f1;
        r2[i] += row[i] * f2;
        r3[i] += row[i] * f3;
      }
    }
  }
  for (; o < outerCount; o++) {
    T* __restrict r = result + static_cast<size_t>(o) * innerCount;
    for (int l = 0; l < terms; l++) {
      const T* __restrict row = inner + static_cast<size_t>(l) * innerCount;
      const T f = outer[static_cast<size_t>(o) * terms + l];
      for (int i = 0; i < innerCount; i++) r[i] += row[i] * f;
    }
  }
}

// Copies a matrix as [slow][fast]; `alongColumns` when the fast axis runs from column to column of what lies in memory.
template <class T>
void pack(const Matrix& matrix, int batch, bool alongColumns, bool tf32, T* target, int slow, int fast) {
  const long long slowStride = alongColumns ? 1 : matrix.leading, fastStride = alongColumns ? matrix.leading : 1;
  const long long start = matrix.stride * batch;
  if (matrix.type == (sizeof(T) == 8 ? Type::float64 : Type::float32) && !tf32) {
    const T* source = static_cast<const T*>(matrix.memory) + start;
    for (int s = 0; s < slow; s++) {
      for (int f = 0; f < fast; f++) target[static_cast<size_t>(s) * fast + f] = source[s * slowStride + f * fastStride];
    }
    return;
  }
  for (int s = 0; s < slow; s++) {
    for (int f = 0; f < fast; f++) {
      const T value = load<T>(matrix.memory, matrix.type, start + s * slowStride + f * fastStride);
      target[static_cast<size_t>(s) * fast + f] = tf32 ? static_cast<T>(toTf32(static_cast<float>(value))) : value;
    }
  }
}

template <class T>
void run(const Product& p) {
  const bool swap = p.n > p.m;  // the longer side is the inner one
  const int innerCount = swap ? p.n : p.m, outerCount = swap ? p.m : p.n;
  std::vector<T> inner(static_cast<size_t>(innerCount) * p.k), outer(static_cast<size_t>(outerCount) * p.k),
      result(static_cast<size_t>(innerCount) * outerCount);
  const T alpha = static_cast<T>(p.alpha), beta = static_cast<T>(p.beta);
  for (int batch = 0; batch < p.batch; batch++) {
    // Operand A is [m, k], B is [k, n]; terms of the inner one lie apart, those of the outer one together.
    const Matrix& a = p.a;
    const Matrix& b = p.b;
    if (swap) {
      pack(b, batch, !b.transposed, p.tf32, inner.data(), p.k, innerCount);
      pack(a, batch, !a.transposed, p.tf32, outer.data(), outerCount, p.k);
    } else {
      pack(a, batch, a.transposed, p.tf32, inner.data(), p.k, innerCount);
      pack(b, batch, b.transposed, p.tf32, outer.data(), outerCount, p.k);
    }
    multiply(inner.data(), outer.data(), result.data(), innerCount, outerCount, p.k);
    for (int j = 0; j < p.n; j++) {
      for (int i = 0; i < p.m; i++) {
        const T sum = swap ? result[static_cast<size_t>(i) * innerCount + j] : result[static_cast<size_t>(j) * innerCount + i];
        const long long at = p.c.stride * batch + static_cast<long long>(j) * p.c.leading + i;
        // A factor of 0 does not read what is there: it may be NaN.
        const T before = beta == T(0) ? T(0) : beta * load<T>(p.c.memory, p.c.type, at);
        store<T>(p.c.memory, p.c.type, at, alpha * sum + before);
      }
    }
  }
}

// The bytes of a matrix over all batches.
uint64_t extent(const Matrix& matrix, int rows, int columns, int batch) {
  if (rows == 0 || columns == 0) return 0;
  const long long last = matrix.stride * (batch - 1) + static_cast<long long>(columns - 1) * matrix.leading + rows;
  return static_cast<uint64_t>(last) * sizeOf(matrix.type);
}

// Whether two results of a batch share an element.
bool overlap(const Product& p) {
  for (int apart = 1; apart < p.batch; apart++) {
    const long long distance = p.c.stride * apart;
    const long long column = distance / p.c.leading, row = distance % p.c.leading;
    if ((column < p.n && row < p.m) || (column + 1 < p.n && p.c.leading - row < p.m)) return true;
  }
  return false;
}

// Checks a product and puts it on the handle's stream.
int product(const char* name, void* handle, int transA, int transB, Product p, bool isDouble) {
  Handle* known = find<Handle>(handle);
  if (known == nullptr) return refuse(CUBLAS_NOT_INITIALIZED, "%s", name);
  if (streamOf(known->streamHandle) == nullptr) return refuse(CUBLAS_EXECUTION_FAILED, "%s: its stream is gone", name);
  if (checkCapture(name, *streamOf(known->streamHandle)) != SUCCESS) return CUBLAS_EXECUTION_FAILED;
  if (transA < 0 || transA > 1 || transB < 0 || transB > 1) {
    return refuse(CUBLAS_INVALID_VALUE, "%s: operations %d and %d", name, transA, transB);
  }
  if (p.m < 0 || p.n < 0 || p.k < 0 || p.batch < 0) {
    return refuse(CUBLAS_INVALID_VALUE, "%s: sizes %d, %d, %d, %d matrices", name, p.m, p.n, p.k, p.batch);
  }
  p.a.transposed = transA == 1;
  p.b.transposed = transB == 1;
  const int rowsA = transA ? p.k : p.m, columnsA = transA ? p.m : p.k;
  const int rowsB = transB ? p.n : p.k, columnsB = transB ? p.k : p.n;
  if (p.a.leading < std::max(1, rowsA) || p.b.leading < std::max(1, rowsB) || p.c.leading < std::max(1, p.m)) {
    return refuse(CUBLAS_INVALID_VALUE, "%s: leading dimensions %d, %d, %d for %d, %d, %d rows", name, p.a.leading, p.b.leading,
                  p.c.leading, rowsA, rowsB, p.m);
  }
  if (p.m == 0 || p.n == 0 || p.batch == 0) return CUBLAS_SUCCESS;
  if (p.a.stride < 0 || p.b.stride < 0 || p.c.stride < 0) return refuse(CUBLAS_INVALID_VALUE, "%s: the emulator takes no negative strides", name);
  if (overlap(p)) {
    return refuse(CUBLAS_INVALID_VALUE, "%s: the results of %d products, %lld elements apart, overlap", name, p.batch, p.c.stride);
  }
  Operation operation{name, {}, {}, {}};
  const struct {
    const Matrix& matrix;
    int rows, columns;
    const char* which;
  } operands[] = {{p.a, rowsA, columnsA, "A"}, {p.b, rowsB, columnsB, "B"}, {p.c, p.m, p.n, "C"}};
  for (const auto& [matrix, rows, columns, which] : operands) {
    const uint64_t bytes = extent(matrix, rows, columns, p.batch);
    if (!isDevice(matrix.memory, bytes) && (bytes > 0 || matrix.memory != nullptr)) {
      return refuse(CUBLAS_EXECUTION_FAILED, "%s: matrix %s (%d × %d, leading dimension %d, %d times) does not lie in one live "
                    "allocation of the device", name, which, rows, columns, matrix.leading, p.batch);
    }
    if (reinterpret_cast<uint64_t>(matrix.memory) % sizeOf(matrix.type) != 0) {
      return refuse(CUBLAS_EXECUTION_FAILED, "%s: matrix %s is not aligned", name, which);
    }
    if (bytes > 0) operation.device.push_back(rangeOf(matrix.memory, bytes));
  }
  const Range& written = operation.device.empty() ? Range{0, 0} : operation.device.back();
  for (size_t i = 0; i + 1 < operation.device.size(); i++) {
    if (operation.device[i].overlaps(written)) {
      return refuse(CUBLAS_INVALID_VALUE, "%s: the results overlap the factor %s", name, i == 0 ? "A" : "B");
    }
  }
  p.tf32 |= known->mathMode == TF32_MATH && p.a.type == Type::float32 && !isDouble;
  operation.run = [p, isDouble] {
    if (isDouble) run<double>(p);
    else run<float>(p);
    return static_cast<int>(SUCCESS);
  };
  submit(*streamOf(known->streamHandle), std::move(operation));
  return CUBLAS_SUCCESS;
}

// Scalars lie on the host.
template <class T>
int readScalars(const char* name, const void* alpha, const void* beta, Product& p) {
  if (alpha == nullptr || beta == nullptr || touchesDevice(alpha, sizeof(T)) || touchesDevice(beta, sizeof(T))) {
    return refuse(CUBLAS_INVALID_VALUE, "%s: alpha and beta are no host memory", name);
  }
  p.alpha = *static_cast<const T*>(alpha);
  p.beta = *static_cast<const T*>(beta);
  return CUBLAS_SUCCESS;
}

template <class T>
int plainProduct(const char* name, void* handle, int transA, int transB, int m, int n, int k, const T* alpha, const void* a,
                 int lda, long long strideA, const void* b, int ldb, long long strideB, const T* beta, void* c, int ldc,
                 long long strideC, int batch) {
  const Type type = sizeof(T) == 8 ? Type::float64 : Type::float32;
  Product p{m, n, k, batch, 0, 0, {const_cast<void*>(a), type, lda, strideA, false},
            {const_cast<void*>(b), type, ldb, strideB, false}, {c, type, ldc, strideC, false}, false};
  if (int status = readScalars<T>(name, alpha, beta, p)) return status;
  return product(name, handle, transA, transB, p, sizeof(T) == 8);
}

bool typeOf(int cuda, Type& type) {
  switch (cuda) {
    case 0: type = Type::float32; return true;
    case 1: type = Type::float64; return true;
    case 2: type = Type::float16; return true;
    case 14: type = Type::bfloat16; return true;
    default: return false;
  }
}

int mixedProduct(const char* name, void* handle, int transA, int transB, int m, int n, int k, const void* alpha, const void* a,
                 int typeA, int lda, long long strideA, const void* b, int typeB, int ldb, long long strideB, const void* beta,
                 void* c, int typeC, int ldc, long long strideC, int batch, int compute) {
  Product p{m, n, k, batch, 0, 0, {const_cast<void*>(a), Type::float32, lda, strideA, false},
            {const_cast<void*>(b), Type::float32, ldb, strideB, false}, {c, Type::float32, ldc, strideC, false}, false};
  if (!typeOf(typeA, p.a.type) || !typeOf(typeB, p.b.type) || !typeOf(typeC, p.c.type) || typeA != typeB) {
    return refuse(CUBLAS_NOT_SUPPORTED, "%s: types %d, %d, %d", name, typeA, typeB, typeC);
  }
  const bool isDouble = compute == 70 || compute == 71;
  const bool isSingle = compute == 68 || compute == 69 || compute == 74 || compute == 75 || compute == 77;
  const bool fits = isDouble ? p.a.type == Type::float64 && p.c.type == Type::float64
                             : isSingle && p.a.type != Type::float64 && (p.c.type == p.a.type || p.c.type == Type::float32);
  if (!fits) return refuse(CUBLAS_NOT_SUPPORTED, "%s: types %d and %d computed as %d", name, typeA, typeC, compute);
  p.tf32 = compute == 77 && p.a.type == Type::float32;
  const int status = isDouble ? readScalars<double>(name, alpha, beta, p) : readScalars<float>(name, alpha, beta, p);
  return status != CUBLAS_SUCCESS ? status : product(name, handle, transA, transB, p, isDouble);
}

}  // namespace

EXPORT const char* cublasGetStatusString(int status) {
  switch (status) {
    case 0: return "CUBLAS_STATUS_SUCCESS";
    case 1: return "CUBLAS_STATUS_NOT_INITIALIZED";
    case 3: return "CUBLAS_STATUS_ALLOC_FAILED";
    case 7: return "CUBLAS_STATUS_INVALID_VALUE";
    case 8: return "CUBLAS_STATUS_ARCH_MISMATCH";
    case 11: return "CUBLAS_STATUS_MAPPING_ERROR";
    case 13: return "CUBLAS_STATUS_EXECUTION_FAILED";
    case 14: return "CUBLAS_STATUS_INTERNAL_ERROR";
    case 15: return "CUBLAS_STATUS_NOT_SUPPORTED";
    default: return "unknown cuBLAS status";
  }
}

EXPORT int cublasCreate_v2(void** handle) {
  ENTER_DEVICE(CUBLAS_NOT_INITIALIZED, CUBLAS_NOT_INITIALIZED);
  *handle = new Handle;
  return CUBLAS_SUCCESS;
}

EXPORT int cublasDestroy_v2(void* handle) {
  ENTER();
  Handle* known = find<Handle>(handle);
  if (known == nullptr) return refuse(CUBLAS_NOT_INITIALIZED, "cublasDestroy");
  delete known;
  return CUBLAS_SUCCESS;
}

EXPORT int cublasSetStream_v2(void* handle, void* stream) {
  ENTER();
  Handle* known = find<Handle>(handle);
  if (known == nullptr) return refuse(CUBLAS_NOT_INITIALIZED, "cublasSetStream");
  if (streamOf(stream) == nullptr) return refuse(CUBLAS_INVALID_VALUE, "cublasSetStream");
  known->streamHandle = stream;
  return CUBLAS_SUCCESS;
}

EXPORT int cublasSetMathMode(void* handle, int mode) {
  ENTER();
  Handle* known = find<Handle>(handle);
  if (known == nullptr) return refuse(CUBLAS_NOT_INITIALIZED, "cublasSetMathMode");
  if ((mode & ~16) < 0 || (mode & ~16) > 3) return refuse(CUBLAS_INVALID_VALUE, "cublasSetMathMode: %d", mode);
  known->mathMode = mode & ~16;
  return CUBLAS_SUCCESS;
}

EXPORT int cublasSetWorkspace_v2(void* handle, void* workspace, uint64_t bytes) {
  ENTER();
  if (find<Handle>(handle) == nullptr) return refuse(CUBLAS_NOT_INITIALIZED, "cublasSetWorkspace");
  if (reinterpret_cast<uint64_t>(workspace) % 256 != 0 || !isDevice(workspace, bytes)) {
    return refuse(CUBLAS_INVALID_VALUE, "cublasSetWorkspace: %lu bytes at %p", bytes, workspace);
  }
  return CUBLAS_SUCCESS;
}

EXPORT int cublasGetVersion_v2(void*, int* version) {
  ENTER();
  *version = static_cast<int>(setting("cublasVersion"));
  return CUBLAS_SUCCESS;
}

EXPORT int cublasSgemm_v2(void* handle, int transA, int transB, int m, int n, int k, const float* alpha, const float* a, int lda,
                          const float* b, int ldb, const float* beta, float* c, int ldc) {
  ENTER_DEVICE(CUBLAS_EXECUTION_FAILED, CUBLAS_NOT_INITIALIZED);
  return plainProduct("cublasSgemm", handle, transA, transB, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc, 0, 1);
}

EXPORT int cublasDgemm_v2(void* handle, int transA, int transB, int m, int n, int k, const double* alpha, const double* a,
                          int lda, const double* b, int ldb, const double* beta, double* c, int ldc) {
  ENTER_DEVICE(CUBLAS_EXECUTION_FAILED, CUBLAS_NOT_INITIALIZED);
  return plainProduct("cublasDgemm", handle, transA, transB, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc, 0, 1);
}

EXPORT int cublasSgemmStridedBatched(void* handle, int transA, int transB, int m, int n, int k, const float* alpha,
                                     const float* a, int lda, long long strideA, const float* b, int ldb, long long strideB,
                                     const float* beta, float* c, int ldc, long long strideC, int batch) {
  ENTER_DEVICE(CUBLAS_EXECUTION_FAILED, CUBLAS_NOT_INITIALIZED);
  return plainProduct("cublasSgemmStridedBatched", handle, transA, transB, m, n, k, alpha, a, lda, strideA, b, ldb, strideB,
                      beta, c, ldc, strideC, batch);
}

EXPORT int cublasDgemmStridedBatched(void* handle, int transA, int transB, int m, int n, int k, const double* alpha,
                                     const double* a, int lda, long long strideA, const double* b, int ldb, long long strideB,
                                     const double* beta, double* c, int ldc, long long strideC, int batch) {
  ENTER_DEVICE(CUBLAS_EXECUTION_FAILED, CUBLAS_NOT_INITIALIZED);
  return plainProduct("cublasDgemmStridedBatched", handle, transA, transB, m, n, k, alpha, a, lda, strideA, b, ldb, strideB,
                      beta, c, ldc, strideC, batch);
}

EXPORT int cublasGemmEx(void* handle, int transA, int transB, int m, int n, int k, const void* alpha, const void* a, int typeA,
                        int lda, const void* b, int typeB, int ldb, const void* beta, void* c, int typeC, int ldc, int compute,
                        int /* algorithm */) {
  ENTER_DEVICE(CUBLAS_EXECUTION_FAILED, CUBLAS_NOT_INITIALIZED);
  return mixedProduct("cublasGemmEx", handle, transA, transB, m, n, k, alpha, a, typeA, lda, 0, b, typeB, ldb, 0, beta, c, typeC,
                      ldc, 0, 1, compute);
}

EXPORT int cublasGemmStridedBatchedEx(void* handle, int transA, int transB, int m, int n, int k, const void* alpha,
                                      const void* a, int typeA, int lda, long long strideA, const void* b, int typeB, int ldb,
                                      long long strideB, const void* beta, void* c, int typeC, int ldc, long long strideC,
                                      int batch, int compute, int /* algorithm */) {
  ENTER_DEVICE(CUBLAS_EXECUTION_FAILED, CUBLAS_NOT_INITIALIZED);
  return mixedProduct("cublasGemmStridedBatchedEx", handle, transA, transB, m, n, k, alpha, a, typeA, lda, strideA, b, typeB,
                      ldb, strideB, beta, c, typeC, ldc, strideC, batch, compute);
}
