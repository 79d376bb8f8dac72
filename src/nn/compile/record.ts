/**
 * Records what a network asks of its backend in one forward pass. For the time of the pass the backend object's methods are replaced by
 * ones that do the work and note it; what depends on the network's state alone is done once and kept as constants.
 */

import type { Backend, DeviceBuffer, View } from "../../tensor/backend.ts";
import { BYTES_PER_ELEMENT, type TypedArray } from "../../tensor/dtype.ts";
import { elementCount } from "../../tensor/layout.ts";
import { type Expr, topologicalOrder } from "../../tensor/expr.ts";
import { CompileError } from "../errors.ts";
import {
  accumulates,
  bufferOf,
  isOperation,
  isWhole,
  type Operation,
  type OperationCalls,
  PlanBuffer,
  readsOf,
  replaceViews,
  type Step,
  viewIn,
  writesOf,
} from "./program.ts";

/** What a pass did. */
export interface Recording {
  /** The calls that depend on the input. */
  readonly steps: readonly Step[];
  /** Where the input lies. */
  readonly input: PlanBuffer;
  /** Where the result lies. */
  readonly output: View;
}

/** Methods of a backend that compute nothing. */
const HOUSEKEEPING: readonly string[] = ["constructor", "synchronize", "memory", "info", "dispose"];

/** A piece of the backend's memory while a pass is recorded. */
interface Memory {
  /** What it holds; `undefined` before anything was written. */
  buffer: PlanBuffer | undefined;
  /** Whether it was there before. */
  readonly external: boolean;
  /** Whether its owner has given it back. */
  freed: boolean;
}

