/**
 * Scopes: tensors made while a scope is current are disposed when it ends, except those that were kept (they move to the
 * parent scope). Values that the tape needs outlive their tensors, so a scope may end before `backward` runs on its result.
 */

import {
  currentContext,
  currentOwner,
  enterContext,
  type Owned,
  type Owner,
  runInContext,
  runSynchronously,
} from "./context.ts";
import { TensorCore } from "./core.ts";
import type { Tensor } from "./tensor.ts";

/** Below this number of entries, forgotten ones are not worth looking for. */
const COMPACTION_SIZE = 64;

/** A stretch of code at whose end the tensors made in it are disposed. Made by {@linkcode scope}. */
export class Scope implements Disposable, Owner {
  /**
   * The scope around it.
   * @internal
   */
  readonly parent: Owner | undefined;
  #owned: Owned[] = [];
  #count = 0;
  #ended = false;
  #leave: (() => void) | undefined;

  /**
   * A scope inside the current one; use {@linkcode scope}.
   * @internal
   */
  constructor() {
    this.parent = currentOwner();
  }

  /** Whether it has ended. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Number of tensors that it would dispose now. */
  get size(): number {
    return this.#count;
  }

  /**
   * Makes it the current scope until it ends.
   * @internal
   */
  enter(): this {
    this.#leave = enterContext({ ...currentContext(), owner: this });
    return this;
  }

  /**
   * Makes it the owner of a tensor.
   * @internal
   */
  add(owned: Owned): void {
    owned.owner = this;
    this.#owned.push(owned);
    this.#count++;
    if (this.#owned.length > COMPACTION_SIZE && this.#owned.length > 2 * this.#count) {
      this.#owned = this.#owned.filter((entry) => entry.owner === this);
    }
  }

  /**
   * Lets a tensor go.
   * @internal
   */
  remove(owned: Owned): void {
    if (owned.owner !== this) return;
    owned.owner = undefined;
    this.#count--;
  }

  /**
   * Ends it: disposes what it owns and makes the scope around it current. Idempotent. Throws {@linkcode ScopeError} where the
   * runtime has one stack of scopes for all (browsers) and another scope is still open inside this one.
   */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const owned = this.#owned;
    this.#owned = [];
    for (const entry of owned) {
      if (entry.owner === this) {
        entry.owner = undefined;
        entry.dispose();
      }
    }
    this.#count = 0;
    const leave = this.#leave;
    this.#leave = undefined;
    leave?.();
  }

  /** Ends it; `using` calls this. */
  [Symbol.dispose](): void {
    this.end();
  }
}

/** Moves a tensor from the scope that owns it to the scope around that one, or out of all. */
function moveUp(tensor: TensorCore): void {
  const owner = tensor.owner;
  if (owner === undefined) return;
  owner.remove(tensor);
  let parent = owner.parent;
  while (parent !== undefined && parent.ended) parent = parent.parent;
  parent?.add(tensor);
}

/**
 * Keeps a tensor beyond the end of its scope: it moves to the scope around that one, or out of all scopes. Returns it.
 *
 * @example
 * ```ts
 * import { keep, scope, tensor, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const step = () => {
 *   using _ = scope();
 *   const x = tensor([1, 2]);
 *   return keep(x.mul(x));
 * };
 * assertEquals(step().dataSync(), new Float32Array([1, 4]));
 * ```
 */
export function keep(tensor: Tensor): Tensor {
  void tensor.storage;
  moveUp(tensor);
  return tensor;
}

/** Takes a tensor out of all scopes: it lives until it is disposed. Returns it. */
export function release(tensor: Tensor): Tensor {
  tensor.owner?.remove(tensor);
  return tensor;
}

function visitTensors(value: unknown, visit: (tensor: TensorCore) => void, seen: Set<object>, deep: boolean): void {
  if (typeof value !== "object" || value === null || seen.has(value) || ArrayBuffer.isView(value)) return;
  seen.add(value);
  if (value instanceof TensorCore) return visit(value);
  if (Array.isArray(value) || value instanceof Set || value instanceof Map) {
    for (const entry of value.values()) visitTensors(entry, visit, seen, deep);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  const plain = prototype === Object.prototype || prototype === null;
  if (!plain && !deep) return;
  for (const entry of Object.values(value)) visitTensors(entry, visit, seen, plain && deep);
}

/** Ends a scope but for the tensors of `value`, which move to the scope around; returns the value. */
function endWith<T>(made: Scope, value: T): T {
  const move = (tensor: TensorCore): void => {
    if (tensor.owner === made) moveUp(tensor);
  };
  visitTensors(value, move, new Set(), true);
  made.end();
  return value;
}

/**
 * A scope around a synchronous `fn` of the library, which must not call user code: its intermediate results go as soon as it ends. Costs
 * less than {@linkcode scope}. @internal
 */
export function localScope<R>(fn: () => R): R {
  const made = new Scope();
  try {
    return endWith(made, runSynchronously({ ...currentContext(), owner: made }, fn));
  } finally {
    made.end();
  }
}

/** A {@linkcode localScope} outside of all others and without recording. @internal */
export function detachedScope<R>(fn: () => R): R {
  return runSynchronously({ owner: undefined, gradEnabled: false }, () => localScope(fn));
}

/**
 * Opens a scope: `using _ = scope()` disposes at the end of the block everything made in it but for what was kept.
 * `scope(fn)` and `await scope(async () => …)` do the same for a function and move the tensors of its result (itself, in arrays,
 * maps, plain objects, or properties of an object) to the scope around. The asynchronous form is safe in concurrent code.
 *
 * @example
 * ```ts
 * import { scope, tensor, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const total = scope(() => tensor([1, 2, 3]).square().sum());
 * assertEquals(await total.item(), 14);
 * ```
 */
export function scope(): Scope;
/** Runs `fn` in a scope of its own. */
export function scope<R>(fn: () => R): R;
export function scope<R>(fn?: () => R): Scope | R {
  const made = new Scope();
  if (fn === undefined) return made.enter();
  const finish = <T>(value: T): T => endWith(made, value);
  let result: R;
  try {
    result = runInContext({ ...currentContext(), owner: made }, fn);
  } catch (error) {
    made.end();
    throw error;
  }
  if (!(result instanceof Promise)) return finish(result);
  return result.then(finish, (error: unknown) => {
    made.end();
    throw error;
  }) as R;
}
