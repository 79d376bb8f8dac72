// Calls of the libraries that find no memory for their own needs: cached blocks go back to the device and the call is made once more, with the
// same result; where that does not help, the error says which call it was and what memory there is.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { whyNoEmulator } from "../../../backends/cuda/emulator/build.ts";
import { Emulator } from "../../../backends/cuda/emulator/control.ts";
import { CudaError } from "../../../backends/cuda/errors.ts";
import { isOutOfMemory, MemoryRelief } from "../../../backends/cuda/memory_relief.ts";
import { createBackend } from "../../../backends/cuda/mod.ts";
import type { Backend, View } from "../../../src/tensor/backend.ts";
import { convolutionGeometry } from "../../../src/tensor/conv_geometry.ts";
import { binary, input, scalar } from "../../../src/tensor/expr.ts";
import { OutOfMemoryError } from "../../../src/tensor/errors.ts";
import { contiguousStrides, elementCount } from "../../../src/tensor/layout.ts";
import { test } from "../../support/test.ts";

const missing = await whyNoEmulator();
const emulator = missing === undefined ? await Emulator.start() : undefined;

const failed = (library: string, status: number) =>
  new CudaError({ library, call: "someCall", status, text: "no memory" });

test("MemoryRelief tries once more where memory was given back, and tells what there is where that did not help", () => {
  const relief = new MemoryRelief();
  const full = failed("cuBLAS", 3);
  assertEquals([failed("CUDA driver", 2), failed("cuDNN", 4004), full].map(isOutOfMemory), [true, true, true]);
  assertEquals([failed("CUDA driver", 3), failed("cuDNN", 4000), new Error("x")].map(isOutOfMemory), [
    false,
    false,
    false,
  ]);
  // Before there is an allocator the error is the call's own.
  assertThrows(() => relief.retry(full, () => 1), CudaError, "someCall");
  let cached = 100, tries = 0;
  relief.setSource({ reclaim: () => [cached, cached = 0][0], describe: () => "5 free of 10" });
  assertEquals(relief.retry(full, () => ++tries), 1);
  const error = assertThrows(() => relief.retry(full, () => ++tries), OutOfMemoryError);
  for (const part of ["cuBLAS someCall", '"no memory" with 5 free of 10', "memoryLimit"]) {
    assertStringIncludes(error.message, part);
  }
  cached = 1;
  assertThrows(
    () =>
      relief.retry(full, () => {
        throw failed("cuBLAS", 13);
      }),
    CudaError,
    "someCall",
  );
  cached = 1;
  assertThrows(() =>
    relief.retry(full, () => {
      throw full;
    }), OutOfMemoryError);
  assertThrows(() => relief.retry(failed("cuBLAS", 13), () => 1), CudaError);
  assertEquals(tries, 1);
});

function view(backend: Backend, shape: readonly number[], values: (i: number) => number): View {
  const count = elementCount(shape);
  const buffer = backend.allocate(count * 4);
  const made: View = { buffer, dtype: "float32", shape, strides: contiguousStrides(shape), offset: 0 };
  backend.write(made, Float32Array.from({ length: count }, (_, i) => values(i)));
  return made;
}

/** A product, a convolution, a map and a graph, in this order, each of another library or function. */
function works(
  backend: Backend,
): { readonly call: string; readonly status: number; readonly run: () => readonly number[] }[] {
  const a = view(backend, [2, 2], (i) => i), y = view(backend, [2, 2], () => 0);
  const x = view(backend, [1, 1, 4, 4], (i) => i), w = view(backend, [1, 1, 3, 3], () => 1);
  const z = view(backend, [1, 1, 2, 2], () => 0);
  const twice = (factor: number) => ({
    expressions: [binary("mul", input(0, "float32"), scalar(0, "float32"))],
    shape: [2, 2],
    inputs: [a],
    scalars: [factor],
    outputs: [y],
  });
  const read = (result: View) => [...backend.readSync(result)];
  const map = () => (backend.map(twice(2)), read(y));
  return [
    { call: "cuModuleLoadData", status: 2, run: map },
    { call: "cuLaunchKernel", status: 2, run: map },
    {
      call: "cublasSgemm_v2",
      status: 3,
      run: () => {
        backend.matmul({ a, b: a, output: y, alpha: 1, beta: 0 });
        return read(y);
      },
    },
    {
      call: "cudnnConvolutionForward",
      status: 4004,
      run: () => {
        backend.convolution({ geometry: convolutionGeometry(x.shape, w.shape, {}), input: x, weight: w, output: z });
        return read(z);
      },
    },
    ...["cuGraphInstantiateWithFlags", "cuGraphLaunch"].map((call) => ({
      call,
      status: 2,
      run: () => {
        const recording = backend.record!(() => backend.map(twice(3)));
        try {
          recording.run();
          return read(y);
        } finally {
          recording.dispose();
        }
      },
    })),
  ];
}

const EXPECTED = [[0, 2, 4, 6], [0, 2, 4, 6], [2, 3, 6, 11], [45, 54, 81, 90], [0, 3, 6, 9], [0, 3, 6, 9]];

test.runIf(
  emulator !== undefined,
  "each library's call is made once more when cached memory has been given back",
  missing ?? "",
  async () => {
    if (emulator === undefined) return;
    emulator.reset();
    const backend = await createBackend();
    for (const [i, { call, status, run }] of works(backend).entries()) {
      // A block that is cached, as large as nothing else.
      backend.free(backend.allocate(3 << 20));
      const freed = emulator.calls("cuMemFree_v2");
      emulator.fail(call, 1, status);
      assertEquals(run(), EXPECTED[i], call);
      assert(emulator.calls("cuMemFree_v2") > freed, call);
    }
    for (const [i, { call, status, run }] of works(backend).slice(1).entries()) {
      backend.free(backend.allocate(3 << 20));
      emulator.fail(call, 1, status);
      emulator.fail(call, 2, status);
      const [first, second] = [emulator.calls(call), 2];
      if (call === "cudnnConvolutionForward") {
        // Another algorithm, which needs less, may do.
        assertEquals(run(), EXPECTED[i + 1]);
      } else {
        const error = assertThrows(run, OutOfMemoryError, undefined, call);
        assertStringIncludes(error.message, call.replace(/_v2$/, ""));
      }
      assert(emulator.calls(call) >= first + second, call);
      emulator.reset();
      assertEquals(run(), EXPECTED[i + 1], `${call}, afterwards`);
    }
    backend.dispose();
    emulator.reset();
    assertEquals(emulator.leaks(), {});
  },
);
