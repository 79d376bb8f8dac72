/**
 * Elementwise computations of the cpu backend as `Backend.map` does them, in elements per second on all threads: small calls
 * (the cost of a call), arrays in the caches, arrays in memory, the operations with code of their own, and the copies between
 * them.
 */

import { createBackend } from "../backends/cpu/mod.ts";
import type { Backend, View } from "../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT, createTypedArray, type DType } from "../src/tensor/dtype.ts";
import {
  add,
  binary,
  constant,
  type Expr,
  gt,
  index,
  input,
  maximum,
  mul,
  random,
  scalar,
  select,
  sub,
  unary,
} from "../src/tensor/expr.ts";
import { contiguousStrides, elementCount } from "../src/tensor/layout.ts";
import { peaks, peaksText } from "./peaks.ts";
import { rateBench } from "./rate.ts";

const backend: Backend = await createBackend({ openblas: "off", startAfter: 0 });
console.log(peaksText(await peaks()));

function view(dtype: DType, shape: readonly number[], strides: readonly number[] = contiguousStrides(shape)): View {
  const count = elementCount(shape.filter((_, axis) => strides[axis] !== 0));
  const buffer = backend.allocate(count * BYTES_PER_ELEMENT[dtype]);
  const data = createTypedArray(dtype, count);
  for (let i = 0; i < count; i++) data[i] = dtype === "bool" ? i & 1 : (i % 977) / 97 + 0.01;
  backend.write({ buffer, dtype, shape: [count], strides: [1], offset: 0 }, data);
  return { buffer, dtype, shape, strides, offset: 0 };
}

interface MapBench {
  readonly name: string;
  readonly why: string;
  readonly shape: readonly number[];
  readonly expressions: readonly Expr[];
  readonly inputs?: readonly (readonly [DType, (readonly number[])?])[];
  readonly scalars?: readonly number[];
  /** Bytes moved per element: prints bandwidth beside that of memory. */
  readonly bytes?: number;
}

function mapBench({ name, why, shape, expressions, inputs = [["float32"]], scalars = [], bytes }: MapBench): void {
  const count = elementCount(shape);
  rateBench({
    name: `${name} [${shape.join(", ")}]`,
    group: `elementwise, ${why}`,
    work: bytes === undefined ? count : count * bytes,
    unit: bytes === undefined ? "1e9 elements/s" : "GB/s",
    ceiling: bytes === undefined ? undefined : (p) => p.copy.all,
    prepare: async () => {
      const call = {
        expressions,
        shape,
        scalars,
        inputs: inputs.map(([dtype, strides]) => view(dtype, shape, strides)),
        outputs: expressions.map((expression) => view(expression.dtype, shape)),
      };
      const run = () => backend.map(call);
      // The engine's better code replaces its first one in the background.
      for (let round = 0; round < 20; round++) {
        run();
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      return run;
    },
  });
}

const x = input(0, "float32");
const y = input(1, "float32");
const affine = add(mul(x, scalar(0, "float32")), scalar(1, "float32"));
const affineCall = { expressions: [affine], scalars: [2, 1] };

/** What is measured, and why. */
const CASES: readonly MapBench[] = [
  { name: "a·x + b", why: "a tiny one: the cost of a call", shape: [16], ...affineCall },
  { name: "a·x + b", why: "arrays in the caches (target 2e9 on two threads)", shape: [100_000], ...affineCall },
  {
    name: "a·x + b",
    why: "arrays in memory (target: half the bandwidth)",
    shape: [10_000_000],
    ...affineCall,
    bytes: 8,
  },
  {
    name: "x + y",
    why: "arrays in memory (target: half the bandwidth)",
    shape: [10_000_000],
    expressions: [add(x, y)],
    inputs: [["float32"], ["float32"]],
    bytes: 12,
  },
  {
    name: "bias per channel",
    why: "the demo's planes",
    shape: [64, 80, 841],
    expressions: [add(x, y)],
    inputs: [["float32"], ["float32", [0, 1, 0]]],
  },
  { name: "ReLU", why: "the demo's planes", shape: [64, 80, 841], expressions: [maximum(x, 0)] },
  {
    name: "gradient of ReLU",
    why: "the demo's planes",
    shape: [64, 80, 841],
    expressions: [select(gt(x, 0), y, 0)],
    inputs: [["float32"], ["float32"]],
  },
  {
    name: "momentum step, two outputs",
    why: "an optimizer",
    shape: [200_000],
    expressions: [sub(x, mul(add(mul(y, 0.9), x), scalar(0, "float32"))), add(mul(y, 0.9), x)],
    inputs: [["float32"], ["float32"]],
    scalars: [0.01],
  },
  ...(["exp", "log", "expm1", "log1p", "tanh", "sigmoid", "sin", "cos", "sqrt"] as const).map((op) => ({
    name: `${op} of float32`,
    why: "functions",
    shape: [100_000],
    expressions: [unary(op, x)],
  })),
  ...(["pow", "atan2", "mod"] as const).map((op) => ({
    name: `${op} of float32`,
    why: "functions",
    shape: [100_000],
    expressions: [binary(op, x, y)],
    inputs: [["float32"], ["float32"]] as const,
  })),
  ...(["exp", "log", "tanh", "sin"] as const).map((op) => ({
    name: `${op} of float64`,
    why: "functions",
    shape: [100_000],
    expressions: [unary(op, input(0, "float64"))],
    inputs: [["float64"]] as const,
  })),
  ...(["uniform", "normal"] as const).map((distribution) => ({
    name: `random ${distribution}`,
    why: "dropout and initialization",
    shape: [100_000],
    expressions: [
      random(distribution, "float32", [
        scalar(0, "int32"),
        scalar(1, "int32"),
        index("linear"),
        constant(0, "int32"),
        constant(0, "int32"),
      ]),
    ],
    inputs: [],
    scalars: [1, 2],
  })),
];

for (const one of CASES) mapBench(one);

/** Copies: source strides over the target's shape. */
const COPIES: readonly (readonly [why: string, shape: readonly number[], strides: readonly number[]])[] = [
  ["contiguous", [10_000_000], [1]],
  ["channels last from channels first", [64, 841, 80], [67_280, 1, 841]],
  ["a transposed matrix", [2048, 2048], [1, 2048]],
  ["every second element", [5_000_000], [2]],
];

for (const [why, shape, strides] of COPIES) {
  rateBench({
    name: `copy, ${why} [${shape.join(", ")}]`,
    group: "elementwise, copies",
    work: elementCount(shape) * 8,
    unit: "GB/s",
    ceiling: (p) => p.copy.all,
    prepare: () => {
      const whole = view("float32", [10_000_000]);
      const source = { ...whole, shape, strides };
      const target = view("float32", shape);
      return () => backend.copy(source, target);
    },
  });
}
