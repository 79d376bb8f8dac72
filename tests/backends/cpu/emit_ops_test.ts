// covers: backends/cpu/emit_ops.ts, backends/cpu/emit_exponential.ts, backends/cpu/emit_trigonometry.ts,
// backends/cpu/emit_payne_hanek.ts, backends/cpu/emit_power.ts, backends/cpu/emit_constant.ts, backends/cpu/lanes.ts

import { assert, assertEquals } from "@std/assert";
import { BINARY_EMITTERS, UNARY_EMITTERS } from "../../../backends/cpu/emit_ops.ts";
import { createMap } from "../../../backends/cpu/map.ts";
import { DTYPES, type FloatDType, isFloat } from "../../../src/tensor/dtype.ts";
import { binary, constant, type Expr, input, unary } from "../../../src/tensor/expr.ts";
import { accepts, BINARY_OPS, type BinaryOp, UNARY_OPS, type UnaryOp } from "../../../src/tensor/expr_ops.ts";
import { test } from "../../support/test.ts";
import { Device } from "./device.ts";

const device = new Device();
const map = createMap(device.context);

/** The expression over arrays of float inputs. */
function evaluate(expression: Expr, dtype: FloatDType, ...arrays: readonly (readonly number[])[]): number[] {
  const shape = [arrays[0].length];
  const inputs = arrays.map((array) => device.tensor(dtype, shape, array));
  const output = device.empty(dtype, shape);
  map({ expressions: [expression], shape, inputs, scalars: [], outputs: [output] });
  const result = device.read(output);
  for (const { buffer } of [...inputs, output]) {
    device.context.heap.free(buffer as ReturnType<typeof device.context.heap.allocate>);
  }
  return result;
}

/** Distance of neighbouring numbers at `x`. */
function ulp(dtype: FloatDType, x: number): number {
  const [bits, lowest] = dtype === "float32" ? [23, -149] : [52, -1074];
  if (x === 0) return 2 ** lowest;
  let exponent = Math.floor(Math.log2(Math.abs(x)));
  if (2 ** exponent > Math.abs(x)) exponent--;
  return 2 ** Math.max(lowest, exponent - bits);
}

/** The largest error in ulp, and where. */
function worst(dtype: FloatDType, got: readonly number[], exact: readonly number[]): { error: number; index: number } {
  let result = { error: 0, index: -1 };
  got.forEach((value, index) => {
    const right = exact[index];
    const rounded = dtype === "float32" ? Math.fround(right) : right;
    if (Object.is(value, rounded) || (Number.isNaN(value) && Number.isNaN(right))) return;
    const error = Number.isFinite(rounded) && Number.isFinite(value)
      ? Math.abs(value - right) / ulp(dtype, right)
      : Infinity;
    if (error > result.error) result = { error, index };
  });
  return result;
}

let state = 12345;
/** A repeatable uniform number in [0, 1). */
function uniform(): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

/** Numbers of every binade from 2^low to 2^high, of both signs unless `positive`. */
function binades(dtype: FloatDType, low: number, high: number, each: number, positive = false): number[] {
  const list: number[] = [];
  for (let exponent = low; exponent <= high; exponent++) {
    for (let i = 0; i < each; i++) {
      const x = (1 + uniform()) * 2 ** exponent * (positive || uniform() < 0.5 ? 1 : -1);
      list.push(dtype === "float32" ? Math.fround(x) : x);
    }
  }
  return list;
}

/** A dense grid. */
function grid(dtype: FloatDType, low: number, high: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    const x = low + (high - low) * (i + uniform()) / count;
    return dtype === "float32" ? Math.fround(x) : x;
  });
}

for (const [table, ops] of [[UNARY_EMITTERS, UNARY_OPS], [BINARY_EMITTERS, BINARY_OPS]] as const) {
  const name = ops === UNARY_OPS ? "UNARY_EMITTERS" : "BINARY_EMITTERS";
  test(`${name} has code for exactly the types that each operation takes`, () => {
    for (const [op, { operands }] of Object.entries(ops)) {
      const row = (table as { readonly [op: string]: { float?: unknown; int32?: unknown; bool?: unknown } })[op];
      for (const dtype of DTYPES) {
        const written = isFloat(dtype) ? row.float : dtype === "int32" ? row.int32 : row.bool;
        assertEquals(written !== undefined, accepts(operands, dtype), `${op} of ${dtype}`);
      }
    }
  });
}

