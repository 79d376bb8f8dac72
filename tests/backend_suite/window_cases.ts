// Random poolings: windows with stride, padding, dilation and rounding up, ties and NaN for the maximum.

import type { Backend, View } from "../../src/tensor/backend.ts";
import type { FloatDType } from "../../src/tensor/dtype.ts";
import { elementCount, formatShape, type Shape } from "../../src/tensor/layout.ts";
import { type PoolGeometry, poolGeometry } from "../../src/tensor/pool_geometry.ts";
import type { Case } from "./case.ts";
import { drawOperand, type Operand, smallerSizes } from "./operand.ts";
import { acceptSums, magnitudes } from "./product_cases.ts";
import type { Draw } from "./random.ts";

/** The three poolings. */
export type PoolMethod = "maxPool" | "averagePool" | "averagePoolGradient";

interface Pool {
  readonly method: PoolMethod;
  readonly input: Shape;
  readonly window: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly ceilMode: boolean;
  readonly operands: readonly Operand[];
}

/** Whether each window holds an element of the input; dilation can lead one past a small input. */
function windowsHoldElements(geometry: PoolGeometry): boolean {
  return geometry.outputSize.every((outputs, axis) => {
    for (let o = 0; o < outputs; o++) {
      let found = false;
      for (let tap = 0; tap < geometry.windowSize[axis]; tap++) {
        const i = o * geometry.stride[axis] + tap * geometry.dilation[axis] - geometry.padding[axis];
        found ||= i >= 0 && i < geometry.inputSize[axis];
      }
      if (!found) return false;
    }
    return true;
  });
}

function run(method: PoolMethod, geometry: PoolGeometry, backend: Backend, views: readonly View[]): void {
  const [input, output, indices] = views;
  switch (method) {
    case "maxPool":
      return backend.maxPool({ geometry, input, output, indices });
    case "averagePool":
      return backend.averagePool({ geometry, input, output });
    case "averagePoolGradient":
      return backend.averagePoolGradient({ geometry, input, output });
  }
}

/** A pooling from its parameters; throws where they do not fit. */
export function pool(p: Pool): Case {
  const { window, stride, padding, dilation, ceilMode } = p;
  const geometry = poolGeometry(p.input, window, { stride, padding, dilation, ceilMode });
  if (!windowsHoldElements(geometry)) throw new RangeError("a window holds no element of the input");
  const output = [geometry.batch, geometry.channels, ...geometry.outputSize];
  const shapes = p.method === "maxPool" ? [p.input, output, output] : [p.input, output];
  const outputs = p.method === "maxPool" ? [1, 2] : p.method === "averagePool" ? [1] : [0];
  return {
    primitive: p.method,
    operands: p.operands,
    shapes,
    outputs,
    run: (backend, views) => run(p.method, geometry, backend, views),
    accept: (logical, expected, oracle) => {
      if (p.method === "maxPool") return [undefined, undefined];
      const [result] = outputs;
      const size = magnitudes(oracle, shapes, logical, result, (views) => run(p.method, geometry, oracle, views));
      // The gradient rounds each share before it adds them.
      return [acceptSums(p.operands[result].dtype as FloatDType, expected[0], size, elementCount(window) + 2)];
    },
    withOperands: (operands) => pool({ ...p, operands }),
    simpler: () => simplerPools(p),
    describe: () =>
      `${p.method} input ${formatShape(p.input)}, window ${formatShape(window)}, ${
        JSON.stringify({ stride, padding, dilation, ceilMode })
      }`,
  };
}

function* simplerPools(p: Pool): Iterable<Case> {
  const replaced = (list: readonly number[], at: number, value: number): number[] =>
    list.map((old, i) => i === at ? value : old);
  const attempts: Pool[] = [];
  if (p.ceilMode) attempts.push({ ...p, ceilMode: false });
  for (let axis = 0; axis < p.input.length; axis++) {
    for (const size of smallerSizes(p.input[axis])) attempts.push({ ...p, input: replaced(p.input, axis, size) });
  }
  for (let axis = 0; axis < p.window.length; axis++) {
    if (p.stride[axis] > 1) attempts.push({ ...p, stride: replaced(p.stride, axis, 1) });
    if (p.dilation[axis] > 1) attempts.push({ ...p, dilation: replaced(p.dilation, axis, 1) });
    if (p.padding[axis] > 0) attempts.push({ ...p, padding: replaced(p.padding, axis, 0) });
    for (const size of smallerSizes(p.window[axis])) attempts.push({ ...p, window: replaced(p.window, axis, size) });
  }
  for (const attempt of attempts) {
    let one: Case;
    try {
      one = pool(attempt);
    } catch {
      continue;
    }
    yield one;
  }
}

/** A random pooling. */
export function drawPool(draw: Draw, method: PoolMethod): Case {
  for (;;) {
    const p = drawParameters(draw, method);
    try {
      return pool(p);
    } catch {
      continue;
    }
  }
}

function drawParameters(draw: Draw, method: PoolMethod): Pool {
  const rank = Number(draw.weighted({ "1": 25, "2": 50, "3": 25 }));
  const list = <T>(make: () => T): T[] => Array.from({ length: rank }, make);
  const window = list(() => draw.integer(1, [7, 5, 3][rank - 1]));
  const dtype: FloatDType = draw.chance(0.75) ? "float32" : "float64";
  const values = draw.weighted({ normal: 45, small: 45, special: 10 });
  const fill = method !== "maxPool" && values === "special" ? "normal" : values;
  const result = method === "averagePoolGradient" ? 0 : 1;
  const operands = [0, 1].map((i) => drawOperand(draw, dtype, rank + 2, i === result ? "nan" : fill, i !== result));
  if (method === "maxPool") operands.push(drawOperand(draw, "int32", rank + 2, "small"));
  return {
    method,
    input: [
      draw.chance(0.03) ? 0 : draw.integer(1, 3),
      draw.chance(0.03) ? 0 : draw.integer(1, 5),
      ...list(() => draw.integer(1, [60, 14, 8][rank - 1])),
    ],
    window,
    stride: window.map((size) => draw.chance(0.5) ? size : draw.integer(1, 3)),
    padding: window.map((size) => draw.chance(0.5) ? 0 : draw.integer(0, Math.floor(size / 2))),
    dilation: list(() => method === "maxPool" && draw.chance(0.2) ? draw.integer(2, 3) : 1),
    ceilMode: draw.chance(0.4),
    operands,
  };
}
