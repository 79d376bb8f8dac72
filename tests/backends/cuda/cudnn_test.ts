// The real cuDNN, which needs no GPU to describe convolutions: it takes the descriptors of every kind of convolution that the backend makes, and
// what it refuses is told in its own words.

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { convolutionSizes } from "../../../backends/cuda/convolution.ts";
import { Cudnn, CUDNN_MATH } from "../../../backends/cuda/cudnn.ts";
import { restoreEnvironment } from "../../../backends/cuda/emulator/control.ts";
import { CudaError } from "../../../backends/cuda/errors.ts";
import { libraryCandidates, libraryFolders } from "../../../backends/cuda/search.ts";
import { CUDNN_SYMBOLS } from "../../../backends/cuda/symbols/cudnn.ts";
import { checkCudnn } from "../../../backends/cuda/versions.ts";
import { type Library, openLibrary } from "../../../ffi/mod.ts";
import { convolutionGeometry } from "../../../src/tensor/conv_geometry.ts";
import { test } from "../../support/test.ts";

async function openCudnn(): Promise<Library<typeof CUDNN_SYMBOLS> | undefined> {
  // Where test files share their modules, an earlier one may have put the emulator in its place.
  restoreEnvironment();
  const { paths } = await libraryCandidates("cudnn", [13, 12], await libraryFolders());
  try {
    return openLibrary({ name: "cuDNN", candidates: paths, symbols: CUDNN_SYMBOLS, install: "" });
  } catch {
    return undefined;
  }
}

const library = await openCudnn();
const missing = "cuDNN is not installed, or not in ESCNN_CUDA_HOME";

test.runIf(library !== undefined, "cuDNN takes the descriptors of convolutions in 1 to 3 dimensions", missing, () => {
  if (library === undefined) return;
  const cudnn = new Cudnn(library);
  checkCudnn(cudnn.version(), library.path);
  let described = 0;
  for (const axes of [1, 2, 3]) {
    for (const groups of [1, 2, 4]) {
      for (const [stride, dilation, padding] of [[1, 1, 0], [2, 1, 1], [1, 2, 2], [3, 2, 1]]) {
        const weight = [8, 4 / groups, ...new Array<number>(axes).fill(3)];
        const options = { groups, stride, dilation, padding };
        const geometry = convolutionGeometry([2, 4, ...new Array<number>(axes).fill(9)], weight, options);
        for (const dtype of ["float32", "float64"] as const) {
          for (const math of Object.values(CUDNN_MATH)) {
            const made = cudnn.describe(convolutionSizes(geometry, geometry.padBefore, dtype), math);
            assertEquals(new Set(Object.values(made)).size, 4);
            cudnn.release(made);
            described++;
          }
        }
      }
    }
  }
  assertEquals(described, 3 * 3 * 4 * 2 * 4);
});

test.runIf(library !== undefined, "what cuDNN refuses is told with the call and its own words", missing, () => {
  if (library === undefined) return;
  const cudnn = new Cudnn(library);
  const geometry = convolutionGeometry([1, 2, 5, 5], [2, 2, 3, 3], {});
  const sizes = convolutionSizes(geometry, geometry.padBefore, "float32");
  const refused = assertThrows(() => cudnn.describe({ ...sizes, stride: [0, 1] }, CUDNN_MATH.fma), CudaError);
  for (const part of ["cudnnSetConvolutionNdDescriptor", "success of cuDNN", "CUDNN_STATUS_BAD_PARAM"]) {
    assertStringIncludes(refused.message, part);
  }
  assertThrows(() => cudnn.describe({ ...sizes, input: [1, 0, 5, 5] }, CUDNN_MATH.fma), CudaError, "[1, 0, 5, 5]");
});

test.runIf(library !== undefined, "cuDNN refuses tensors of 2³¹ elements", missing, () => {
  if (library === undefined) return;
  const cudnn = new Cudnn(library);
  const sizes = (batch: number) => {
    const geometry = convolutionGeometry([batch, 64, 4096, 4096], [1, 64, 1, 1], {});
    return convolutionSizes(geometry, geometry.padBefore, "float32");
  };
  cudnn.release(cudnn.describe(sizes(1), CUDNN_MATH.fma));
  assertThrows(() => cudnn.describe(sizes(2), CUDNN_MATH.fma), CudaError, "CUDNN_STATUS_NOT_SUPPORTED");
});