/** Bounds in ulp, arguments of both precisions. */
const UNARY_CASES: readonly { op: UnaryOp; bound: number; samples: (dtype: FloatDType) => number[] }[] = [
  {
    op: "exp",
    bound: 1.1,
    samples: (dtype) => dtype === "float32" ? grid(dtype, -104, 89, 50_000) : grid(dtype, -746, 710, 50_000),
  },
  { op: "expm1", bound: 1.8, samples: (dtype) => [...grid(dtype, -20, 80, 30_000), ...binades(dtype, -60, 3, 300)] },
  {
    op: "log",
    bound: 1.1,
    samples: (
      dtype,
    ) => [...grid(dtype, 0.5, 2, 40_000), ...binades(dtype, dtype === "float32" ? -149 : -1074, 127, 60, true)],
  },
  {
    op: "log1p",
    bound: 2,
    samples: (dtype) => [
      ...grid(dtype, -1, 3, 40_000),
      ...binades(dtype, -100, 100, 100).map(Math.abs),
      ...grid(dtype, -1e-3, 1e-3, 5000),
    ],
  },
  { op: "tanh", bound: 3, samples: (dtype) => [...grid(dtype, -22, 22, 40_000), ...binades(dtype, -140, 4, 60)] },
  { op: "sigmoid", bound: 3, samples: (dtype) => grid(dtype, -110, 110, 40_000) },
  { op: "sin", bound: 1.6, samples: (dtype) => [...grid(dtype, -1e4, 1e4, 40_000), ...binades(dtype, -140, 13, 60)] },
  { op: "cos", bound: 1.6, samples: (dtype) => [...grid(dtype, -1e4, 1e4, 40_000), ...binades(dtype, -140, 13, 60)] },
];

for (const { op, bound, samples } of UNARY_CASES) {
  for (const dtype of ["float32", "float64"] as const) {
    test(`${op} of ${dtype} is within ${bound} ulp on dense samples`, () => {
      const x = samples(dtype);
      const got = evaluate(unary(op, input(0, dtype)), dtype, x);
      const { error, index } = worst(dtype, got, x.map(UNARY_OPS[op].evaluate));
      assert(error <= bound, `${op}(${x[index]}) is off by ${error} ulp: got ${got[index]}`);
    });
  }
}

for (const op of ["sin", "cos"] as const) {
  for (const dtype of ["float32", "float64"] as const) {
    test(`${op} of ${dtype} is within 1.6 ulp for huge angles, by exact reduction`, () => {
      const x = binades(dtype, 14, dtype === "float32" ? 127 : 1023, 20);
      x.push(
        ...[1.6e6, -1.6e6, 1.60000025e6, 2 ** 60, -(2 ** 100)].map((y) => dtype === "float32" ? Math.fround(y) : y),
      );
      if (dtype === "float64") x.push(6381956970095103 * 2 ** 797, Number.MAX_VALUE);
      const got = evaluate(unary(op, input(0, dtype)), dtype, x);
      const { error, index } = worst(dtype, got, x.map(UNARY_OPS[op].evaluate));
      assert(error <= 1.6, `${op}(${x[index]}) is off by ${error} ulp: got ${got[index]}`);
    });
  }
}

const BINARY_CASES: readonly { op: BinaryOp; bound: number; samples: (dtype: FloatDType) => [number[], number[]] }[] = [
  {
    op: "pow",
    bound: 1.6,
    samples: (dtype) => {
      const base = binades(dtype, -30, 30, 300).map(Math.abs);
      const limit = dtype === "float32" ? 87 : 708;
      const exponent = base.map((x) => {
        const y = (2 * uniform() - 1) * limit / Math.max(1e-3, Math.abs(Math.log(x)));
        return dtype === "float32" ? Math.fround(y) : y;
      });
      return [base, exponent];
    },
  },
  {
    op: "atan2",
    bound: 2.1,
    samples: (dtype) => [binades(dtype, -30, 30, 300), binades(dtype, -30, 30, 300).reverse()],
  },
  {
    op: "mod",
    bound: 0.5,
    samples: (dtype) => [binades(dtype, -10, 20, 300), binades(dtype, -10, 20, 300).reverse()],
  },
];

for (const { op, bound, samples } of BINARY_CASES) {
  for (const dtype of ["float32", "float64"] as const) {
    test(`${op} of ${dtype} is within ${bound} ulp on dense samples`, () => {
      const [x, y] = samples(dtype);
      const got = evaluate(binary(op, input(0, dtype), input(1, dtype)), dtype, x, y);
      const { error, index } = worst(dtype, got, x.map((value, i) => BINARY_OPS[op].evaluate(value, y[i])));
      assert(error <= bound, `${op}(${x[index]}, ${y[index]}) is off by ${error} ulp: got ${got[index]}`);
    });
  }
}

const SPECIALS = [
  0,
  -0,
  1,
  -1,
  2,
  -2,
  3,
  -3,
  0.5,
  -0.5,
  Infinity,
  -Infinity,
  NaN,
  2 ** -149,
  -(2 ** -149),
  1e38,
  -1e38,
];

