// Accuracy of elementary functions on dense samples: every binade, the neighbourhoods of the functions' special points,
// and the special values (zeros of both signs, denormals, infinities, NaN, the largest numbers). The oracle is src/math
// in float64, which errs by less than one unit in the last place of a float64.

import { assert, AssertionError } from "@std/assert";
import { exp, log } from "../../src/math/functions.ts";
import type { Backend, View } from "../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT, type FloatDType, type TypedArray } from "../../src/tensor/dtype.ts";
import { binary, type Expr, input, unary } from "../../src/tensor/expr.ts";
import { BINARY_OPS, type BinaryOp, UNARY_OPS, type UnaryOp } from "../../src/tensor/expr_ops.ts";
import { contiguousLayout } from "../../src/tensor/layout.ts";
import { BINARY_ULPS, TRIGONOMETRIC_LIMIT, ulpOf, UNARY_ULPS } from "./bounds.ts";
import { Draw } from "./random.ts";

/** Runs an expression over arrays of one length. */
async function evaluateOn(backend: Backend, expression: Expr, inputs: readonly TypedArray[]): Promise<TypedArray> {
  const count = inputs[0].length;
  const dtype = expression.dtype;
  const place = (): View => ({
    ...contiguousLayout([count]),
    dtype,
    buffer: backend.allocate(count * BYTES_PER_ELEMENT[dtype]),
  });
  const views = inputs.map(place);
  const output = place();
  try {
    inputs.forEach((data, i) => backend.write(views[i], data));
    backend.map({ expressions: [expression], shape: [count], inputs: views, scalars: [], outputs: [output] });
    return await backend.read(output);
  } finally {
    for (const { buffer } of [...views, output]) backend.free(buffer);
  }
}

const SPECIALS: readonly number[] = [
  0,
  -0,
  1,
  -1,
  Infinity,
  -Infinity,
  NaN,
  1.401298464324817e-45,
  -1.401298464324817e-45,
  1e-40,
  -1e-40,
  1.1754943508222875e-38,
  -1.1754943508222875e-38,
  3.4028234663852886e38,
  -3.4028234663852886e38,
  5e-324,
  Number.MAX_VALUE,
  88.72283172607422,
  88.72284698486328,
  -87.33654,
  -103.2789,
  -103.97208,
  -104,
  709.78,
  -745,
  -746,
  16777216,
  16777217,
];

/** Arguments: specials, a dense grid on [−limit, limit], and random mantissas in every binade that the function takes. */
function samples(dtype: FloatDType, limit: number, positive: boolean): TypedArray {
  const draw = new Draw("accuracy", limit);
  const list: number[] = SPECIALS.filter((x) => !positive || !(x < 0));
  const steps = 20_000;
  for (let i = 0; i <= steps; i++) list.push(positive ? limit * i / steps : limit * (2 * i / steps - 1));
  const [lowest, highest] = dtype === "float32" ? [-149, 127] : [-1074, 1023];
  for (let exponent = lowest; exponent <= highest; exponent++) {
    for (let i = 0; i < 24; i++) {
      const size = (1 + draw.unit()) * 2 ** exponent;
      list.push(positive || draw.chance(0.5) ? size : -size);
    }
  }
  // Neighbours of the multiples of π/2 and of 1: where sines, cosines and logarithms vanish.
  for (let i = 1; i < 400; i++) {
    for (const centre of [i * Math.PI / 2, 1 + i * 2 ** -22, 1 - i * 2 ** -23]) {
      list.push(centre);
      if (!positive) list.push(-centre);
    }
  }
  return dtype === "float32" ? Float32Array.from(list) : Float64Array.from(list);
}

/** The largest error in ulp, with its argument; where the exact result is no number or infinite, the result must be that. */
function worst(
  dtype: FloatDType,
  actual: TypedArray,
  exact: (i: number) => number,
  skip: (i: number) => boolean,
): { ulps: number; index: number } {
  let result = { ulps: 0, index: -1 };
  for (let i = 0; i < actual.length; i++) {
    if (skip(i)) continue;
    const a = actual[i];
    const e = exact(i);
    const rounded = dtype === "float32" ? Math.fround(e) : e;
    let ulps: number;
    if (a === rounded || (a !== a && e !== e)) {
      ulps = Number.isFinite(rounded) ? Math.abs(a - e) / ulpOf(dtype, e) : 0;
    } else if (!Number.isFinite(a) && Number.isFinite(e)) ulps = a !== a ? Infinity : overflowError(dtype, a, e);
    else if (!Number.isFinite(rounded)) ulps = overflowError(dtype, a, e);
    else ulps = Math.abs(a - e) / ulpOf(dtype, e);
    if (!(ulps <= result.ulps)) result = { ulps, index: i };
  }
  return result;
}

