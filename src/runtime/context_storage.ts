// The two implementations of ContextStorage: on AsyncLocalStorage where the runtime has it, and a stack for browsers,
// which notices when scopes interleave instead of mixing them up silently.

import { ScopeOrderError } from "./errors.ts";
import type { ContextStorage } from "./types.ts";

/** The members of `AsyncLocalStorage` that are used. */
export interface AsyncLocalStorageLike<T> {
  /** The current value. */
  getStore(): T | undefined;
  /** Runs a function with a value. */
  run<R>(store: T | undefined, fn: () => R): R;
  /** Makes a value current in the current context. */
  enterWith(store: T | undefined): void;
}

/** A context storage on `AsyncLocalStorage`: concurrent asynchronous scopes each see their own value. */
export class AsyncContextStorage<T> implements ContextStorage<T> {
  /** Concurrent asynchronous contexts are told apart. */
  readonly tracksAsync = true;
  readonly #storage: AsyncLocalStorageLike<T>;

  /** @param storage The runtime's storage, used by this object alone. */
  constructor(storage: AsyncLocalStorageLike<T>) {
    this.#storage = storage;
  }

  /** The current value. */
  get(): T | undefined {
    return this.#storage.getStore();
  }

  /** Runs a function with a value as the current one. */
  run<R>(value: T, fn: () => R): R {
    return this.#storage.run(value, fn);
  }

  /** Makes a value current from here on; the result makes the previous one current again. */
  enter(value: T): () => void {
    const previous = this.#storage.getStore();
    this.#storage.enterWith(value);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#storage.enterWith(previous);
    };
  }
}

interface Frame<T> {
  value: T;
}

/** A context storage on one stack: right as long as scopes end in the reverse order of their beginning. */
export class StackContextStorage<T> implements ContextStorage<T> {
  /** There is one stack for all asynchronous contexts. */
  readonly tracksAsync = false;
  readonly #frames: Frame<T>[] = [];

  /** The current value. */
  get(): T | undefined {
    return this.#frames.at(-1)?.value;
  }

  /** Runs a function with a value as the current one, until it returns or its promise settles. */
  run<R>(value: T, fn: () => R): R {
    const leave = this.enter(value);
    let result: R;
    try {
      result = fn();
    } catch (error) {
      leave();
      throw error;
    }
    if (!isPromiseLike(result)) {
      leave();
      return result;
    }
    const settled = Promise.resolve(result).finally(leave);
    return settled as unknown as R;
  }

  /** Makes a value current from here on; the result makes the previous one current again. */
  enter(value: T): () => void {
    const frame: Frame<T> = { value };
    this.#frames.push(frame);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const position = this.#frames.lastIndexOf(frame);
      const inner = this.#frames.length - 1 - position;
      this.#frames.splice(position, 1);
      if (inner > 0) throw new ScopeOrderError(`${inner} scope${inner > 1 ? "s" : ""} inside it still open`);
    };
  }
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
