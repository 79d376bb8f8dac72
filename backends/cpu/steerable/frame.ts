/**
 * What the kernels of convolutions by a plan know: the words of their parameter and tile blocks, and small emitters that they
 * share. Sizes are read at run time, so that one module serves all image sizes; filters and functions are compiled in.
 */

import type { FunctionBuilder, Local } from "../wasm/assembler.ts";
import type { Element } from "../gemm/element.ts";
import type { Fold } from "./parity.ts";

/** int32 words of the parameter block of a geometry. Offsets and strides are in bytes. */
export const PARAMETER = {
  depth: 0,
  height: 1,
  width: 2,
  padZ: 3,
  padY: 4,
  padX: 5,
  strideZ: 6,
  strideY: 7,
  strideX: 8,
  /** Columns of the output. */
  outWidth: 9,
  /** Vectors of a row of the output. */
  vectors: 10,
  /** From one plane to the next. */
  plane: 11,
  /** Of a row of the input. */
  rowBytes: 12,
  /** Of a depth position of the input. */
  sliceBytes: 13,
  /** Of a channel of the input. */
  channelBytes: 14,
  /** Elements of a row's last vector. */
  lastLanes: 15,
  /** Where the planes of functions begin, from the thread's base. */
  functionPlanes: 16,
  /** Where the scratch memory begins, from the thread's base. */
  scratch: 17,
} as const;

/** int32 words of a parameter block. */
export const PARAMETER_WORDS = 20;

/** int32 words of a tile: its first output positions and its numbers of them, and rows of input that it meets. */
export const TILE = { z: 0, depth: 1, y: 2, height: 3, rowsZ: 4, rowsY: 5 } as const;

/** int32 words of a tile block. */
export const TILE_WORDS = 8;

/** int32 words of a unit: channels, byte offset of the first, tables of the contraction and its adjoint, list of bases, direct. */
export const UNIT = { size: 0, channel: 1, contraction: 2, adjoint: 3, bases: 4, direct: 5 } as const;

/** int32 words of a unit block. */
export const UNIT_WORDS = 8;

/** Loads words of a block into new locals. */
export function loadWords<Name extends string>(
  f: FunctionBuilder,
  pointer: Local,
  words: { readonly [name in Name]: number },
  names: readonly Name[],
): { [name in Name]: Local } {
  const locals: { [name in Name]?: Local } = {};
  for (const name of names) {
    const local = f.local("i32");
    f.get(pointer).mem("i32.load", 4 * words[name]).set(local);
    locals[name] = local;
  }
  return locals as { [name in Name]: Local };
}

/** `target = a · b` for i32 locals. */
export function multiply(f: FunctionBuilder, target: Local, a: Local, b: Local): void {
  f.get(a).get(b).op("i32.mul").set(target);
}

/** A constant in all lanes. */
export function vectorConstant(f: FunctionBuilder, e: Element, value: number): Local {
  const bytes = e.dtype === "float32"
    ? new Uint8Array(new Float32Array(4).fill(value).buffer)
    : new Uint8Array(new Float64Array(2).fill(value).buffer);
  return f.constant(bytes);
}

/** The instruction that subtracts vectors. */
export function subtract(e: Element): "f32x4.sub" | "f64x2.sub" {
  return e.dtype === "float32" ? "f32x4.sub" : "f64x2.sub";
}

/** Vector locals that are given back together. */
export class Temporaries {
  readonly #f: FunctionBuilder;
  readonly #made: Local[] = [];

  /** Of a function. */
  constructor(f: FunctionBuilder) {
    this.#f = f;
  }

  /** One more. */
  make(): Local {
    const local = this.#f.local("v128");
    this.#made.push(local);
    return local;
  }

  /** Gives all back. */
  release(): void {
    this.#f.release(...this.#made.splice(0));
  }
}

/** Locals with the folds of taps that lie in locals. */
export function foldLocals(
  f: FunctionBuilder,
  e: Element,
  folds: readonly Fold[],
  taps: readonly Local[],
  temporaries: Temporaries,
): Local[] {
  return folds.map((fold) => {
    if (fold.kind === "tap") return taps[fold.tap];
    const result = temporaries.make();
    f.get(taps[fold.high]).get(taps[fold.low]).op(fold.kind === "sum" ? e.add : subtract(e)).set(result);
    return result;
  });
}

/** The adjoint of {@linkcode foldLocals}: values of taps from those of folds, absent where they are 0. */
export function unfoldLocals(
  f: FunctionBuilder,
  e: Element,
  folds: readonly Fold[],
  values: readonly (Local | undefined)[],
  temporaries: Temporaries,
): (Local | undefined)[] {
  const taps: (Local | undefined)[] = folds.map(() => undefined);
  folds.forEach((fold, i) => {
    const value = values[i];
    if (value === undefined) return;
    if (fold.kind === "tap") {
      taps[fold.tap] = value;
      return;
    }
    for (const tap of [fold.low, fold.high]) {
      const minus = fold.kind === "difference" && tap === fold.low;
      const present = taps[tap], result = temporaries.make();
      if (present !== undefined) f.get(present).get(value).op(minus ? subtract(e) : e.add).set(result);
      else if (minus) f.get(value).op(e.dtype === "float32" ? "f32x4.neg" : "f64x2.neg").set(result);
      else f.get(value).set(result);
      taps[tap] = result;
    }
  });
  return taps;
}
