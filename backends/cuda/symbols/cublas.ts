/**
 * The functions of cuBLAS that the backend calls, each with its C declaration (`cublas_api.h` of CUDA 12 and 13; scalars are host
 * pointers, sizes `int`). A test compares this table with the header where it is installed.
 */

import type { SymbolTable } from "../../../ffi/mod.ts";

/** Matrix products; all are needed. */
export const CUBLAS_SYMBOLS = {
  // cublasStatus_t cublasCreate_v2(cublasHandle_t *handle);
  cublasCreate_v2: { parameters: ["pointer"], result: "i32" },
  // cublasStatus_t cublasDestroy_v2(cublasHandle_t handle);
  cublasDestroy_v2: { parameters: ["pointer"], result: "i32" },
  // cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t streamId);
  cublasSetStream_v2: { parameters: ["pointer", "pointer"], result: "i32" },
  // cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode);
  cublasSetMathMode: { parameters: ["pointer", "i32"], result: "i32" },
  // cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void *workspace, size_t workspaceSizeInBytes);
  cublasSetWorkspace_v2: { parameters: ["pointer", "pointer", "usize"], result: "i32" },
  // cublasStatus_t cublasGetVersion_v2(cublasHandle_t handle, int *version);
  cublasGetVersion_v2: { parameters: ["pointer", "pointer"], result: "i32" },
  // cublasStatus_t cublasSgemm_v2(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m,
  //   int n, int k, const float *alpha, const float *A, int lda, const float *B, int ldb, const float *beta, float
  //   *C, int ldc);
  cublasSgemm_v2: {
    parameters: [
      ...["pointer", "i32", "i32", "i32", "i32", "i32", "pointer"] as const,
      ...["pointer", "i32", "pointer", "i32", "pointer", "pointer", "i32"] as const,
    ],
    result: "i32",
  },
  // cublasStatus_t cublasDgemm_v2(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m,
  //   int n, int k, const double *alpha, const double *A, int lda, const double *B, int ldb, const double *beta,
  //   double *C, int ldc);
  cublasDgemm_v2: {
    parameters: [
      ...["pointer", "i32", "i32", "i32", "i32", "i32", "pointer"] as const,
      ...["pointer", "i32", "pointer", "i32", "pointer", "pointer", "i32"] as const,
    ],
    result: "i32",
  },
  // cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t
  //   transb, int m, int n, int k, const float *alpha, const float *A, int lda, long long int strideA, const float
  //   *B, int ldb, long long int strideB, const float *beta, float *C, int ldc, long long int strideC, int
  //   batchCount);
  cublasSgemmStridedBatched: {
    parameters: [
      ...["pointer", "i32", "i32", "i32", "i32", "i32", "pointer"] as const,
      ...["pointer", "i32", "i64", "pointer", "i32", "i64", "pointer"] as const,
      ...["pointer", "i32", "i64", "i32"] as const,
    ],
    result: "i32",
  },
  // cublasStatus_t cublasDgemmStridedBatched(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t
  //   transb, int m, int n, int k, const double *alpha, const double *A, int lda, long long int strideA, const
  //   double *B, int ldb, long long int strideB, const double *beta, double *C, int ldc, long long int strideC, int
  //   batchCount);
  cublasDgemmStridedBatched: {
    parameters: [
      ...["pointer", "i32", "i32", "i32", "i32", "i32", "pointer"] as const,
      ...["pointer", "i32", "i64", "pointer", "i32", "i64", "pointer"] as const,
      ...["pointer", "i32", "i64", "i32"] as const,
    ],
    result: "i32",
  },
  // cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m,
  //   int n, int k, const void *alpha, const void *A, cudaDataType Atype, int lda, const void *B, cudaDataType
  //   Btype, int ldb, const void *beta, void *C, cudaDataType Ctype, int ldc, cublasComputeType_t computeType,
  //   cublasGemmAlgo_t algo);
  cublasGemmEx: {
    parameters: [
      ...["pointer", "i32", "i32", "i32", "i32", "i32", "pointer"] as const,
      ...["pointer", "i32", "i32", "pointer", "i32", "i32", "pointer"] as const,
      ...["pointer", "i32", "i32", "i32", "i32"] as const,
    ],
    result: "i32",
  },
  // cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t
  //   transb, int m, int n, int k, const void *alpha, const void *A, cudaDataType Atype, int lda, long long int
  //   strideA, const void *B, cudaDataType Btype, int ldb, long long int strideB, const void *beta, void *C,
  //   cudaDataType Ctype, int ldc, long long int strideC, int batchCount, cublasComputeType_t computeType,
  //   cublasGemmAlgo_t algo);
  cublasGemmStridedBatchedEx: {
    parameters: [
      ...["pointer", "i32", "i32", "i32", "i32", "i32", "pointer"] as const,
      ...["pointer", "i32", "i32", "i64", "pointer", "i32", "i32"] as const,
      ...["i64", "pointer", "pointer", "i32", "i32", "i64", "i32"] as const,
      ...["i32", "i32"] as const,
    ],
    result: "i32",
  },
  // const char *cublasGetStatusString(cublasStatus_t status);
  cublasGetStatusString: { parameters: ["i32"], result: "pointer" },
} as const satisfies SymbolTable;
