/**
 * The functions of OpenBLAS and of the C library that the cpu backend calls, each with its C declaration (`cblas.h` of
 * OpenBLAS 0.3, LP64: `blasint` is `int`; `stdlib.h`). A test compares this table with the header where it is installed.
 */

import type { SymbolTable } from "../../ffi/mod.ts";

/** Matrix products; the only functions that a library must have. */
export const GEMM_SYMBOLS = {
  // void cblas_sgemm(const enum CBLAS_ORDER Order, const enum CBLAS_TRANSPOSE TransA, const enum CBLAS_TRANSPOSE TransB,
  //   const blasint M, const blasint N, const blasint K, const float alpha, const float *A, const blasint lda,
  //   const float *B, const blasint ldb, const float beta, float *C, const blasint ldc);
  cblas_sgemm: {
    parameters: [
      ...["i32", "i32", "i32", "i32", "i32", "i32"] as const,
      ...["f32", "pointer", "i32", "pointer", "i32", "f32", "pointer", "i32"] as const,
    ],
    result: "void",
  },
  // void cblas_dgemm(const enum CBLAS_ORDER Order, const enum CBLAS_TRANSPOSE TransA, const enum CBLAS_TRANSPOSE TransB,
  //   const blasint M, const blasint N, const blasint K, const double alpha, const double *A, const blasint lda,
  //   const double *B, const blasint ldb, const double beta, double *C, const blasint ldc);
  cblas_dgemm: {
    parameters: [
      ...["i32", "i32", "i32", "i32", "i32", "i32"] as const,
      ...["f64", "pointer", "i32", "pointer", "i32", "f64", "pointer", "i32"] as const,
    ],
    result: "void",
  },
} as const satisfies SymbolTable;

/** Control and facts. Optional: another BLAS with the C interface serves as well, with its own threads switched off. */
export const CONTROL_SYMBOLS = {
  // void openblas_set_num_threads(int num_threads);
  openblas_set_num_threads: { parameters: ["i32"], result: "void", optional: true },
  // int openblas_get_parallel(void);
  openblas_get_parallel: { parameters: [], result: "i32", optional: true },
  // char* openblas_get_config(void);
  openblas_get_config: { parameters: [], result: "pointer", optional: true },
  // char* openblas_get_corename(void);
  openblas_get_corename: { parameters: [], result: "pointer", optional: true },
} as const satisfies SymbolTable;

/** All functions of OpenBLAS. */
export const OPENBLAS_SYMBOLS = { ...GEMM_SYMBOLS, ...CONTROL_SYMBOLS } as const satisfies SymbolTable;

/** What is used of the C library: the environment as native code sees it, and what its loader knows about the processor. */
export const C_LIBRARY_SYMBOLS = {
  // int setenv(const char *name, const char *value, int overwrite);
  setenv: { parameters: ["buffer", "buffer", "i32"], result: "i32" },
  // int unsetenv(const char *name);
  unsetenv: { parameters: ["buffer"], result: "i32" },
  // char *getenv(const char *name);
  getenv: { parameters: ["buffer"], result: "pointer" },
  // const struct cpuid_feature *__x86_get_cpuid_feature_leaf(unsigned int leaf);   glibc 2.33 or later, x86
  //   struct cpuid_feature { unsigned int cpuid_array[4]; unsigned int active_array[4]; }, each eax, ebx, ecx, edx
  __x86_get_cpuid_feature_leaf: { parameters: ["u32"], result: "pointer", optional: true },
} as const satisfies SymbolTable;

/** Bits of the arguments that are heap pointers: A (7), B (9) and C (12). */
export const GEMM_POINTERS: number = (1 << 7) | (1 << 9) | (1 << 12);

/** Values of `enum CBLAS_ORDER` and `enum CBLAS_TRANSPOSE`. */
export const CBLAS = { rowMajor: 101, columnMajor: 102, noTrans: 111, trans: 112 } as const;
