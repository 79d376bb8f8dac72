// Elementwise kernels on the emulator: sources for dense and strided operands, 64-bit positions, random numbers to the bit.
// covers: backends/cuda/kernels/operations.ts, backends/cuda/kernels/device_functions.ts, backends/cuda/kernels/bind.ts

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createBackend as createReference } from "../../../../backends/reference/mod.ts";
import { pointerOf, scratchView } from "../../../../backends/cuda/kernels/bind.ts";
import { createMap, elementsPerThread, mapSource } from "../../../../backends/cuda/kernels/map.ts";
import * as E from "../../../../src/tensor/expr.ts";
import { bitsFromWords, normalFromWords, philox4x32, uniformFromWords } from "../../../../src/tensor/philox.ts";
import { runCases } from "../../../backend_suite.ts";
import { test } from "../../../support/test.ts";
import { noEmulator, startDevice } from "./device.ts";

const x = E.input(0, "float32");

test("mapSource reads dense operands at the element and single ones once", () => {
  const source = mapSource([E.add(x, E.input(1, "float32"))], { dense: [true, true, false], rank: 1, wide: false });
  assertStringIncludes(source, "a0[u] = x0[i];");
  assertStringIncludes(source, "const float a1 = x1[0];");
  assertStringIncludes(source, "y0[i] = v2;");
  assert(!source.includes("escnn_divide"));
});

test("mapSource is the same text for the same computation, whatever was made before", () => {
  const make = () => mapSource([E.mul(E.input(0, "float64"), E.input(1, "float64"))], { rank: 2, wide: false });
  const before = make();
  E.add(E.input(7, "float64"), 0.123456);
  assertEquals(make(), before);
});

test("elementsPerThread falls with the cost of an element", () => {
  const dense = { dense: [true, true], rank: 1, wide: false };
  assertEquals(elementsPerThread([E.neg(x)], dense), 4);
  assertEquals(elementsPerThread([E.neg(x)], { rank: 3, wide: false }), 2);
  assertEquals(elementsPerThread([E.pow(E.unary("sin", x), E.tanh(x))], dense), 1);
});

test("pointerOf counts offsets in elements", () => {
  const view = scratchView(4096, "float64", [2, 3]);
  assertEquals(view.strides, [3, 1]);
  assertEquals(pointerOf({ ...view, offset: 5 }), 4096 + 40);
});

const reason = noEmulator ?? "";
const onEmulator = (name: string, fn: () => Promise<void>) => test.runIf(noEmulator === undefined, name, reason, fn);

onEmulator("map with 64-bit positions agrees with the reference", async () => {
  using device = await startDevice();
  const backend = device.backend({ map: createMap(device.system, () => true) });
  await runCases("map", Array.from({ length: 12 }, (_, i) => i), 11, backend, await createReference({}));
});

onEmulator("map gives bits and uniforms of Philox to the bit, normals to 4 ulp", async () => {
  using device = await startDevice();
  const { operations } = device;
  const count = 2000;
  const counters = device.upload(Int32Array.from({ length: count }, (_, i) => Math.imul(i, 0x9e3779b1)));
  const word = E.input(0, "int32");
  const words: [E.Expr, E.Expr, E.Expr, E.Expr, E.Expr] = [
    E.scalar(0, "int32"),
    E.scalar(1, "int32"),
    word,
    E.index("linear"),
    E.scalar(2, "int32"),
  ];
  const scalars = [-123456789, 0x7fffffff, 42];
  const kinds = [["bits", "int32"], ["uniform", "float32"], ["uniform", "float64"], ["normal", "float32"], [
    "normal",
    "float64",
  ]] as const;
  const outputs = kinds.map(([, dtype]) =>
    device.upload(
      {
        int32: new Int32Array(count),
        float32: new Float32Array(count),
        float64: new Float64Array(count),
      }[dtype],
    )
  );
  operations.map({
    expressions: kinds.map(([distribution, dtype]) => E.random(distribution, dtype, words)),
    shape: [count],
    inputs: [counters],
    scalars,
    outputs,
  });
  const [bits, uniform32, uniform64, normal32, normal64] = outputs.map(device.read);
  for (let i = 0; i < count; i++) {
    const block = philox4x32([scalars[0], scalars[1]], [Math.imul(i, 0x9e3779b1), i, scalars[2], 0]);
    assertEquals(bits[i], bitsFromWords(block));
    assertEquals(uniform32[i], uniformFromWords("float32", block));
    assertEquals(uniform64[i], uniformFromWords("float64", block));
    // Here they are even the same bits: the algorithms are those of src/math, without fused multiply-add.
    assertEquals(normal32[i], Math.fround(normalFromWords("float32", block)));
    assertEquals(normal64[i], normalFromWords("float64", block));
  }
  const others = [1, 2, 3].map(() => device.upload(new Int32Array(count)));
  const expressions = [1, 2, 3].map((which) => E.random("bits", "int32", words, which));
  operations.map({ expressions, shape: [count], inputs: [counters], scalars, outputs: others });
  others.map(device.read).forEach((values, j) => {
    for (let i = 0; i < count; i++) {
      const block = philox4x32([scalars[0], scalars[1]], [Math.imul(i, 0x9e3779b1), i, scalars[2], 0]);
      assertEquals(values[i], bitsFromWords(block, j + 1));
    }
  });
});

onEmulator("map in place and with more outputs than one reads all before it writes", async () => {
  using device = await startDevice();
  const a = device.upload(Float32Array.from({ length: 1000 }, (_, i) => i));
  const b = device.upload(new Float32Array(1000).fill(2));
  const [p, q] = [E.input(0, "float32"), E.input(1, "float32")];
  const views = [a, b];
  device.operations.map({
    expressions: [E.add(p, q), E.mul(p, q)],
    shape: [1000],
    inputs: views,
    scalars: [],
    outputs: views,
  });
  assertEquals(device.read(a), Float32Array.from({ length: 1000 }, (_, i) => i + 2));
  assertEquals(device.read(b), Float32Array.from({ length: 1000 }, (_, i) => 2 * i));
});