/** Something that notes the calls of a backend. */
export class Recorder {
  readonly #backend: Backend;
  readonly #original: {
    readonly free: Backend["free"];
    readonly allocate: Backend["allocate"];
    readonly copy: Backend["copy"];
  };
  readonly #memory = new Map<DeviceBuffer, Memory>();
  readonly #input: PlanBuffer;
  readonly #where: () => string;
  readonly #steps: Step[] = [];
  /** Constants that steps read. */
  readonly #used = new Set<PlanBuffer>();
  /** Memory that belongs to the recorder: of constants that were overwritten. */
  readonly #owned = new Set<DeviceBuffer>();
  #depth = 0;

  /**
   * For one pass.
   *
   * @param backend Whose calls are recorded.
   * @param input The memory of the network's input.
   * @param where The dotted name of the module that runs.
   */
  constructor(backend: Backend, input: DeviceBuffer, where: () => string) {
    this.#backend = backend;
    this.#where = where;
    this.#input = new PlanBuffer(input.bytes, "input");
    this.#memory.set(input, { buffer: this.#input, external: true, freed: false });
    this.#original = {
      free: backend.free.bind(backend),
      allocate: backend.allocate.bind(backend),
      copy: backend.copy.bind(backend),
    };
  }

  /**
   * Runs `pass`, which says what its result is while that still lives, and records it.
   *
   * @throws CompileError for what cannot be run again without the network; what `pass` throws.
   */
  record(pass: (finish: (result: View) => void) => void): Recording {
    const restore = this.#install();
    let output: View | undefined;
    let complete = false;
    try {
      pass((result) => output = viewIn(this.#bufferAt(result.buffer), result));
      complete = output !== undefined;
    } finally {
      restore();
      if (!complete) this.#release(new Set());
    }
    this.#ownConstants(output!);
    return { steps: this.#steps, input: this.#input, output: output! };
  }

  /** Replaces the backend's methods; the result puts them back. */
  #install(): () => void {
    const backend = this.#backend, undo: (() => void)[] = [];
    const restore = (): void => undo.forEach((put) => put());
    try {
      for (const name of methodsOf(backend)) {
        const method: unknown = Reflect.get(backend, name);
        if (typeof method !== "function" || HOUSEKEEPING.includes(name)) continue;
        const replaced = this.#replacement(name, (...args) => Reflect.apply(method, backend, args));
        const before = Object.getOwnPropertyDescriptor(backend, name);
        Object.defineProperty(backend, name, { value: replaced, configurable: true, writable: true });
        undo.push(() => {
          if (before === undefined) Reflect.deleteProperty(backend, name);
          else Object.defineProperty(backend, name, before);
        });
      }
    } catch (error) {
      restore();
      if (!(error instanceof TypeError)) throw error;
      throw new CompileError({
        op: "compile",
        expected: "a backend whose methods can be watched",
        actual: `${backend.name}, a frozen object`,
      });
    }
    return restore;
  }

  #replacement(name: string, method: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
    // Calls that a backend makes of itself are part of the call around them.
    const inner = (...args: unknown[]): unknown => {
      this.#depth++;
      try {
        return method(...args);
      } finally {
        this.#depth--;
      }
    };
    const outer = (work: (...args: never[]) => unknown) => (...args: unknown[]): unknown =>
      this.#depth > 0 ? method(...args) : Reflect.apply(work, undefined, args);
    switch (name) {
      case "allocate":
        return outer((bytes: number) => {
          const made = inner(bytes) as DeviceBuffer;
          this.#memory.set(made, { buffer: undefined, external: false, freed: false });
          return made;
        });
      case "free":
        return outer((buffer: DeviceBuffer) => this.#free(buffer, () => inner(buffer)));
      case "write":
        return outer((target: View, data: TypedArray) => this.#write(target, () => inner(target, data)));
      case "read":
      case "readSync":
        return outer((source: View) => {
          this.#refuseRead(source);
          return inner(source);
        });
      case "copy":
        return outer((source: View, target: View) =>
          this.#call("copy", { source, target }, () => inner(source, target))
        );
      default:
        if (isOperation(name)) {
          return outer((call: OperationCalls[typeof name]) => this.#call(name, call, () => inner(call)));
        }
        return outer(() => {
          throw this.#error("operations that a compiled network can run", `${name}, which compile does not know`);
        });
    }
  }

  #error(expected: string, actual: string, hint?: string): CompileError {
    return new CompileError({ op: `compile, module ${this.#where()}`, expected, actual, hint });
  }

  /** What a piece of memory holds. Memory that nobody announced was there before and is constant. */
  #at(memory: DeviceBuffer): Memory {
    let found = this.#memory.get(memory);
    if (found === undefined) {
      const buffer = new PlanBuffer(memory.bytes, "constant");
      buffer.contents = memory;
      this.#memory.set(memory, found = { buffer, external: true, freed: false });
    }
    return found;
  }

  #bufferAt(memory: DeviceBuffer): PlanBuffer {
    const found = this.#at(memory);
    return found.buffer ??= new PlanBuffer(memory.bytes, "planned");
  }

  #free(memory: DeviceBuffer, free: () => void): void {
    const found = this.#memory.get(memory);
    if (found === undefined || found.external) throw this.#error("state that stays as it is", "state that is freed");
    found.freed = true;
    // Constants may be needed by the steps.
    if (found.buffer?.role === "constant") return;
    this.#memory.delete(memory);
    free();
  }

  #refuseRead(source: View): void {
    const found = this.#memory.get(source.buffer);
    if (found?.buffer === undefined || found.buffer.role === "constant") return;
    throw this.#error(
      "a forward pass on the backend alone",
      "one that reads numbers which depend on the input",
      "What it does then cannot be planned ahead: run the module as it is",
    );
  }

  #write(target: View, write: () => void): void {
    const found = this.#at(target.buffer);
    if (found.external) throw this.#changesState();
    if (found.buffer === undefined || isWhole(target)) {
      this.#becomeConstant(target.buffer, found);
      write();
      return;
    }
    if (found.buffer.role === "constant") {
      this.#becomeConstant(target.buffer, found, true);
      write();
      return;
    }
    throw this.#error("results that are computed on the backend", "numbers of the host written into a part of one");
  }

  #changesState(): CompileError {
    return this.#error(
      "a network that leaves its state as it is",
      "a change of a parameter or buffer during the forward pass in eval mode",
    );
  }

  /** A piece of memory gets numbers that do not depend on the input; `keep` where the rest of it stays. */
  #becomeConstant(memory: DeviceBuffer, found: Memory, keep = false): void {
    const before = found.buffer;
    if (keep && before?.role === "constant" && !this.#used.has(before)) return;
    if (before?.role === "constant" && this.#used.has(before)) this.#saveContents(before);
    found.buffer = new PlanBuffer(memory.bytes, "constant");
    found.buffer.contents = memory;
  }

  /** Moves a constant to memory of its own. */
  #saveContents(constant: PlanBuffer): void {
    const { allocate } = this.#original, made = this.#quietly(() => allocate(constant.bytes));
    this.#owned.add(made);
    this.#quietly(() => copyBytes(this.#original.copy, constant.contents!, { buffer: made, start: 0 }));
    constant.contents = made;
  }

  #quietly<R>(work: () => R): R {
    this.#depth++;
    try {
      return work();
    } finally {
      this.#depth--;
    }
  }

  #call<O extends Operation>(op: O, call: OperationCalls[O], run: () => void): void {
    const reads = readsOf(op, call), writes = writesOf(op, call);
    for (const view of writes) if (this.#at(view.buffer).external) throw this.#changesState();
    const { expressions } = call as { readonly expressions?: readonly Expr[] };
    if (expressions !== undefined && topologicalOrder(expressions).some(({ kind }) => kind === "random")) {
      throw this.#error("a forward pass without random numbers in eval mode", `${op} with random numbers`);
    }
    const whole = writes.map((view) => isWhole(view) && !accumulates(op, call));
    const dynamic = reads.some((view) => this.#bufferAt(view.buffer).role !== "constant") ||
      writes.some((view, i) => !whole[i] && this.#at(view.buffer).buffer?.role === "planned");
    if (!dynamic) {
      writes.forEach((view, i) => this.#becomeConstant(view.buffer, this.#at(view.buffer), !whole[i]));
      run();
      return;
    }
    const source = new Map(reads.map((view) => [view.buffer, this.#bufferAt(view.buffer)]));
    writes.forEach((view, i) => this.#becomePlanned(view.buffer, this.#at(view.buffer), whole[i]));
    const noted = replaceViews(op, call, (view, written) => {
      const buffer = written ? this.#bufferAt(view.buffer) : source.get(view.buffer)!;
      if (buffer.role === "constant") this.#used.add(buffer);
      return viewIn(buffer, view);
    });
    this.#steps.push({ op, call: noted, modules: [this.#where()] } as Step);
    run();
  }

  /** A piece of memory gets results of a run. */
  #becomePlanned(memory: DeviceBuffer, found: Memory, whole: boolean): void {
    const before = found.buffer;
    if (before?.role === "planned" && !whole) return;
    found.buffer = new PlanBuffer(memory.bytes, "planned");
    if (before?.role !== "constant") return;
    if (!whole) {
      // A part is overwritten: every run starts from what was there.
      this.#used.add(before);
      const view = flatView(before);
      this.#steps.push({
        op: "copy",
        call: { source: view, target: viewIn(found.buffer, view) },
        modules: [this.#where()],
      });
    }
    if (this.#used.has(before)) this.#saveContents(before);
  }

  /** Gives all constants that are needed memory of their own, so that the network may change or go. */
  #ownConstants(output: View): void {
    if (bufferOf(output).role === "constant") this.#used.add(bufferOf(output));
    const holders = new Map([...this.#memory].map(([memory, { buffer, freed }]) => [buffer, { memory, freed }]));
    for (const constant of this.#used) if (holders.get(constant)?.freed === false) this.#saveContents(constant);
    this.#release(new Set([...this.#used].map(({ contents }) => contents)));
  }

  /** Frees what was left to the recorder, but for these. */
  #release(kept: ReadonlySet<DeviceBuffer | undefined>): void {
    for (const [memory, { freed }] of this.#memory) if (freed && !kept.has(memory)) this.#original.free(memory);
    for (const memory of this.#owned) if (!kept.has(memory)) this.#original.free(memory);
  }
}

/** All memory of a buffer as a row of the widest elements that fit. */
function flatView(buffer: DeviceBuffer): View {
  const dtype = buffer.bytes % 4 === 0 ? "int32" : "bool";
  return { buffer, dtype, shape: [buffer.bytes / BYTES_PER_ELEMENT[dtype]], strides: [1], offset: 0 };
}

/** Copies all bytes of one piece of memory to another, or into a part of it that begins at byte `start`. */
export function copyBytes(
  copy: Backend["copy"],
  source: DeviceBuffer,
  target: { readonly buffer: DeviceBuffer; readonly start: number },
): void {
  const from = flatView(source), offset = target.start / BYTES_PER_ELEMENT[from.dtype];
  if (elementCount(from.shape) > 0) copy(from, { ...from, buffer: target.buffer, offset });
}

/** The names of the functions of an object and its prototypes. */
function methodsOf(object: object): Set<string> {
  const names = new Set<string>();
  for (let at: object | null = object; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (typeof value === "function") names.add(name);
    }
  }
  return names;
}
