/**
 * Products of a small constant matrix with every column of a feature map (changes of basis, transforms of short signals) as elementwise
 * computations: one output for each row. Sums and differences that several rows share are computed once, which finds the steps of a
 * fast Fourier transform in the matrices of cyclic groups.
 */

import type { TypedArray } from "../../tensor/dtype.ts";
import * as E from "../../tensor/expr.ts";
import type { Expr } from "../../tensor/expr.ts";
import { isFloat } from "../../tensor/dtype.ts";
import { type Access, type Nest, simplified } from "./nest.ts";
import { bufferOf, type Step } from "./program.ts";

/** The most rows, columns and entries other than 0. */
const MAX_SIZE = 16, MAX_ENTRIES = 256;

/** A step as a product with a small constant matrix: its sizes, if it is one. */
export function smallMatrix(step: Step): readonly [rows: number, columns: number] | undefined {
  if (step.op !== "matmul" || step.call.beta !== 0) return undefined;
  const { a, b } = step.call, rank = a.shape.length;
  if (bufferOf(a).role !== "constant" || bufferOf(b).role === "constant" || !isFloat(a.dtype)) return undefined;
  const repeated = a.strides.slice(0, rank - 2).every((stride, axis) => stride === 0 || a.shape[axis] === 1);
  const [rows, columns] = a.shape.slice(-2);
  return repeated && rows <= MAX_SIZE && columns <= MAX_SIZE ? [rows, columns] : undefined;
}

/** The product as a loop nest; `values` are all elements of the matrix's buffer. Nothing where it is not small. */
export function productNest(step: Step, values: TypedArray): Nest | undefined {
  const sizes = smallMatrix(step);
  if (sizes === undefined || step.op !== "matmul") return undefined;
  const { a, b, output, alpha } = step.call, rank = a.shape.length, [rows, columns] = sizes;
  if (output.shape.includes(0)) return undefined;
  const [rowStep, columnStep] = a.strides.slice(-2);
  const matrix = Array.from(
    { length: rows },
    (_, i) => Array.from({ length: columns }, (_, j) => alpha * values[a.offset + i * rowStep + j * columnStep]),
  );
  if (matrix.flat().filter((value) => value !== 0).length > MAX_ENTRIES) return undefined;
  const lines = (view: typeof b, count: number): Access[] =>
    Array.from({ length: count }, (_, i) => ({
      buffer: bufferOf(view),
      dtype: view.dtype,
      offset: view.offset + i * view.strides[rank - 2],
      strides: [...view.strides.slice(0, rank - 2), view.strides[rank - 1]],
    }));
  const shape = [...output.shape.slice(0, rank - 2), output.shape[rank - 1]];
  const inputs = lines(b, columns);
  return simplified({
    sizes: shape,
    reduced: shape.map(() => false),
    inputs,
    outputs: lines(output, rows),
    expressions: linearForms(matrix, inputs.map(({ dtype }, i) => E.input(i, dtype))),
    reductions: matrix.map(() => "sum" as const),
    scalars: [],
    modules: step.modules,
  });
}

/** Each row of a matrix applied to variables. */
export function linearForms(matrix: readonly (readonly number[])[], variables: readonly Expr[]): Expr[] {
  const rows = matrix.map((row) => new Map(row.flatMap((value, j) => value === 0 ? [] : [[j, value] as const])));
  const terms = [...variables];
  for (let pair = bestPair(rows, terms.length); pair !== undefined; pair = bestPair(rows, terms.length)) {
    const [left, right] = pair, made = new Map<number, number>();
    for (const row of rows) {
      const a = row.get(left), b = row.get(right);
      if (a === undefined || b === undefined || Math.abs(a) !== Math.abs(b)) continue;
      const sign = Math.sign(a * b);
      let sum = made.get(sign);
      if (sum === undefined) {
        sum = terms.push(E.binary(sign > 0 ? "add" : "sub", terms[left], terms[right])) - 1;
        made.set(sign, sum);
      }
      row.delete(left);
      row.delete(right);
      row.set(sum, a);
    }
  }
  const { dtype } = variables[0];
  return rows.map((row) => {
    const parts = [...row].map(([j, value]) => E.mul(terms[j], E.constant(value, dtype)));
    return parts.length === 0 ? E.constant(0, dtype) : parts.reduce((sum, part) => E.add(sum, part));
  });
}

/** The two terms whose sum or difference most rows share: at least three times, or twice by the same sign. */
function bestPair(rows: readonly ReadonlyMap<number, number>[], count: number): readonly [number, number] | undefined {
  let best: readonly [number, number] | undefined, most = 0;
  for (let left = 0; left < count; left++) {
    for (let right = left + 1; right < count; right++) {
      let same = 0, opposite = 0;
      for (const row of rows) {
        const a = row.get(left), b = row.get(right);
        if (a === undefined || b === undefined || Math.abs(a) !== Math.abs(b)) continue;
        if (a * b > 0) same++;
        else opposite++;
      }
      const saved = Math.max(0, same - 1) + Math.max(0, opposite - 1);
      if (saved > most) [best, most] = [[left, right], saved];
    }
  }
  return best;
}
