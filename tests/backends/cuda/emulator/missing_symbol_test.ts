// A library that lacks a function, one of each kind: the start says which function, of which library and where, leaves nothing behind, and
// the cpu backend works.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { whyNoEmulator, withoutSymbol } from "../../../../backends/cuda/emulator/build.ts";
import { Emulator, overrideEnvironment } from "../../../../backends/cuda/emulator/control.ts";
import { createBackend } from "../../../../backends/cuda/mod.ts";
import { BackendError } from "../../../../src/tensor/errors.ts";
import { tensor, useBackend } from "../../../../src/tensor/mod.ts";
import { test } from "../../../support/test.ts";

const missing = await whyNoEmulator();

const CASES = [
  ["ESCNN_CUDA_DRIVER", "cuLaunchKernel", "the CUDA driver"],
  ["ESCNN_NVRTC", "nvrtcGetCUBIN", "NVRTC"],
  ["ESCNN_CUBLAS", "cublasDgemmStridedBatched", "cuBLAS"],
  ["ESCNN_CUDNN", "cudnnConvolutionBackwardFilter", "cuDNN"],
] as const;

for (const [variable, symbol, library] of CASES) {
  test.runIf(
    missing === undefined,
    `A start without ${symbol} names it, ${library} and the file`,
    missing ?? "",
    async () => {
      const emulator = await Emulator.start();
      const path = await withoutSymbol(emulator.path, symbol);
      overrideEnvironment({ [variable]: path });
      const error = await assertRejects(() => createBackend(), BackendError);
      for (const part of [library, symbol, path, variable]) assertStringIncludes(error.message, part);
      assertEquals([emulator.leaks(), Emulator.open(path).leaks()], [{}, {}]);
      await useBackend("cpu");
      assertEquals([...await tensor([1, 2]).mul(3).data()], [3, 6]);
      overrideEnvironment({ [variable]: emulator.path });
      (await createBackend()).dispose();
      assertEquals(emulator.leaks(), {});
    },
  );
}