/** An infinity in the place of a number near the largest, or the other way round, as multiple of the ulp there. */
function overflowError(dtype: FloatDType, a: number, e: number): number {
  if (a !== a || e !== e || Math.sign(a) !== Math.sign(e)) return Infinity;
  const largest = dtype === "float32" ? 3.4028234663852886e38 : Number.MAX_VALUE;
  const ulp = ulpOf(dtype, largest);
  const size = (x: number): number => Math.min(Math.abs(x), largest + ulp);
  return Math.abs(size(a) - size(e)) / ulp;
}

/** What is tested. */
export interface Subject {
  /** The backend's name, for the tests' names. */
  readonly name: string;
  /** Registers a test. */
  readonly test: (name: string, fn: () => Promise<void>) => void;
  /** The backend. */
  readonly start: () => Promise<Backend>;
}

function unaryTest({ name, test, start }: Subject, dtype: FloatDType, op: UnaryOp): void {
  const bound = UNARY_ULPS[op];
  const { evaluate } = UNARY_OPS[op];
  const trigonometric = op === "sin" || op === "cos";
  const limit = trigonometric ? TRIGONOMETRIC_LIMIT : dtype === "float32" ? 110 : 760;
  const domain = trigonometric ? ` for |x| ≤ ${TRIGONOMETRIC_LIMIT}` : "";
  test(`${op} of ${dtype} on ${name} is within ${bound} ulp${domain}, special values included`, async () => {
    const backend = await start();
    const xs = samples(dtype, limit, op === "log" || op === "sqrt");
    const actual = await evaluateOn(backend, unary(op, input(0, dtype)), [xs]);
    const tooFar = (i: number): boolean => trigonometric && Number.isFinite(xs[i]) && Math.abs(xs[i]) > limit;
    for (let i = 0; i < xs.length; i++) {
      // Beyond the domain of the bound a sine is still between −1 and 1.
      if (tooFar(i)) assert(Math.abs(actual[i]) <= 1, `${op}(${xs[i]}) = ${actual[i]}`);
    }
    const { ulps, index } = worst(dtype, actual, (i) => evaluate(xs[i]), tooFar);
    // The oracle's own error, below one ulp of float64.
    const allowed = bound + (dtype === "float64" ? 1 : 1e-6);
    if (!(ulps <= allowed)) {
      throw new AssertionError(
        `${op}(${xs[index]}) is off by ${ulps} ulp, bound ${bound}: got ${actual[index]}, exact ${evaluate(xs[index])}`,
      );
    }
  });
}

function binaryTest({ name, test, start }: Subject, dtype: FloatDType, op: BinaryOp): void {
  const bound = BINARY_ULPS[op];
  const { evaluate } = BINARY_OPS[op];
  test(`${op} of ${dtype} on ${name} is within ${bound} ulp, special values included`, async () => {
    const backend = await start();
    const draw = new Draw("accuracy", op);
    const pairs: [number, number][] = SPECIALS.flatMap((x) => SPECIALS.map((y): [number, number] => [x, y]));
    for (let i = 0; i < 20_000; i++) {
      const x = op === "pow" ? exp(draw.bell() * 8) : draw.bell() * exp(draw.integer(-8, 8) * Math.LN10);
      // Exponents that use the whole range of results.
      const range = dtype === "float32" ? 90 : 720;
      const y = op === "pow"
        ? (draw.unit() * 2 - 1) * range / Math.abs(log(x))
        : draw.bell() * exp(draw.integer(-8, 8) * Math.LN10);
      pairs.push([x, y], [op === "pow" ? -x : x, Math.round(draw.bell() * 3)]);
    }
    const typed = (list: number[]): TypedArray =>
      dtype === "float32" ? Float32Array.from(list) : Float64Array.from(list);
    const xs = typed(pairs.map(([x]) => x));
    const ys = typed(pairs.map(([, y]) => y));
    const actual = await evaluateOn(backend, binary(op, input(0, dtype), input(1, dtype)), [xs, ys]);
    const { ulps, index } = worst(dtype, actual, (i) => evaluate(xs[i], ys[i]), () => false);
    if (!(ulps <= bound + (dtype === "float64" ? 1 : 1e-6))) {
      throw new AssertionError(
        `${op}(${xs[index]}, ${ys[index]}) is off by ${ulps} ulp, bound ${bound}: got ${actual[index]}, exact ${
          evaluate(xs[index], ys[index])
        }`,
      );
    }
  });
}

/** Registers the accuracy tests of a backend. */
export function accuracyTests(subject: Subject): void {
  for (const dtype of ["float32", "float64"] as const) {
    for (const op of ["sqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "sigmoid"] as const) {
      unaryTest(subject, dtype, op);
    }
    for (const op of ["pow", "atan2", "div"] as const) binaryTest(subject, dtype, op);
  }
}
