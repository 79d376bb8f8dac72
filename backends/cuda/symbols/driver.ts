/**
 * The functions of the CUDA driver (libcuda) that the backend calls, each with its C declaration (`cuda.h` of CUDA 12 and 13; handles,
 * device and host pointers are addresses, enumerations are `int`). A test compares this table with the header where it is installed.
 */

import type { SymbolTable } from "../../../ffi/mod.ts";

/** The driver; all are needed. */
export const DRIVER_SYMBOLS = {
  // CUresult cuInit(unsigned int Flags);
  cuInit: { parameters: ["u32"], result: "i32" },
  // CUresult cuDriverGetVersion(int *driverVersion);
  cuDriverGetVersion: { parameters: ["pointer"], result: "i32" },
  // CUresult cuDeviceGetCount(int *count);
  cuDeviceGetCount: { parameters: ["pointer"], result: "i32" },
  // CUresult cuDeviceGet(CUdevice *device, int ordinal);
  cuDeviceGet: { parameters: ["pointer", "i32"], result: "i32" },
  // CUresult cuDeviceGetName(char *name, int len, CUdevice dev);
  cuDeviceGetName: { parameters: ["pointer", "i32", "i32"], result: "i32" },
  // CUresult cuDeviceGetAttribute(int *pi, CUdevice_attribute attrib, CUdevice dev);
  cuDeviceGetAttribute: { parameters: ["pointer", "i32", "i32"], result: "i32" },
  // CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice dev);
  cuDeviceTotalMem_v2: { parameters: ["pointer", "i32"], result: "i32" },
  // CUresult cuDevicePrimaryCtxRetain(CUcontext *pctx, CUdevice dev);
  cuDevicePrimaryCtxRetain: { parameters: ["pointer", "i32"], result: "i32" },
  // CUresult cuDevicePrimaryCtxRelease_v2(CUdevice dev);
  cuDevicePrimaryCtxRelease_v2: { parameters: ["i32"], result: "i32" },
  // CUresult cuCtxSetCurrent(CUcontext ctx);
  cuCtxSetCurrent: { parameters: ["pointer"], result: "i32" },
  // CUresult cuCtxSynchronize(void);
  cuCtxSynchronize: { parameters: [], result: "i32" },
  // CUresult cuMemGetInfo_v2(size_t *free, size_t *total);
  cuMemGetInfo_v2: { parameters: ["pointer", "pointer"], result: "i32" },
  // CUresult cuMemAlloc_v2(CUdeviceptr *dptr, size_t bytesize);
  cuMemAlloc_v2: { parameters: ["pointer", "usize"], result: "i32" },
  // CUresult cuMemFree_v2(CUdeviceptr dptr);
  cuMemFree_v2: { parameters: ["pointer"], result: "i32" },
  // CUresult cuMemAllocHost_v2(void **pp, size_t bytesize);
  cuMemAllocHost_v2: { parameters: ["pointer", "usize"], result: "i32" },
  // CUresult cuMemFreeHost(void *p);
  cuMemFreeHost: { parameters: ["pointer"], result: "i32" },
  // CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr dstDevice, const void *srcHost, size_t ByteCount, CUstream hStream);
  cuMemcpyHtoDAsync_v2: { parameters: ["pointer", "pointer", "usize", "pointer"], result: "i32" },
  // CUresult cuMemcpyDtoHAsync_v2(void *dstHost, CUdeviceptr srcDevice, size_t ByteCount, CUstream hStream);
  cuMemcpyDtoHAsync_v2: { parameters: ["pointer", "pointer", "usize", "pointer"], result: "i32" },
  // CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount, CUstream
  //   hStream);
  cuMemcpyDtoDAsync_v2: { parameters: ["pointer", "pointer", "usize", "pointer"], result: "i32" },
  // CUresult cuMemsetD8Async(CUdeviceptr dstDevice, unsigned char uc, size_t N, CUstream hStream);
  cuMemsetD8Async: { parameters: ["pointer", "u32", "usize", "pointer"], result: "i32" },
  // CUresult cuStreamCreate(CUstream *phStream, unsigned int Flags);
  cuStreamCreate: { parameters: ["pointer", "u32"], result: "i32" },
  // CUresult cuStreamDestroy_v2(CUstream hStream);
  cuStreamDestroy_v2: { parameters: ["pointer"], result: "i32" },
  // CUresult cuStreamSynchronize(CUstream hStream);
  cuStreamSynchronize: { parameters: ["pointer"], result: "i32" },
  // CUresult cuStreamBeginCapture_v2(CUstream hStream, CUstreamCaptureMode mode);
  cuStreamBeginCapture_v2: { parameters: ["pointer", "i32"], result: "i32" },
  // CUresult cuStreamEndCapture(CUstream hStream, CUgraph *phGraph);
  cuStreamEndCapture: { parameters: ["pointer", "pointer"], result: "i32" },
  // CUresult cuGraphInstantiateWithFlags(CUgraphExec *phGraphExec, CUgraph hGraph, unsigned long long flags);
  cuGraphInstantiateWithFlags: { parameters: ["pointer", "pointer", "u64"], result: "i32" },
  // CUresult cuGraphLaunch(CUgraphExec hGraphExec, CUstream hStream);
  cuGraphLaunch: { parameters: ["pointer", "pointer"], result: "i32" },
  // CUresult cuGraphExecDestroy(CUgraphExec hGraphExec);
  cuGraphExecDestroy: { parameters: ["pointer"], result: "i32" },
  // CUresult cuGraphDestroy(CUgraph hGraph);
  cuGraphDestroy: { parameters: ["pointer"], result: "i32" },
  // CUresult cuEventCreate(CUevent *phEvent, unsigned int Flags);
  cuEventCreate: { parameters: ["pointer", "u32"], result: "i32" },
  // CUresult cuEventRecord(CUevent hEvent, CUstream hStream);
  cuEventRecord: { parameters: ["pointer", "pointer"], result: "i32" },
  // CUresult cuEventSynchronize(CUevent hEvent);
  cuEventSynchronize: { parameters: ["pointer"], result: "i32" },
  // CUresult cuEventElapsedTime(float *pMilliseconds, CUevent hStart, CUevent hEnd);
  cuEventElapsedTime: { parameters: ["pointer", "pointer", "pointer"], result: "i32" },
  // CUresult cuEventDestroy_v2(CUevent hEvent);
  cuEventDestroy_v2: { parameters: ["pointer"], result: "i32" },
  // CUresult cuModuleLoadData(CUmodule *module, const void *image);
  cuModuleLoadData: { parameters: ["pointer", "pointer"], result: "i32" },
  // CUresult cuModuleUnload(CUmodule hmod);
  cuModuleUnload: { parameters: ["pointer"], result: "i32" },
  // CUresult cuModuleGetFunction(CUfunction *hfunc, CUmodule hmod, const char *name);
  cuModuleGetFunction: { parameters: ["pointer", "pointer", "pointer"], result: "i32" },
  // CUresult cuFuncSetAttribute(CUfunction hfunc, CUfunction_attribute attrib, int value);
  cuFuncSetAttribute: { parameters: ["pointer", "i32", "i32"], result: "i32" },
  // CUresult cuLaunchKernel(CUfunction f, unsigned int gridDimX, unsigned int gridDimY, unsigned int gridDimZ,
  //   unsigned int blockDimX, unsigned int blockDimY, unsigned int blockDimZ, unsigned int sharedMemBytes, CUstream
  //   hStream, void **kernelParams, void **extra);
  cuLaunchKernel: {
    parameters: ["pointer", "u32", "u32", "u32", "u32", "u32", "u32", "u32", "pointer", "pointer", "pointer"],
    result: "i32",
  },
  // CUresult cuGetErrorName(CUresult error, const char **pStr);
  cuGetErrorName: { parameters: ["i32", "pointer"], result: "i32" },
  // CUresult cuGetErrorString(CUresult error, const char **pStr);
  cuGetErrorString: { parameters: ["i32", "pointer"], result: "i32" },
} as const satisfies SymbolTable;
