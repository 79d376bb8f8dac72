/**
 * What is current while code runs: the innermost scope and whether operations are recorded. It follows asynchronous
 * continuations where the runtime can track them (`AsyncLocalStorage`), so that concurrent steps do not mix.
 */

import { type ContextStorage, runtime, ScopeOrderError } from "../runtime/mod.ts";
import type { ReducedPrecision } from "./backend.ts";
import { ScopeError } from "./errors.ts";

/** Something that owns disposable things made while it is current. */
export interface Owner {
  /** Whether it has ended; an ended owner passes new things on to its parent. */
  readonly ended: boolean;
  /** The owner around it. */
  readonly parent: Owner | undefined;
  /** Takes a thing in. */
  add(owned: Owned): void;
  /** Lets a thing go without disposing it. */
  remove(owned: Owned): void;
}

/** Something that an owner disposes at its end. */
export interface Owned {
  /** Who disposes it, if anyone. */
  owner: Owner | undefined;
  /** Gives up what it holds. */
  dispose(): void;
}

/** The current state. */
export interface Context {
  /** The innermost owner. */
  readonly owner: Owner | undefined;
  /** Whether operations are recorded for differentiation. */
  readonly gradEnabled: boolean;
  /** To what factors of products may be rounded; `undefined` where they may not. */
  readonly precision?: ReducedPrecision | undefined;
}

const outside: Context = { owner: undefined, gradEnabled: true };
// Made at its first use: a program that opens no scope need not wait for the runtime to set it up.
let storage: ContextStorage<Context> | undefined;
let synchronous: Context | undefined;

/** The current state. */
export function currentContext(): Context {
  return synchronous ?? storage?.get() ?? outside;
}

/** The innermost owner that has not ended. */
export function currentOwner(): Owner | undefined {
  let owner = currentContext().owner;
  while (owner !== undefined && owner.ended) owner = owner.parent;
  return owner;
}

/** Throws what a storage on one stack throws, in the tensor library's terms. */
function rethrow(error: unknown): never {
  if (!(error instanceof ScopeOrderError)) throw error;
  throw new ScopeError({
    op: "end of a scope",
    expected: "scopes that end in the reverse order of their beginning",
    actual: error.detail,
    hint: "Use await scope(async () => …) one after the other: this runtime cannot tell concurrent scopes apart",
  });
}

/**
 * Runs `fn` (also an asynchronous one) in another state. Throws or rejects with {@linkcode ScopeError} where the runtime has one stack
 * of states for all (browsers) and another one is current at the end.
 */
export function runInContext<R>(context: Context, fn: () => R): R {
  storage ??= runtime.asyncLocalStorage<Context>();
  if (storage.tracksAsync) return storage.run(context, fn);
  try {
    const result = storage.run(context, fn);
    return result instanceof Promise ? result.catch(rethrow) as R : result;
  } catch (error) {
    rethrow(error);
  }
}

/** Changes the state from here on; the result changes it back, and throws {@linkcode ScopeError} as {@linkcode runInContext}. */
export function enterContext(context: Context): () => void {
  storage ??= runtime.asyncLocalStorage<Context>();
  const leave = storage.enter(context);
  if (storage.tracksAsync) return leave;
  return () => {
    try {
      leave();
    } catch (error) {
      rethrow(error);
    }
  };
}

/**
 * Runs a synchronous `fn` of the library in another state at less cost. `fn` must not call user code that opens scopes.
 */
export function runSynchronously<R>(context: Context, fn: () => R): R {
  const previous = synchronous;
  synchronous = context;
  try {
    return fn();
  } finally {
    synchronous = previous;
  }
}

/** Whether operations are recorded for differentiation here. */
export function isGradEnabled(): boolean {
  return currentContext().gradEnabled;
}

/**
 * Runs `fn` without recording operations: its results carry no gradient. `fn` may be asynchronous.
 *
 * @example
 * ```ts
 * import { noGrad, tensor, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const weight = tensor([1, 2]).requireGrad();
 * assertEquals(noGrad(() => weight.mul(2)).requiresGrad, false);
 * ```
 */
export function noGrad<R>(fn: () => R): R {
  return runInContext({ ...currentContext(), gradEnabled: false }, fn);
}

/** Runs `fn` (also an asynchronous one) with recording, inside {@linkcode noGrad} too. */
export function enableGrad<R>(fn: () => R): R {
  return runInContext({ ...currentContext(), gradEnabled: true }, fn);
}
