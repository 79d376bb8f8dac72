/**
 * The functions of NVRTC, the run-time compiler of kernels, that the backend calls, each with its C declaration (`nvrtc.h` of
 * CUDA 12 and 13). A test compares this table with the header where it is installed.
 */

import type { SymbolTable } from "../../../ffi/mod.ts";

/** The compiler; all are needed. */
export const NVRTC_SYMBOLS = {
  // nvrtcResult nvrtcVersion(int *major, int *minor);
  nvrtcVersion: { parameters: ["pointer", "pointer"], result: "i32" },
  // nvrtcResult nvrtcGetNumSupportedArchs(int *numArchs);
  nvrtcGetNumSupportedArchs: { parameters: ["pointer"], result: "i32" },
  // nvrtcResult nvrtcGetSupportedArchs(int *supportedArchs);
  nvrtcGetSupportedArchs: { parameters: ["pointer"], result: "i32" },
  // nvrtcResult nvrtcCreateProgram(nvrtcProgram *prog, const char *src, const char *name, int numHeaders, const
  //   char *const *headers, const char *const *includeNames);
  nvrtcCreateProgram: { parameters: ["pointer", "pointer", "pointer", "i32", "pointer", "pointer"], result: "i32" },
  // nvrtcResult nvrtcCompileProgram(nvrtcProgram prog, int numOptions, const char *const *options);
  nvrtcCompileProgram: { parameters: ["pointer", "i32", "pointer"], result: "i32" },
  // nvrtcResult nvrtcGetCUBINSize(nvrtcProgram prog, size_t *cubinSizeRet);
  nvrtcGetCUBINSize: { parameters: ["pointer", "pointer"], result: "i32" },
  // nvrtcResult nvrtcGetCUBIN(nvrtcProgram prog, char *cubin);
  nvrtcGetCUBIN: { parameters: ["pointer", "pointer"], result: "i32" },
  // nvrtcResult nvrtcGetPTXSize(nvrtcProgram prog, size_t *ptxSizeRet);
  nvrtcGetPTXSize: { parameters: ["pointer", "pointer"], result: "i32" },
  // nvrtcResult nvrtcGetPTX(nvrtcProgram prog, char *ptx);
  nvrtcGetPTX: { parameters: ["pointer", "pointer"], result: "i32" },
  // nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram prog, size_t *logSizeRet);
  nvrtcGetProgramLogSize: { parameters: ["pointer", "pointer"], result: "i32" },
  // nvrtcResult nvrtcGetProgramLog(nvrtcProgram prog, char *log);
  nvrtcGetProgramLog: { parameters: ["pointer", "pointer"], result: "i32" },
  // nvrtcResult nvrtcDestroyProgram(nvrtcProgram *prog);
  nvrtcDestroyProgram: { parameters: ["pointer"], result: "i32" },
  // const char *nvrtcGetErrorString(nvrtcResult result);
  nvrtcGetErrorString: { parameters: ["i32"], result: "pointer" },
} as const satisfies SymbolTable;
