/**
 * The kernel of separable filters as a WebAssembly module for each profile along rows. For each slice of the target slices of the source
 * are added up by their weights, for each row the rows of that, both as tables say, so that a filter and its adjoint, any stride and any
 * padding are the same code; then taps along the row are constants. A combined row and its zeros on both sides stay in the cache.
 */

import type { FloatDType } from "../../../src/tensor/dtype.ts";
import { assign, type Element, element, forAddresses, forEach, multiplyAdd } from "../gemm/element.ts";
import { clearVectors } from "../steerable/projection.ts";
import { vectorConstant } from "../steerable/frame.ts";
import { type FunctionBuilder, type Local, ModuleBuilder } from "../wasm/assembler.ts";

/** int32 words of the parameter block. Distances and places are in bytes; places in scratch memory count from its start. */
export const WORD = {
  source: 0,
  target: 1,
  sourcePlane: 2,
  targetPlane: 3,
  /** Slices and rows of the target, columns of source and target. */
  slices: 4,
  rows: 5,
  sourceWidth: 6,
  targetWidth: 7,
  targetRow: 8,
  /** Of a slice of the source, whole vectors. */
  sourceSlice: 9,
  /** Tables of slices and rows. */
  sliceTable: 10,
  rowTable: 11,
  /** From one buffer of a combined row to the other. */
  bufferStep: 12,
  /** Where the first column and the second one go, and the first two behind the row. */
  even: 13,
  odd: 14,
  evenEnd: 15,
  oddEnd: 16,
  /** Where the row pass begins to read. */
  read: 17,
  /** The combined slice, and bytes of scratch memory that are cleared before. */
  slice: 18,
  clear: 19,
} as const;

/** int32 words of the parameter block. */
export const PARAMETER_WORDS = 20;

/** int32 words of an entry of a table: where a slice or row begins (−1: none), then its weight at 8 bytes. */
export const ENTRY_WORDS = 4;

/** What is compiled into a module. */
export interface RowFilter {
  /** Weights of the taps along a row. */
  readonly profile: readonly number[];
  /** Distance of the inputs that neighbouring outputs in a row meet. */
  readonly step: number;
  /** Zeros before a row of the input. */
  readonly padding: number;
  /** Entries for each row of the target. */
  readonly rowTaps: number;
  /** Entries for each slice; 0 where slices are taken as they are. */
  readonly sliceTaps: number;
  /** Whether it goes from outputs to inputs. */
  readonly adjoint: boolean;
}

/** Buffers in which a combined row lies: columns that differ by the step have one of their own, where that is a step of two. */
export function phasesOf({ step, adjoint }: RowFilter): 1 | 2 {
  return !adjoint && step === 2 ? 2 : 1;
}

/** For the adjoint: for each of `step` neighbouring columns the taps that reach it, and how many outputs behind the first each reads. */
export function adjointTaps(
  { profile, step, padding }: RowFilter,
): { readonly shift: number; readonly weight: number }[][] {
  return Array.from({ length: step }, (_, column) => {
    const phase = (column + padding) % step, first = Math.floor((column + padding) / step);
    return profile.flatMap((weight, tap) =>
      tap % step === phase ? [{ shift: first - (tap - phase) / step, weight }] : []
    );
  });
}

/** The export `filter(parameters, begin, end, scratch)` filters planes. */
export function buildSeparableModule(
  dtype: FloatDType,
  fused: boolean,
  shared: boolean,
  filter: RowFilter,
): Uint8Array {
  const e = element(dtype, fused), module = new ModuleBuilder({ shared });
  const f = module.function(["i32", "i32", "i32", "i32"], [], "filter");
  const [parameters, begin, end, scratch] = f.params;
  const word = (name: keyof typeof WORD): FunctionBuilder => f.get(parameters).mem("i32.load", 4 * WORD[name]);
  const read = (name: keyof typeof WORD): Local => {
    const local = f.local("i32");
    word(name).set(local);
    return local;
  };
  const inScratch = (name: keyof typeof WORD): Local => {
    const local = f.local("i32");
    word(name).get(scratch).op("i32.add").set(local);
    return local;
  };
  const rows = read("rows"), slices = read("slices");
  const [plane, slice, row, source, target, from, entry] = f.locals("i32", 7);
  const last = f.local("i32");
  word("target").get(end);
  word("targetPlane").op("i32.mul").op("i32.add").set(last);
  const pass = new RowPass(f, e, filter, { read, inScratch }, last);
  clearVectors(f, () => f.get(scratch), () => word("clear"));
  f.get(begin).set(plane);
  forEach(f, plane, end, 1, () => {
    word("source").get(plane);
    word("sourcePlane").op("i32.mul").op("i32.add").set(source);
    word("target").get(plane);
    word("targetPlane").op("i32.mul").op("i32.add").set(target);
    assign(f, slice, 0);
    forEach(f, slice, slices, 1, () => {
      if (filter.sliceTaps === 0) f.get(source).set(from);
      else {
        word("sliceTable").get(slice).i32(4 * ENTRY_WORDS * filter.sliceTaps).op("i32.mul").op("i32.add").set(entry);
        word("slice").get(scratch).op("i32.add").set(from);
        combineSlices(f, e, filter.sliceTaps, entry, source, from, () => word("sourceSlice"));
      }
      word("rowTable").set(entry);
      assign(f, row, 0);
      forEach(f, row, rows, 1, () => {
        pass.combine(entry, from, scratch);
        if (filter.adjoint) pass.adjoint(target);
        else pass.forward(target);
        f.add(entry, 4 * ENTRY_WORDS * filter.rowTaps);
        f.get(target);
        word("targetRow").op("i32.add").set(target);
      });
    });
  });
  return module.toBytes();
}

