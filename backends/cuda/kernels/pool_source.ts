/**
 * Kernels of pooling over one to three axes (written for three): a thread for each window, or for the gradient of averages a thread for each
 * input element, which gathers from the windows that hold it. Sizes, strides and padding are numbers given at each launch.
 */

import type { FloatDType } from "../../../src/tensor/dtype.ts";
import { numbersSource, THREADS } from "./bind.ts";
import { withDeviceFunctions } from "./device_functions.ts";
import { FLOAT_CODES } from "./operations.ts";
import { LoopCode } from "./loops.ts";

/** The three kernels. */
export type PoolKernel = "max_pool" | "average_pool" | "average_pool_gradient";

/** Axes of the loops: batch, channels, depth, height, width. */
export const POOL_RANK = 5;

/** For each spatial axis these numbers follow the count: window, stride, dilation, padding, input, output, stride of the operand walked. */
export const AXIS_NUMBERS = { window: 0, stride: 1, dilation: 2, padding: 3, input: 4, output: 5, walked: 6 } as const;
const AXIS_COUNT = 7;

/** Where the loops' numbers begin. */
export const POOL_LOOPS: number = 1 + 3 * AXIS_COUNT;

/** Operands of the loops: max-pooling has outputs, indices, inputs; the others what is written and what is read. */
export function poolOperands(kernel: PoolKernel): number {
  return kernel === "max_pool" ? 3 : 2;
}

/** The source of `pool_kernel(numbers, written…, read)`. */
export function poolSource(kernel: PoolKernel, dtype: FloatDType, wide: boolean): string {
  const { type: value, own } = FLOAT_CODES[dtype];
  const type = wide ? "long long" : "int";
  const operands = poolOperands(kernel);
  const loop = new LoopCode(POOL_RANK, POOL_LOOPS, wide);
  const number = (axis: number, name: keyof typeof AXIS_NUMBERS): string =>
    `(int)n.v[${1 + axis * AXIS_COUNT + AXIS_NUMBERS[name]}]`;
  const step = (axis: number): string => `n.v[${1 + axis * AXIS_COUNT + AXIS_NUMBERS.walked}]`;
  const position = (axis: number): string => `(int)p${2 + axis}`;
  const axes = [0, 1, 2];

  const body: string[] = [];
  if (kernel === "average_pool_gradient") {
    for (const axis of axes) {
      body.push(
        `const int a${axis} = ${position(axis)} + ${number(axis, "padding")};`,
        `const int f${axis} = a${axis} < ${number(axis, "window")} ? 0 : (a${axis} - ${number(axis, "window")}) / ${
          number(axis, "stride")
        } + 1;`,
        `const int c${axis} = a${axis} / ${number(axis, "stride")};`,
        `const int l${axis} = c${axis} < ${number(axis, "output")} ? c${axis} : ${number(axis, "output")} - 1;`,
      );
    }
    body.push(`${value} sum = 0;`);
    for (const axis of axes) {
      body.push(
        `for (int o${axis} = f${axis}; o${axis} <= l${axis}; o${axis}++) {`,
        `const int d${axis} = padded(${number(axis, "window")}, ${number(axis, "input")} + 2 * ${
          number(axis, "padding")
        } - o${axis} * ${number(axis, "stride")});`,
      );
    }
    body.push(
      `sum += x[base + o0 * ${step(0)} + o1 * ${step(1)} + o2 * ${step(2)}] / (${value})(d0 * d1 * d2);`,
      "}}}",
      `y[${loop.offset(0, "p")}] = sum;`,
    );
  } else {
    for (const axis of axes) {
      body.push(`const int a${axis} = ${position(axis)} * ${number(axis, "stride")} - ${number(axis, "padding")};`);
    }
    body.push(
      ...(kernel === "max_pool"
        ? [`${value} best = -${own("infinity")}();`, "int where = -1;", "bool done = false;"]
        : [`${value} sum = 0;`]),
    );
    for (const axis of axes) {
      body.push(
        `for (int t${axis} = 0; t${axis} < ${number(axis, "window")}; t${axis}++) {`,
        `const int i${axis} = a${axis} + t${axis} * ${number(axis, "dilation")};`,
        `if (i${axis} < 0 || i${axis} >= ${number(axis, "input")}) continue;`,
      );
    }
    body.push(`const ${value} e = x[base + i0 * ${step(0)} + i1 * ${step(1)} + i2 * ${step(2)}];`);
    if (kernel === "max_pool") {
      body.push(
        `const int at = (i0 * ${number(1, "input")} + i1) * ${number(2, "input")} + i2;`,
        "if (where < 0) where = at;",
        "if (!done && (e > best || e != e)) {",
        "best = e;",
        "where = at;",
        "done = e != e;",
        "}",
        "}}}",
        `y[${loop.offset(0, "p")}] = best;`,
        `indices[${loop.offset(1, "p")}] = where < 0 ? 0 : where;`,
      );
    } else {
      const sizes = axes.map((axis) =>
        `padded(${number(axis, "window")}, ${number(axis, "input")} + ${number(axis, "padding")} - a${axis})`
      );
      body.push(
        "sum += e;",
        "}}}",
        `y[${loop.offset(0, "p")}] = sum / (${value})(${sizes.join(" * ")});`,
      );
    }
  }
  return withDeviceFunctions([
    numbersSource(POOL_LOOPS + LoopCode.count(POOL_RANK, operands, wide), wide),
    // The part of a window that lies in the padded input.
    "static __device__ inline int padded(int window, int left) { return window < left ? window : left; }",
    `extern "C" __global__ void pool_kernel(const Numbers n, ${value}* y, ${
      kernel === "max_pool" ? "int* indices, " : ""
    }const ${value}* x) {`,
    `const ${type} i = (${type})blockIdx.x * ${THREADS} + (${type})threadIdx.x;`,
    "if (i >= n.v[0]) return;",
    ...loop.coordinates("i", "p"),
    `const ${type} base = ${loop.offset(operands - 1, "p")};`,
    ...body,
    "}",
    "",
  ].join("\n"));
}
