// Which versions of the driver and the libraries go together, and what is said of those that do not.

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  checkCudaLibrary,
  checkCudnn,
  cublasVersionText,
  cudaVersionText,
  cudnnVersionText,
  usableMajors,
} from "../../../backends/cuda/versions.ts";
import { BackendError } from "../../../src/tensor/errors.ts";
import { test } from "../../support/test.ts";

test("version numbers read as people write them", () => {
  assertEquals([13000, 12040, 12080].map(cudaVersionText), ["13.0", "12.4", "12.8"]);
  assertEquals([91002, 92600, 90100].map(cudnnVersionText), ["9.10.2", "9.26.0", "9.1.0"]);
  assertEquals([130401, 120604].map(cublasVersionText), ["13.4.1", "12.6.4"]);
});

test("a driver runs libraries of its own major version and of older ones", () => {
  assertEquals(usableMajors(13010, "libcuda.so.1"), [13, 12]);
  assertEquals(usableMajors(12040, "libcuda.so.1"), [12]);
  assertEquals(usableMajors(14000, "libcuda.so.1"), [13, 12]);
  const error = assertThrows(() => usableMajors(11080, "/usr/lib/libcuda.so.1"), BackendError);
  for (const part of ["CUDA 12.0 or later", "CUDA 11.8", "/usr/lib/libcuda.so.1", "version 525"]) {
    assertStringIncludes(error.message, part);
  }
});

test("a library of another CUDA, or newer than the driver, is refused with both versions and its file", () => {
  checkCudaLibrary("NVRTC", 12, "12.4", "/x/libnvrtc.so.12", 13000);
  checkCudaLibrary("NVRTC", 13, "13.2", "/x/libnvrtc.so.13", 13000);
  const old = assertThrows(() => checkCudaLibrary("NVRTC", 11, "11.8", "/x/libnvrtc.so.11", 12040), BackendError);
  for (const part of ["NVRTC of CUDA 12 or 13", "11.8", "/x/libnvrtc.so.11", "12.4"]) {
    assertStringIncludes(old.message, part);
  }
  const recent = assertThrows(
    () => checkCudaLibrary("cuBLAS", 13, "13.1.0", "/x/libcublas.so.13", 12040),
    BackendError,
  );
  for (const part of ["CUDA 13 because cuBLAS is 13.1.0", "CUDA 12.4", "/x/libcublas.so.13", "cuBLAS of CUDA 12"]) {
    assertStringIncludes(recent.message, part);
  }
});

test("only cuDNN 9 is taken", () => {
  checkCudnn(90000, "libcudnn.so.9");
  checkCudnn(92600, "libcudnn.so.9");
  for (const [version, text] of [[8907, "8.9.7"], [100100, "10.1.0"]] as const) {
    const error = assertThrows(() => checkCudnn(version, "/x/libcudnn.so"), BackendError);
    for (const part of ["expected cuDNN 9", `cuDNN ${text} at /x/libcudnn.so`]) {
      assertStringIncludes(error.message, part);
    }
  }
});
