/**
 * Kernels that nearly every program needs, compiled ahead of time: writing a module takes a cold process up to two milliseconds for each
 * kilobyte, reading it from `stored_kernels.js` a fraction of that. A stored module is found under a digest of everything that its text
 * depends on, and is what `build` would have made: `tests/backends/cpu/kernel_store_test.ts` builds each of them again.
 */

import type { Expr } from "../../src/tensor/expr.ts";
import { operandsOf, topologicalOrder } from "../../src/tensor/expr.ts";
import type { CpuFeatures } from "./context.ts";
import { STORED_KERNELS } from "./stored_kernels.js";

/** Hears of every module that is built. */
export type ModuleListener = (key: string, module: Uint8Array) => void;

/** Options of a {@linkcode KernelStore}. */
export interface KernelStoreOptions {
  /** Whether modules are shared with threads: only such are stored. */
  readonly shared: boolean;
  /** The engine: only modules with relaxed SIMD are stored. */
  readonly features: CpuFeatures;
  /** Called with each module that is asked for; nothing is taken from the store then. */
  readonly onModule?: ModuleListener;
}

/** Gives the binaries of modules. */
export class KernelStore {
  readonly #stored: Readonly<Record<string, string>>;
  readonly #onModule: ModuleListener | undefined;

  /** The store for a kind of memory and an engine. */
  constructor({ shared, features, onModule }: KernelStoreOptions) {
    this.#stored = shared && features.relaxedSimd && onModule === undefined ? STORED_KERNELS : {};
    this.#onModule = onModule;
  }

  /**
   * A module's binary.
   *
   * @param what Which kernel it is and everything else that its text depends on beside the kind of memory and the engine.
   * @param expressions Expressions that it computes.
   * @param build Makes it.
   */
  module(what: string, expressions: readonly Expr[], build: () => Uint8Array): Uint8Array {
    const key = digest(`${what}|${structureOf(expressions)}`);
    const stored = this.#stored[key];
    if (stored !== undefined) return fromBase64(stored);
    const module = build();
    this.#onModule?.(key, module);
    return module;
  }
}

/** Expressions as text that is the same in every process, unlike their keys; common subtrees are written once. */
function structureOf(expressions: readonly Expr[]): string {
  const numbers = new Map<Expr, number>();
  let text = "";
  for (const node of topologicalOrder(expressions)) {
    numbers.set(node, numbers.size);
    text += `${node.kind} ${node.dtype} ${parameterOf(node)}`;
    for (const operand of operandsOf(node)) text += ` ${numbers.get(operand)}`;
    text += ";";
  }
  for (const root of expressions) text += ` ${numbers.get(root)}`;
  return text;
}

/** What a node is beside its kind, type and operands. */
function parameterOf(node: Expr): string | number {
  switch (node.kind) {
    case "input":
    case "scalar":
      return node.index;
    case "constant":
      return Object.is(node.value, -0) ? "-0" : node.value;
    case "index":
      return node.axis;
    case "random":
      return `${node.distribution} ${node.word}`;
    case "cast":
    case "select":
      return "";
    default:
      return node.op;
  }
}

/** 64 bits of a text, as two 32-bit hashes (FNV-1a with two offsets and primes) in base 36. */
function digest(text: string): string {
  let a = 0x811c9dc5, b = 0x9747b28c;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x85ebca6b);
    b ^= b >>> 15;
  }
  return (a >>> 0).toString(36) + (b >>> 0).toString(36).padStart(7, "0");
}

/** Engines from 2025 on have it; `atob` is slower, and Deno loads it when it is first used. */
const decode = (Uint8Array as { fromBase64?: (text: string) => Uint8Array }).fromBase64;

function fromBase64(text: string): Uint8Array {
  if (decode !== undefined) return decode(text);
  const binary = atob(text), bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
