/**
 * Methods that are replaced while a profile is taken, and put back at its end: on the prototypes of modules and optimizers, so that every
 * object of a class is seen, and on backends themselves.
 */

/** Makes the method that stands in for an original one. */
export type Wrapper = (
  original: (this: object, ...args: unknown[]) => unknown,
) => (this: object, ...args: unknown[]) => unknown;

/** A set of replaced methods. */
export class Instruments {
  readonly #replaced = new Map<object, Set<string>>();
  readonly #undo: (() => void)[] = [];

  /** Replaces a method that an object has itself or inherits, on the object itself. Nothing happens the second time, or without it. */
  replace(holder: object, name: string, wrap: Wrapper): void {
    const names = this.#replaced.get(holder) ?? new Set<string>();
    if (names.has(name)) return;
    const own = Object.getOwnPropertyDescriptor(holder, name);
    const original: unknown = Reflect.get(holder, name);
    if (typeof original !== "function") return;
    const value = wrap(original as (this: object, ...args: unknown[]) => unknown);
    Object.defineProperty(holder, name, { value, configurable: true, writable: true, enumerable: false });
    this.#replaced.set(holder, names.add(name));
    this.#undo.push(() => {
      if (own === undefined) Reflect.deleteProperty(holder, name);
      else Object.defineProperty(holder, name, own);
    });
  }

  /** Replaces a method on each class of an object that defines it. */
  replaceInClasses(subject: object, name: string, wrap: Wrapper): void {
    let prototype: object | null = Object.getPrototypeOf(subject);
    while (prototype !== null && prototype !== Object.prototype) {
      if (Object.hasOwn(prototype, name)) this.replace(prototype, name, wrap);
      prototype = Object.getPrototypeOf(prototype);
    }
  }

  /** Puts all methods back. */
  restore(): void {
    while (this.#undo.length > 0) this.#undo.pop()!();
    this.#replaced.clear();
  }
}
