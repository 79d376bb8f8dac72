/** What the kernels of tiles share: tables read into locals, copies of rows, and vectors gathered from and scattered to strides. */

import { forAddresses } from "../gemm/element.ts";
import type { FunctionBuilder, Local } from "../wasm/assembler.ts";

/** Reads the words of a table into locals, by name. */
export function loadTable<Name extends string>(
  f: FunctionBuilder,
  table: Local,
  names: readonly Name[],
): { readonly [N in Name]: Local } {
  const locals: Partial<Record<Name, Local>> = {};
  names.forEach((name, i) => {
    const local = f.local("i32");
    f.get(table).mem("i32.load", 4 * i).set(local);
    locals[name] = local;
  });
  return locals as { readonly [N in Name]: Local };
}

/** The words of a table in the order in which a kernel reads them. */
export function tableWords<Name extends string>(
  names: readonly Name[],
  values: { readonly [N in Name]: number },
): number[] {
  return names.map((name) => values[name]);
}

/** `target = a + b · factor` for i32 locals; the factor is a local or a number. */
export function offsetBy(f: FunctionBuilder, target: Local, a: Local, b: Local, factor: Local | number): void {
  f.get(a).get(b);
  if (typeof factor === "number") f.i32(factor);
  else f.get(factor);
  f.op("i32.mul").op("i32.add").set(target);
}

/** Zeros in whole vectors from an address to another. */
export function fillZeros(f: FunctionBuilder, from: Local, end: Local): void {
  const at = f.local("i32");
  const zero = f.constant(new Uint8Array(16));
  f.get(from).set(at);
  forAddresses(f, at, end, 16, () => f.get(at).get(zero).mem("v128.store"));
  f.release(at);
}

/** Copies `count` float32, neither reading nor writing beyond them. */
export function copyRow(f: FunctionBuilder, source: Local, target: Local, count: Local): void {
  const [from, to, end] = f.locals("i32", 3);
  f.get(source).set(from).get(target).set(to);
  f.get(count).i32(4).op("i32.ge_s");
  f.if(() => {
    f.get(to).get(count).i32(4).op("i32.sub").i32(2).op("i32.shl").op("i32.add").set(end);
    forAddresses(f, to, end, 16, () => f.get(to).get(from).mem("v128.load").mem("v128.store").add(from, 16));
    // The last vector ends with the row: it may overlap the one before.
    f.get(from).get(end).get(to).op("i32.sub").op("i32.add").set(from);
    f.get(end).get(from).mem("v128.load").mem("v128.store");
  }, () => {
    f.get(to).get(count).i32(2).op("i32.shl").op("i32.add").set(end);
    forAddresses(f, to, end, 4, () => f.get(to).get(from).mem("f32.load").mem("f32.store").add(from, 4));
  });
  f.release(from, to, end);
}

/**
 * Transposes: from four vectors of neighbours, the vectors of their first, second, … numbers.
 *
 * @param sink Called with the number and a local that holds the vector, for the first `count`.
 */
export function transpose(
  f: FunctionBuilder,
  rows: readonly Local[],
  count: number,
  sink: (index: number, value: Local) => void,
): void {
  const [front, back, value] = f.locals("v128", 3);
  for (let pair = 0; pair < count; pair += 2) {
    f.get(rows[0]).get(rows[1]).shuffle32(pair, pair + 4, pair + 1, pair + 5).set(front);
    f.get(rows[2]).get(rows[3]).shuffle32(pair, pair + 4, pair + 1, pair + 5).set(back);
    for (let i = 0; i < Math.min(2, count - pair); i++) {
      f.get(front).get(back).shuffle32(2 * i, 2 * i + 1, 2 * i + 4, 2 * i + 5).set(value);
      sink(pair + i, value);
    }
  }
  f.release(front, back, value);
}

/**
 * The same back to memory: lane by lane the numbers of one to four vectors side by side, lanes `stride` bytes apart from
 * `at + offset` on. Nothing is written between them.
 */
export function storeTransposed(
  f: FunctionBuilder,
  values: readonly Local[],
  at: Local,
  stride: number,
  offset: number,
): void {
  const pair = f.local("v128");
  if (values.length === 4) {
    transpose(f, values, 4, (lane, value) => f.get(at).get(value).mem("v128.store", offset + lane * stride));
  } else if (values.length >= 2) {
    for (let half = 0; half < 2; half++) {
      f.get(values[0]).get(values[1]).shuffle32(2 * half, 2 * half + 4, 2 * half + 1, 2 * half + 5).set(pair);
      for (let lane = 0; lane < 2; lane++) {
        f.get(at).get(pair).memLane("v128.store64_lane", lane, offset + (2 * half + lane) * stride);
      }
    }
  }
  if (values.length % 2 === 1) {
    for (let lane = 0; lane < 4; lane++) {
      f.get(at).get(values[values.length - 1]);
      f.memLane("v128.store32_lane", lane, offset + 4 * (values.length - 1) + lane * stride);
    }
  }
  f.release(pair);
}