/** `to` = Σ weight · slice over the entries of a slice. */
function combineSlices(
  f: FunctionBuilder,
  e: Element,
  taps: number,
  entry: Local,
  source: Local,
  to: Local,
  pushBytes: () => void,
): void {
  const [tap, taken, at, end, from] = f.locals("i32", 5), [weight, value] = f.locals("v128", 2);
  const limit = f.local("i32");
  clearVectors(f, () => f.get(to), pushBytes);
  assign(f, tap, 0);
  assign(f, limit, taps);
  f.get(entry).set(taken);
  forEach(f, tap, limit, 1, () => {
    f.get(taken).mem("i32.load").i32(0).op("i32.ge_s");
    f.if(() => {
      f.get(source).get(taken).mem("i32.load").op("i32.add").set(from);
      f.get(taken).mem(e.loadSplat, 8).set(weight);
      f.get(to).tee(at);
      pushBytes();
      f.op("i32.add").set(end);
      forAddresses(f, at, end, 16, () => {
        f.get(at).mem("v128.load").set(value);
        const loaded = f.local("v128");
        f.get(from).mem("v128.load").set(loaded);
        multiplyAdd(f, e, value, loaded, weight);
        f.release(loaded);
        f.get(at).get(value).mem("v128.store").add(from, 16);
      });
    });
    f.add(taken, 4 * ENTRY_WORDS);
  });
  f.release(tap, taken, at, end, from, weight, value, limit);
}

/** What reads the parameter block. */
interface Reader {
  readonly read: (name: keyof typeof WORD) => Local;
  readonly inScratch: (name: keyof typeof WORD) => Local;
}

/** The work on one row of the target. */
class RowPass {
  readonly #f: FunctionBuilder;
  readonly #e: Element;
  readonly #filter: RowFilter;
  readonly #sourceWidth: Local;
  readonly #targetWidth: Local;
  /** Where columns go: all, or those of even number, and those of odd number. */
  readonly #even: Local;
  readonly #odd: Local;
  readonly #evenEnd: Local;
  readonly #oddEnd: Local;
  readonly #read: Local;
  readonly #bufferStep: Local;
  /** The end of all rows. */
  readonly #end: Local;

  constructor(f: FunctionBuilder, e: Element, filter: RowFilter, { read, inScratch }: Reader, end: Local) {
    this.#end = end;
    this.#f = f;
    this.#e = e;
    this.#filter = filter;
    this.#sourceWidth = read("sourceWidth");
    this.#targetWidth = read("targetWidth");
    this.#even = inScratch("even");
    this.#odd = inScratch("odd");
    this.#evenEnd = inScratch("evenEnd");
    this.#oddEnd = inScratch("oddEnd");
    this.#read = inScratch("read");
    this.#bufferStep = read("bufferStep");
  }