for (const dtype of ["float32", "float64"] as const) {
  test(`operations of ${dtype} have the special cases of their definitions, signs of zeros included`, () => {
    const wrong: string[] = [];
    const same = (got: number, right: number): boolean => {
      const rounded = dtype === "float32" ? Math.fround(right) : right;
      return Object.is(got, rounded) || (rounded !== 0 && Math.abs(got - rounded) <= 4 * ulp(dtype, rounded));
    };
    for (const op of Object.keys(UNARY_OPS) as UnaryOp[]) {
      if (!accepts(UNARY_OPS[op].operands, dtype)) continue;
      const got = evaluate(unary(op, input(0, dtype)), dtype, SPECIALS);
      SPECIALS.forEach((x, i) => {
        const defined = UNARY_OPS[op].evaluate(dtype === "float32" ? Math.fround(x) : x);
        // IEEE 754 keeps the sign where the definition's floor(x) + 1 gives a positive zero.
        const right = op === "round" && defined === 0 && x < 0 ? -0 : defined;
        if (!same(got[i], right)) wrong.push(`${op}(${x}) = ${got[i]}, not ${right}`);
      });
    }
    const pairs = SPECIALS.flatMap((x) =>
      SPECIALS.map((y) => [x, y].map((z) => dtype === "float32" ? Math.fround(z) : z))
    );
    for (const op of Object.keys(BINARY_OPS) as BinaryOp[]) {
      if (!accepts(BINARY_OPS[op].operands, dtype)) continue;
      const got = evaluate(
        binary(op, input(0, dtype), input(1, dtype)),
        dtype,
        pairs.map(([x]) => x),
        pairs.map(([, y]) => y),
      );
      pairs.forEach(([x, y], i) => {
        const right = BINARY_OPS[op].evaluate(x, y);
        if (!same(got[i], right)) wrong.push(`${op}(${x}, ${y}) = ${got[i]}, not ${right}`);
      });
    }
    assertEquals(wrong, []);
  });

  test(`pow of ${dtype} by the constants 2, 3, -1, ½ and -½ equals the general power in special cases, within 2 ulp elsewhere`, () => {
    const x = [...SPECIALS.map((y) => dtype === "float32" ? Math.fround(y) : y), ...binades(dtype, -40, 40, 20)];
    for (const exponent of [2, 3, -1, 0.5, -0.5]) {
      const got = evaluate(binary("pow", input(0, dtype), constant(exponent, dtype)), dtype, x);
      const { error, index } = worst(dtype, got, x.map((base) => BINARY_OPS.pow.evaluate(base, exponent)));
      assert(error <= 2, `${x[index]} ^ ${exponent} is off by ${error} ulp: got ${got[index]}`);
    }
  });
}

for (const dtype of ["float32", "float64"] as const) {
  test(`maximum and minimum of ${dtype} with a constant on either side keep NaN and the signs of zeros`, () => {
    const x = SPECIALS.map((y) => dtype === "float32" ? Math.fround(y) : y);
    for (const op of ["maximum", "minimum"] as const) {
      for (const bound of [0, -0, 1, -1, Infinity, -Infinity, NaN]) {
        for (const swapped of [false, true]) {
          const [a, b] = [input(0, dtype), constant(bound, dtype)];
          const got = evaluate(swapped ? binary(op, b, a) : binary(op, a, b), dtype, x);
          const right = x.map((value) => BINARY_OPS[op].evaluate(value, bound));
          got.forEach((value, i) => assert(Object.is(value, right[i]), `${op}(${x[i]}, ${bound}) = ${value}`));
        }
      }
    }
  });
}

test("div and mod of int32 truncate and floor, wrap at the smallest number and give 0 for a zero divisor", () => {
  const values = [0, 1, -1, 2, -2, 7, -7, 1000003, -1000003, 0x7fffffff, -0x80000000, 0x7ffffffe];
  const pairs = values.flatMap((x) => values.map((y) => [x, y]));
  const shape = [pairs.length];
  const inputs = [0, 1].map((side) => device.tensor("int32", shape, pairs.map((pair) => pair[side])));
  for (const op of ["div", "mod", "mul", "add", "sub", "minimum", "maximum"] as const) {
    const output = device.empty("int32", shape);
    map({
      expressions: [binary(op, input(0, "int32"), input(1, "int32"))],
      shape,
      inputs,
      scalars: [],
      outputs: [output],
    });
    const { evaluate, evaluateInteger } = BINARY_OPS[op];
    assertEquals(device.read(output), pairs.map(([x, y]) => (evaluateInteger ?? evaluate)(x, y) | 0), op);
  }
});
