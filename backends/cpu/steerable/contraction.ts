/**
 * The kernel that makes planes from planes: each a short sum of multiples of others, as a table says. It contracts harmonics
 * with Clebsch-Gordan coefficients, and with the transposed table sends gradients back.
 */

import type { FloatDType } from "../../../src/tensor/dtype.ts";
import { assign, type Element, forAddresses, forEach, multiplyAdd } from "../gemm/element.ts";
import type { FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";

/** Terms that are summed at once; longer sums are continued. */
const TERMS = 6;

/** Where a plane lies: at the base of a slot, some bytes on. */
export interface PlaneAddress {
  /** The slot. */
  readonly slot: number;
  /** Bytes from its base. */
  readonly offset: number;
}

/** A plane that is a sum of multiples of others; zero where there are none. */
export interface PlaneSum {
  /** The plane. */
  readonly target: PlaneAddress;
  /** What it is made of. */
  readonly terms: readonly (PlaneAddress & { readonly factor: number })[];
}

/** The words of a table: its number of entries, two zeros of padding each; entries of a head and their terms, four words each. */
export function contractionWords(sums: readonly PlaneSum[], dtype: FloatDType): Int32Array {
  const words: number[] = [];
  let entries = 0;
  const factorWords = (factor: number): readonly number[] =>
    dtype === "float32"
      ? [new Int32Array(Float32Array.of(factor).buffer)[0], 0]
      : [...new Int32Array(Float64Array.of(factor).buffer)];
  for (const { target, terms } of sums) {
    for (let first = 0; first < Math.max(1, terms.length); first += TERMS) {
      const part = terms.slice(first, first + TERMS);
      entries++;
      words.push(target.slot, target.offset, part.length, first === 0 ? 0 : 1);
      for (const { slot, offset, factor } of part) words.push(slot, offset, ...factorWords(factor));
    }
  }
  return Int32Array.from([entries, 0, 0, 0, ...words]);
}

/** Adds `contract(table, bases, base, bytes)`: slot s begins at `base + bases[s]`, planes have `bytes`, a multiple of 32. */
export function emitContraction(module: ModuleBuilder, e: Element): FunctionBuilder {
  const f = module.function(["i32", "i32", "i32", "i32"], []);
  const [table, bases, base, bytes] = f.params;
  const [entries, entry, at, end, count] = f.locals("i32", 5);
  const sources = f.locals("i32", TERMS), factors = f.locals("v128", TERMS);
  const [first, second, load] = f.locals("v128", 3);
  /** Pushes the address that two words name. */
  const address = (word: number) => {
    f.get(base).get(entry).mem("i32.load", 4 * word + 4).op("i32.add");
    f.get(bases).get(entry).mem("i32.load", 4 * word).i32(2).op("i32.shl").op("i32.add").mem("i32.load").op("i32.add");
  };
  f.get(table).mem("i32.load").set(entries);
  f.get(table).i32(16).op("i32.add").set(entry);
  const index = f.local("i32");
  assign(f, index, 0);
  forEach(f, index, entries, 1, () => {
    address(0);
    f.tee(at).get(bytes).op("i32.add").set(end);
    f.get(entry).mem("i32.load", 8).set(count);
    for (let n = 0; n <= TERMS; n++) {
      f.get(count).i32(n).op("i32.eq");
      f.if(() => {
        for (let i = 0; i < n; i++) {
          address(4 + 4 * i);
          f.set(sources[i]);
          f.get(entry).mem(e.loadSplat, 4 * (6 + 4 * i)).set(factors[i]);
        }
        const loop = (add: boolean) =>
          forAddresses(f, at, end, 32, () => {
            [first, second].forEach((sum, half) => {
              let empty = !add;
              if (add) f.get(at).mem("v128.load", 16 * half).set(sum);
              for (let i = 0; i < n; i++) {
                f.get(sources[i]).mem("v128.load", 16 * half).set(load);
                if (empty) f.get(load).get(factors[i]).op(e.mul).set(sum);
                else multiplyAdd(f, e, sum, load, factors[i]);
                empty = false;
              }
              f.get(at).get(empty ? f.constant(new Uint8Array(16)) : sum).mem("v128.store", 16 * half);
            });
            for (let i = 0; i < n; i++) f.add(sources[i], 32);
          });
        f.get(entry).mem("i32.load", 12);
        f.if(() => loop(true), () => loop(false));
      });
    }
    f.get(entry).get(count).i32(16).op("i32.mul").op("i32.add").i32(16).op("i32.add").set(entry);
  });
  return f;
}