  /** Adds up the rows of a table's entries in the buffers, zeros behind them. The zero row lies at the start of the scratch memory. */
  combine(entry: Local, source: Local, scratch: Local): void {
    const f = this.#f, e = this.#e, { rowTaps } = this.#filter, phases = phasesOf(this.#filter);
    const from = f.locals("i32", rowTaps), weights = f.locals("v128", rowTaps), sums = f.locals("v128", phases);
    const [count, even, odd] = f.locals("i32", 3), loaded = f.local("v128");
    const zero = f.constant(new Uint8Array(16));
    from.forEach((local, i) => {
      const at = 4 * ENTRY_WORDS * i;
      f.get(source).get(entry).mem("i32.load", at).op("i32.add").get(scratch);
      f.get(entry).mem("i32.load", at).i32(0).op("i32.ge_s").op("select").set(local);
      f.get(entry).mem(e.loadSplat, at + 8).set(weights[i]);
    });
    f.get(this.#even).set(even);
    if (phases === 2) f.get(this.#odd).set(odd);
    assign(f, count, 0);
    forEach(f, count, this.#sourceWidth, e.lanes * phases, () => {
      sums.forEach((sum, part) =>
        from.forEach((local, i) => {
          f.get(local).mem("v128.load", 16 * part);
          if (i === 0) f.get(weights[i]).op(e.mul).set(sum);
          else {
            f.set(loaded);
            multiplyAdd(f, e, sum, loaded, weights[i]);
          }
        })
      );
      if (phases === 1) f.get(even).get(sums[0]).mem("v128.store");
      else {
        for (const [to, lane] of [[even, 0], [odd, 1]] as const) {
          f.get(to).get(sums[0]).get(sums[1]);
          if (e.lanes === 4) f.shuffle32(lane, lane + 2, lane + 4, lane + 6);
          else f.shuffle64(lane, lane + 2);
          f.mem("v128.store");
        }
        f.add(odd, 16);
      }
      f.add(even, 16);
      for (const local of from) f.add(local, 16 * phases);
    });
    f.get(this.#evenEnd).get(zero).mem("v128.store");
    if (phases === 2) f.get(this.#oddEnd).get(zero).mem("v128.store");
    f.release(...from, ...weights, ...sums, count, even, odd, loaded);
  }

  /** Outputs from the combined row. */
  forward(target: Local): void {
    const f = this.#f, e = this.#e, { profile, step } = this.#filter, phases = phasesOf(this.#filter);
    const [at, to, column, other] = f.locals("i32", 4), [sum, loaded] = f.locals("v128", 2);
    const lanes = step <= 2 ? e.lanes : 1;
    f.get(this.#read).set(at);
    f.get(target).set(to);
    assign(f, column, 0);
    forEach(f, column, this.#targetWidth, lanes, () => {
      if (phases === 2) f.get(at).get(this.#bufferStep).op("i32.add").set(other);
      profile.forEach((weight, tap) => {
        f.get(tap % phases === 1 ? other : at);
        f.mem(lanes === 1 ? e.loadSplat : "v128.load", Math.floor(tap / phases) * e.bytes);
        const factor = vectorConstant(f, e, weight);
        if (tap === 0) f.get(factor).op(e.mul).set(sum);
        else {
          f.set(loaded);
          multiplyAdd(f, e, sum, loaded, factor);
        }
      });
      this.#store(to, column, [sum], 1);
      f.add(at, e.bytes * (lanes === 1 ? step : lanes)).add(to, e.bytes * lanes);
    });
    f.release(at, to, column, other, sum, loaded);
  }

  /** Inputs from the combined row of outputs. */
  adjoint(target: Local): void {
    const f = this.#f, e = this.#e, { step } = this.#filter, columns = adjointTaps(this.#filter);
    const least = leastShift(columns);
    const [at, to, column] = f.locals("i32", 3), sums = f.locals("v128", step), loaded = f.local("v128");
    f.get(this.#read).set(at);
    f.get(target).set(to);
    assign(f, column, 0);
    forEach(f, column, this.#targetWidth, e.lanes * step, () => {
      columns.forEach((taps, i) => {
        if (taps.length === 0) f.get(f.constant(new Uint8Array(16))).set(sums[i]);
        taps.forEach(({ shift, weight }, tap) => {
          f.get(at).mem("v128.load", (shift - least) * e.bytes);
          const factor = vectorConstant(f, e, weight);
          if (tap === 0) f.get(factor).op(e.mul).set(sums[i]);
          else {
            f.set(loaded);
            multiplyAdd(f, e, sums[i], loaded, factor);
          }
        });
      });
      this.#store(to, column, sums, step);
      f.add(at, 16).add(to, 16 * step);
    });
    f.release(at, to, column, ...sums, loaded);
  }

  /**
   * Stores vectors whose elements alternate: lane l of vector i is element l · step + i. What reaches into the next row is written again with
   * that; only behind the last row nothing may be written.
   */
  #store(to: Local, column: Local, vectors: readonly Local[], step: number): void {
    const f = this.#f, e = this.#e, { lanes } = e, alone = this.#filter.step > 2 && !this.#filter.adjoint;
    const storeLane = e.dtype === "float32" ? "v128.store32_lane" : "v128.store64_lane";
    if (alone) {
      f.get(to).get(vectors[0]).memLane(storeLane, 0);
      return;
    }
    const storeAt = (i: number): void =>
      void f.get(to).get(vectors[i % step]).memLane(storeLane, Math.floor(i / step), i * e.bytes);
    f.get(this.#end).get(to).op("i32.sub").i32(16 * step).op("i32.ge_u");
    f.if(() => {
      if (step === 1) f.get(to).get(vectors[0]).mem("v128.store");
      else if (step === 2) {
        for (const half of [0, 1]) {
          f.get(to).get(vectors[0]).get(vectors[1]);
          if (lanes === 4) f.shuffle32(2 * half, 4 + 2 * half, 2 * half + 1, 5 + 2 * half);
          else f.shuffle64(half, 2 + half);
          f.mem("v128.store", 16 * half);
        }
      } else for (let i = 0; i < lanes * step; i++) storeAt(i);
    }, () => {
      const rest = f.local("i32");
      f.get(this.#targetWidth).get(column).op("i32.sub").set(rest);
      for (let i = 0; i < lanes * step; i++) f.get(rest).i32(i).op("i32.gt_s").if(() => storeAt(i));
      f.release(rest);
    });
  }
}

/** The first output that a block of columns reads, from the number of the block. */
export function leastShift(columns: readonly (readonly { readonly shift: number }[])[]): number {
  return Math.min(0, ...columns.flat().map(({ shift }) => shift));
}
