/**
 * A list of modules that a network of your own runs as it likes; they are registered under their positions.
 */

import { ArgumentError } from "../../tensor/errors.ts";
import { Module } from "../plain/module.ts";

/**
 * Modules `0`, `1`, …, registered as children.
 *
 * @typeParam M What they have in common.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { ModuleList, plain, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const list = new ModuleList([new plain.Linear(2, 3), new plain.Linear(3, 1)]);
 * assertEquals(list.namedParameters().map(([name]) => name), ["0.weight", "0.bias", "1.weight", "1.bias"]);
 * ```
 */
export class ModuleList<M extends Module> extends Module implements Iterable<M> {
  readonly #modules: M[] = [];

  /** A list of these modules. */
  constructor(modules: Iterable<M> = []) {
    super();
    for (const module of modules) this.append(module);
  }

  /** Number of modules. */
  get length(): number {
    return this.#modules.length;
  }

  /** Adds a module at the end. Returns the list. */
  append(module: M): this {
    this.#modules.push(this.addModule(String(this.#modules.length), module));
    return this;
  }

  /** The module at a position; negative ones count from the end. Throws ArgumentError when there is none. */
  at(position: number): M {
    const found = this.#modules.at(position);
    if (found !== undefined) return found;
    throw new ArgumentError({
      op: "ModuleList.at",
      expected: `a position in a list of ${this.#modules.length} modules`,
      actual: String(position),
    });
  }

  /** The modules, in order. */
  [Symbol.iterator](): Iterator<M> {
    return this.#modules[Symbol.iterator]();
  }

  /** A list of the modules' exports. Throws ExportError when one of them has none. */
  export<E extends Module>(this: ModuleList<M & { export(): E }>): ModuleList<E> {
    return new ModuleList([...this].map((module) => module.export()));
  }
}
