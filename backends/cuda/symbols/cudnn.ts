/**
 * The functions of cuDNN that the backend calls, each with its C declaration (`cudnn_ops_v9.h`, `cudnn_cnn_v9.h` of cuDNN 9; the stable
 * C API of convolutions and poolings). A test compares this table with the header where it is installed.
 */

import type { SymbolTable } from "../../../ffi/mod.ts";

/** Convolutions and poolings; all are needed. */
export const CUDNN_SYMBOLS = {
  // cudnnStatus_t cudnnCreate(cudnnHandle_t *handle);
  cudnnCreate: { parameters: ["pointer"], result: "i32" },
  // cudnnStatus_t cudnnDestroy(cudnnHandle_t handle);
  cudnnDestroy: { parameters: ["pointer"], result: "i32" },
  // size_t cudnnGetVersion(void);
  cudnnGetVersion: { parameters: [], result: "usize" },
  // size_t cudnnGetCudartVersion(void);
  cudnnGetCudartVersion: { parameters: [], result: "usize" },
  // const char *cudnnGetErrorString(cudnnStatus_t status);
  cudnnGetErrorString: { parameters: ["i32"], result: "pointer" },
  // cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t streamId);
  cudnnSetStream: { parameters: ["pointer", "pointer"], result: "i32" },
  // cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t *tensorDesc);
  cudnnCreateTensorDescriptor: { parameters: ["pointer"], result: "i32" },
  // cudnnStatus_t cudnnSetTensorNdDescriptor(cudnnTensorDescriptor_t tensorDesc, cudnnDataType_t dataType, int
  //   nbDims, const int dimA[], const int strideA[]);
  cudnnSetTensorNdDescriptor: { parameters: ["pointer", "i32", "i32", "pointer", "pointer"], result: "i32" },
  // cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t tensorDesc);
  cudnnDestroyTensorDescriptor: { parameters: ["pointer"], result: "i32" },
  // cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t *filterDesc);
  cudnnCreateFilterDescriptor: { parameters: ["pointer"], result: "i32" },
  // cudnnStatus_t cudnnSetFilterNdDescriptor(cudnnFilterDescriptor_t filterDesc, cudnnDataType_t dataType,
  //   cudnnTensorFormat_t format, int nbDims, const int filterDimA[]);
  cudnnSetFilterNdDescriptor: { parameters: ["pointer", "i32", "i32", "i32", "pointer"], result: "i32" },
  // cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t filterDesc);
  cudnnDestroyFilterDescriptor: { parameters: ["pointer"], result: "i32" },
  // cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t *convDesc);
  cudnnCreateConvolutionDescriptor: { parameters: ["pointer"], result: "i32" },
  // cudnnStatus_t cudnnSetConvolutionNdDescriptor(cudnnConvolutionDescriptor_t convDesc, int arrayLength, const int
  //   padA[], const int filterStrideA[], const int dilationA[], cudnnConvolutionMode_t mode, cudnnDataType_t
  //   computeType);
  cudnnSetConvolutionNdDescriptor: {
    parameters: ["pointer", "i32", "pointer", "pointer", "pointer", "i32", "i32"],
    result: "i32",
  },
  // cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t convDesc);
  cudnnDestroyConvolutionDescriptor: { parameters: ["pointer"], result: "i32" },
  // cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t convDesc, int groupCount);
  cudnnSetConvolutionGroupCount: { parameters: ["pointer", "i32"], result: "i32" },
  // cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t convDesc, cudnnMathType_t mathType);
  cudnnSetConvolutionMathType: { parameters: ["pointer", "i32"], result: "i32" },
  // cudnnStatus_t cudnnCreatePoolingDescriptor(cudnnPoolingDescriptor_t *poolingDesc);
  cudnnCreatePoolingDescriptor: { parameters: ["pointer"], result: "i32" },
  // cudnnStatus_t cudnnSetPoolingNdDescriptor(cudnnPoolingDescriptor_t poolingDesc, const cudnnPoolingMode_t mode,
  //   const cudnnNanPropagation_t maxpoolingNanOpt, int nbDims, const int windowDimA[], const int paddingA[], const
  //   int strideA[]);
  cudnnSetPoolingNdDescriptor: {
    parameters: ["pointer", "i32", "i32", "i32", "pointer", "pointer", "pointer"],
    result: "i32",
  },
  // cudnnStatus_t cudnnDestroyPoolingDescriptor(cudnnPoolingDescriptor_t poolingDesc);
  cudnnDestroyPoolingDescriptor: { parameters: ["pointer"], result: "i32" },
  // cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t handle, const cudnnTensorDescriptor_t
  //   srcDesc, const cudnnFilterDescriptor_t filterDesc, const cudnnConvolutionDescriptor_t convDesc, const
  //   cudnnTensorDescriptor_t destDesc, const int requestedAlgoCount, int *returnedAlgoCount,
  //   cudnnConvolutionFwdAlgoPerf_t *perfResults);
  cudnnGetConvolutionForwardAlgorithm_v7: {
    parameters: ["pointer", "pointer", "pointer", "pointer", "pointer", "i32", "pointer", "pointer"],
    result: "i32",
  },
  // cudnnStatus_t cudnnFindConvolutionForwardAlgorithmEx(cudnnHandle_t handle, const cudnnTensorDescriptor_t xDesc,
  //   const void *x, const cudnnFilterDescriptor_t wDesc, const void *w, const cudnnConvolutionDescriptor_t
  //   convDesc, const cudnnTensorDescriptor_t yDesc, void *y, const int requestedAlgoCount, int *returnedAlgoCount,
  //   cudnnConvolutionFwdAlgoPerf_t *perfResults, void *workSpace, size_t workSpaceSizeInBytes);
  cudnnFindConvolutionForwardAlgorithmEx: {
    parameters: [
      ...["pointer", "pointer", "pointer", "pointer", "pointer", "pointer", "pointer"] as const,
      ...["pointer", "i32", "pointer", "pointer", "pointer", "usize"] as const,
    ],
    result: "i32",
  },
  // cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(cudnnHandle_t handle, const cudnnTensorDescriptor_t
  //   xDesc, const cudnnFilterDescriptor_t wDesc, const cudnnConvolutionDescriptor_t convDesc, const
  //   cudnnTensorDescriptor_t yDesc, cudnnConvolutionFwdAlgo_t algo, size_t *sizeInBytes);
  cudnnGetConvolutionForwardWorkspaceSize: {
    parameters: ["pointer", "pointer", "pointer", "pointer", "pointer", "i32", "pointer"],
    result: "i32",
  },
  // cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void *alpha, const cudnnTensorDescriptor_t
  //   xDesc, const void *x, const cudnnFilterDescriptor_t wDesc, const void *w, const cudnnConvolutionDescriptor_t
  //   convDesc, cudnnConvolutionFwdAlgo_t algo, void *workSpace, size_t workSpaceSizeInBytes, const void *beta,
  //   const cudnnTensorDescriptor_t yDesc, void *y);
  cudnnConvolutionForward: {
    parameters: [
      ...["pointer", "pointer", "pointer", "pointer", "pointer", "pointer", "pointer"] as const,
      ...["i32", "pointer", "usize", "pointer", "pointer", "pointer"] as const,
    ],
    result: "i32",
  },
  // cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t handle, const cudnnFilterDescriptor_t
  //   filterDesc, const cudnnTensorDescriptor_t diffDesc, const cudnnConvolutionDescriptor_t convDesc, const
  //   cudnnTensorDescriptor_t gradDesc, const int requestedAlgoCount, int *returnedAlgoCount,
  //   cudnnConvolutionBwdDataAlgoPerf_t *perfResults);
  cudnnGetConvolutionBackwardDataAlgorithm_v7: {
    parameters: ["pointer", "pointer", "pointer", "pointer", "pointer", "i32", "pointer", "pointer"],
    result: "i32",
  },
  // cudnnStatus_t cudnnFindConvolutionBackwardDataAlgorithmEx(cudnnHandle_t handle, const cudnnFilterDescriptor_t
  //   wDesc, const void *w, const cudnnTensorDescriptor_t dyDesc, const void *dy, const
  //   cudnnConvolutionDescriptor_t convDesc, const cudnnTensorDescriptor_t dxDesc, void *dx, const int
  //   requestedAlgoCount, int *returnedAlgoCount, cudnnConvolutionBwdDataAlgoPerf_t *perfResults, void *workSpace,
  //   size_t workSpaceSizeInBytes);
  cudnnFindConvolutionBackwardDataAlgorithmEx: {
    parameters: [
      ...["pointer", "pointer", "pointer", "pointer", "pointer", "pointer", "pointer"] as const,
      ...["pointer", "i32", "pointer", "pointer", "pointer", "usize"] as const,
    ],
    result: "i32",
  },
  // cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(cudnnHandle_t handle, const cudnnFilterDescriptor_t
  //   wDesc, const cudnnTensorDescriptor_t dyDesc, const cudnnConvolutionDescriptor_t convDesc, const
  //   cudnnTensorDescriptor_t dxDesc, cudnnConvolutionBwdDataAlgo_t algo, size_t *sizeInBytes);
  cudnnGetConvolutionBackwardDataWorkspaceSize: {
    parameters: ["pointer", "pointer", "pointer", "pointer", "pointer", "i32", "pointer"],
    result: "i32",
  },
  // cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void *alpha, const
  //   cudnnFilterDescriptor_t wDesc, const void *w, const cudnnTensorDescriptor_t dyDesc, const void *dy, const
  //   cudnnConvolutionDescriptor_t convDesc, cudnnConvolutionBwdDataAlgo_t algo, void *workSpace, size_t
  //   workSpaceSizeInBytes, const void *beta, const cudnnTensorDescriptor_t dxDesc, void *dx);
  cudnnConvolutionBackwardData: {
    parameters: [
      ...["pointer", "pointer", "pointer", "pointer", "pointer", "pointer", "pointer"] as const,
      ...["i32", "pointer", "usize", "pointer", "pointer", "pointer"] as const,
    ],
    result: "i32",
  },
  // cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnnHandle_t handle, const cudnnTensorDescriptor_t
  //   srcDesc, const cudnnTensorDescriptor_t diffDesc, const cudnnConvolutionDescriptor_t convDesc, const
  //   cudnnFilterDescriptor_t gradDesc, const int requestedAlgoCount, int *returnedAlgoCount,
  //   cudnnConvolutionBwdFilterAlgoPerf_t *perfResults);
  cudnnGetConvolutionBackwardFilterAlgorithm_v7: {
    parameters: ["pointer", "pointer", "pointer", "pointer", "pointer", "i32", "pointer", "pointer"],
    result: "i32",
  },
  // cudnnStatus_t cudnnFindConvolutionBackwardFilterAlgorithmEx(cudnnHandle_t handle, const cudnnTensorDescriptor_t
  //   xDesc, const void *x, const cudnnTensorDescriptor_t dyDesc, const void *y, const cudnnConvolutionDescriptor_t
  //   convDesc, const cudnnFilterDescriptor_t dwDesc, void *dw, const int requestedAlgoCount, int
  //   *returnedAlgoCount, cudnnConvolutionBwdFilterAlgoPerf_t *perfResults, void *workSpace, size_t
  //   workSpaceSizeInBytes);
  cudnnFindConvolutionBackwardFilterAlgorithmEx: {
    parameters: [
      ...["pointer", "pointer", "pointer", "pointer", "pointer", "pointer", "pointer"] as const,
      ...["pointer", "i32", "pointer", "pointer", "pointer", "usize"] as const,
    ],
    result: "i32",
  },
  // cudnnStatus_t cudnnGetConvolutionBackwardFilterWorkspaceSize(cudnnHandle_t handle, const
  //   cudnnTensorDescriptor_t xDesc, const cudnnTensorDescriptor_t dyDesc, const cudnnConvolutionDescriptor_t
  //   convDesc, const cudnnFilterDescriptor_t gradDesc, cudnnConvolutionBwdFilterAlgo_t algo, size_t *sizeInBytes);
  cudnnGetConvolutionBackwardFilterWorkspaceSize: {
    parameters: ["pointer", "pointer", "pointer", "pointer", "pointer", "i32", "pointer"],
    result: "i32",
  },
  // cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void *alpha, const
  //   cudnnTensorDescriptor_t xDesc, const void *x, const cudnnTensorDescriptor_t dyDesc, const void *dy, const
  //   cudnnConvolutionDescriptor_t convDesc, cudnnConvolutionBwdFilterAlgo_t algo, void *workSpace, size_t
  //   workSpaceSizeInBytes, const void *beta, const cudnnFilterDescriptor_t dwDesc, void *dw);
  cudnnConvolutionBackwardFilter: {
    parameters: [
      ...["pointer", "pointer", "pointer", "pointer", "pointer", "pointer", "pointer"] as const,
      ...["i32", "pointer", "usize", "pointer", "pointer", "pointer"] as const,
    ],
    result: "i32",
  },
  // cudnnStatus_t cudnnPoolingForward(cudnnHandle_t handle, const cudnnPoolingDescriptor_t poolingDesc, const void
  //   *alpha, const cudnnTensorDescriptor_t xDesc, const void *x, const void *beta, const cudnnTensorDescriptor_t
  //   yDesc, void *y);
  cudnnPoolingForward: {
    parameters: ["pointer", "pointer", "pointer", "pointer", "pointer", "pointer", "pointer", "pointer"],
    result: "i32",
  },
  // cudnnStatus_t cudnnPoolingBackward(cudnnHandle_t handle, const cudnnPoolingDescriptor_t poolingDesc, const void
  //   *alpha, const cudnnTensorDescriptor_t yDesc, const void *y, const cudnnTensorDescriptor_t dyDesc, const void
  //   *dy, const cudnnTensorDescriptor_t xDesc, const void *x, const void *beta, const cudnnTensorDescriptor_t
  //   dxDesc, void *dx);
  cudnnPoolingBackward: {
    parameters: [
      ...["pointer", "pointer", "pointer", "pointer", "pointer", "pointer", "pointer"] as const,
      ...["pointer", "pointer", "pointer", "pointer", "pointer"] as const,
    ],
    result: "i32",
  },
} as const satisfies SymbolTable;
