/**
 * The module system: a tree of modules, each with named parameters (trained), buffers (state that is not trained) and
 * children. Registration is explicit and typed; equivariant and plain modules share it, so that mixed networks train, save
 * and export as one. Names are escnn's where a module has a counterpart there.
 */

import { showAsText } from "../../console_text.ts";
import { noGrad, Tensor } from "../../tensor/mod.ts";
import type { Backend } from "../../tensor/backend.ts";
import { isFloat } from "../../tensor/dtype.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import { formatShape } from "../../tensor/layout.ts";
import { observer } from "../../tensor/observer.ts";
import { assign, untracked } from "./persistent.ts";
import { StateDictError } from "./errors.ts";
import { STATE_CONVENTION, type StateDict } from "./state_dict.ts";

/**
 * A part of a network with parameters, buffers and children.
 *
 * A network of your own extends it and registers its parts in field initializers, which run after the base class is ready. A part that is
 * assigned to a field alone is an error at the first use of {@linkcode Module.parameters} and its like.
 *
 * @example A network with one hidden layer
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Module, plain, type Tensor, useBackend, zeros } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * class Net extends Module {
 *   readonly hidden = this.addModule("hidden", new plain.Linear(4, 8));
 *   readonly output = this.addModule("output", new plain.Linear(8, 2));
 *   forward(x: Tensor): Tensor {
 *     return this.output.forward(this.hidden.forward(x).relu());
 *   }
 * }
 * const net = new Net();
 * assertEquals(net.forward(zeros([3, 4])).shape, [3, 2]);
 * assertEquals(net.namedParameters().map(([name]) => name), ["hidden.weight", "hidden.bias", "output.weight", "output.bias"]);
 * ```
 */
export abstract class Module {
  readonly #parameters = new Map<string, Tensor>();
  readonly #buffers = new Map<string, Tensor>();
  readonly #children = new Map<string, Module>();
  #wrapped: Module | undefined;
  #training = true;
  #fieldsChecked = false;

  /** A module without parts. */
  constructor() {
    observer?.made(this, "forward");
  }

  /** Whether the module is in train mode (the start) rather than in eval mode. */
  get training(): boolean {
    return this.#training;
  }

  /** Registers a trained tensor under a name without dots and takes it over. It will require gradients and outlive all scopes. */
  protected addParameter(name: string, value: Tensor): void {
    this.#checkName(name);
    this.#parameters.set(name, untracked(value).requireGrad());
  }

  /** Registers a tensor that belongs to the state but is not trained, and takes it over. It outlives all scopes. */
  protected addBuffer(name: string, value: Tensor): void {
    this.#checkName(name);
    this.#buffers.set(name, untracked(value));
  }

  /** Registers a child under a name without dots and returns it. */
  protected addModule<M extends Module>(name: string, module: M): M {
    this.#checkName(name);
    this.#children.set(name, module);
    return module;
  }

  /** Makes a module the one that does the work: its parameters, buffers and children appear as this module's own. Returns it. */
  protected wrap<M extends Module>(module: M): M {
    this.#wrapped = module;
    return module;
  }

  /** The registered parameter of this name. Ask again after {@linkcode Module.to}, which replaces the tensors. */
  protected parameter(name: string): Tensor {
    return found(this.#parameters, name, this, "parameter");
  }

  /** The registered buffer of this name. */
  protected buffer(name: string): Tensor {
    return found(this.#buffers, name, this, "buffer");
  }

  /** Called after mode, parameters or buffers were changed from outside: caches of derived tensors must go. */
  protected onStateChange(): void {}

  /** The options of this module for {@linkcode Module.toString}, e.g. `3 -> 8, kernelSize 5`. */
  protected describe(): string {
    return "";
  }

  #checkName(name: string): void {
    const taken = this.#parameters.has(name) || this.#buffers.has(name) || this.#children.has(name);
    if (name === "" || name.includes(".") || taken) {
      throw new ArgumentError({
        op: `${this.constructor.name} registration`,
        expected: "a name without dots that is not taken yet",
        actual: JSON.stringify(name),
      });
    }
  }

  /** The direct children by name. */
  children(): ReadonlyMap<string, Module> {
    return this.#children;
  }

  /**
   * This module and all below it with their dotted names, parents first; one that is used twice comes once.
   *
   * @throws ArgumentError, at the first call, where a field of one of them holds a module or a parameter that was not registered: it would be
   *   neither trained nor saved.
   */
  namedModules(): [string, Module][] {
    const list: [string, Module][] = [];
    const seen = new Set<Module>();
    const visit = (module: Module, name: string): void => {
      if (seen.has(module)) return;
      seen.add(module);
      list.push([name, module]);
      if (module.#wrapped !== undefined) visit(module.#wrapped, name);
      for (const [key, child] of module.#children) visit(child, name === "" ? key : `${name}.${key}`);
    };
    visit(this, "");
    if (!this.#fieldsChecked) {
      for (const module of seen) module.#checkFields(seen);
      this.#fieldsChecked = true;
    }
    return list;
  }

  // A field is how other libraries register a part; here it would be left out without a word.
  #checkFields(registered: ReadonlySet<Module>): void {
    for (const [field, value] of Object.entries(this)) {
      for (const part of (Array.isArray(value) ? value : [value]) as unknown[]) {
        if (part instanceof Module && !registered.has(part)) {
          this.#refuseField(field, part.constructor.name, "addModule");
        }
        if (part instanceof Tensor && isUnknownLeaf(part, this.#parameters)) {
          this.#refuseField(field, part.describe(), "addParameter");
        }
      }
    }
  }

  #refuseField(field: string, part: string, method: string): never {
    throw new ArgumentError({
      op: this.constructor.name,
      expected: "modules and parameters in fields to be registered",
      actual: `${part} in the field ${field} that is not`,
      hint:
        `Register it with this.${method}("${field}", …), a list of modules as one ModuleList; what is no part of this module belongs in ` +
        "a #private field",
    });
  }

  /** All trained tensors by dotted name, children included. */
  namedParameters(): [string, Tensor][] {
    return this.#collect((module) => module.#parameters);
  }

  /** All trained tensors, children included: what an optimizer takes. */
  parameters(): Tensor[] {
    return this.namedParameters().map(([, tensor]) => tensor);
  }

  /** All buffers by dotted name, children included. */
  namedBuffers(): [string, Tensor][] {
    return this.#collect((module) => module.#buffers);
  }

  /** All buffers, children included. */
  buffers(): Tensor[] {
    return this.namedBuffers().map(([, tensor]) => tensor);
  }

  #collect(pick: (module: Module) => ReadonlyMap<string, Tensor>): [string, Tensor][] {
    return this.namedModules().flatMap(([prefix, module]) =>
      [...pick(module)].map(([name, tensor]): [string, Tensor] => [prefix === "" ? name : `${prefix}.${name}`, tensor])
    );
  }

  /** Number of trained numbers. */
  parameterCount(): number {
    return this.parameters().reduce((sum, tensor) => sum + tensor.size, 0);
  }

  /** Switches this module and all below it to train mode, or with `false` to eval mode. */
  train(mode = true): this {
    for (const [, module] of this.namedModules()) {
      module.#training = mode;
      module.onStateChange();
    }
    return this;
  }

  /** Switches this module and all below it to eval mode. */
  eval(): this {
    return this.train(false);
  }

  /**
   * Freezes all parameters, children included, with `false`: no gradient is computed for them, those that they have are dropped, and
   * optimizers leave them as they are. `true`, the default, trains them again. Gradients of inputs and running statistics are not concerned:
   * call {@linkcode Module.eval} to keep the statistics too.
   *
   * @example
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { plain, randn, useBackend } from "@escnn/escnn";
   *
   * await useBackend("reference");
   * const backbone = new plain.Linear(4, 8).requireGrad(false), head = new plain.Linear(8, 2);
   * head.forward(backbone.forward(randn([3, 4])).relu()).sum().backward();
   * assertEquals(backbone.parameters().map(({ grad }) => grad), [undefined, undefined]);
   * assertEquals(head.parameters().map(({ grad }) => grad?.shape), [[2, 8], [2]]);
   * ```
   */
  requireGrad(required = true): this {
    for (const parameter of this.parameters()) parameter.requireGrad(required);
    for (const [, module] of this.namedModules()) module.onStateChange();
    return this;
  }

  /** Parameters and buffers by name: the module's own tensors, not copies. The same in train and eval mode. */
  stateDict(): StateDict {
    return { convention: STATE_CONVENTION, tensors: new Map([...this.namedParameters(), ...this.namedBuffers()]) };
  }

  /**
   * Copies the values of a state dict into the parameters and buffers. Numbers are converted between float32 and float64;
   * tensors of another backend are read over.
   *
   * @throws StateDictError, before anything is changed, that lists all names that are missing, unexpected or of another shape,
   *   or that the state dict was made under other conventions.
   */
  loadStateDict(state: StateDict): void {
    const op = `${this.constructor.name}.loadStateDict`;
    if (state.convention !== STATE_CONVENTION) {
      throw new StateDictError({
        op,
        expected: `a state dict of convention ${STATE_CONVENTION}`,
        actual: `convention ${state.convention}`,
        hint: "Its weights mean something else; convert it with the version of the library that made it",
      });
    }
    const own = this.stateDict().tensors;
    checkNames(op, own, state.tensors);
    const staged = [...own].map(([name, target]): [Tensor, Tensor] => [target, state.tensors.get(name)!]);
    noGrad(() => assign(staged));
    for (const [, module] of this.namedModules()) module.onStateChange();
  }

  /**
   * Moves all parameters and buffers to a backend, by name or object. Tensors are replaced: make the optimizer afterwards.
   * When a tensor cannot be moved, the module stays where it was.
   */
  async to(backend: string | Backend): Promise<this> {
    const modules = this.namedModules().map(([, module]) => module);
    const moved = new Map<Tensor, Tensor>();
    try {
      for (const module of modules) {
        for (const tensor of [...module.#parameters.values(), ...module.#buffers.values()]) {
          if (!moved.has(tensor)) moved.set(tensor, untracked(await tensor.detach().to(backend)));
        }
      }
    } catch (error) {
      for (const [from, to] of moved) if (to !== from) to.dispose();
      throw error;
    }
    for (const module of modules) {
      for (const [name, tensor] of module.#parameters) {
        module.#parameters.set(name, moved.get(tensor)!.requireGrad(tensor.requiresGrad));
      }
      for (const [name, tensor] of module.#buffers) module.#buffers.set(name, moved.get(tensor)!);
      module.onStateChange();
    }
    for (const [from, to] of moved) if (to !== from) from.dispose();
    return this;
  }

  /** Frees all parameters and buffers, children included. The module cannot be used afterwards. */
  dispose(): void {
    for (const tensor of [...this.parameters(), ...this.buffers()]) {
      tensor.grad?.dispose();
      tensor.dispose();
    }
    for (const [, module] of this.namedModules()) module.onStateChange();
  }

  /** Frees the module at the end of a `using` block, as {@linkcode Module.dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The tree of modules with their options, a line for each. */
  toString(): string {
    const head = `${this.constructor.name}(${this.describe()}`;
    if (this.#children.size === 0) return `${head})`;
    const lines = [...this.#children].map(([name, child]) => `  ${name}: ${child.toString().replaceAll("\n", "\n  ")}`);
    return `${head}\n${lines.join("\n")}\n)`;
  }

  static {
    showAsText(this.prototype);
  }
}

function isUnknownLeaf(tensor: Tensor, parameters: ReadonlyMap<string, Tensor>): boolean {
  return tensor.node?.leaf === tensor && ![...parameters.values()].includes(tensor);
}

function found(map: ReadonlyMap<string, Tensor>, name: string, module: Module, what: string): Tensor {
  const tensor = map.get(name);
  if (tensor !== undefined) return tensor;
  throw new ArgumentError({
    op: module.constructor.name,
    expected: `the name of a registered ${what} (${[...map.keys()].join(", ") || "there is none"})`,
    actual: JSON.stringify(name),
  });
}

function checkNames(op: string, own: ReadonlyMap<string, Tensor>, given: ReadonlyMap<string, Tensor>): void {
  const missing = [...own.keys()].filter((name) => !given.has(name));
  const unexpected = [...given.keys()].filter((name) => !own.has(name));
  const misshapen: string[] = [];
  for (const [name, target] of own) {
    const source = given.get(name);
    if (source === undefined) continue;
    const sameShape = source.shape.length === target.shape.length &&
      source.shape.every((size, axis) => size === target.shape[axis]);
    const sameKind = isFloat(source.dtype) === isFloat(target.dtype);
    if (sameShape && sameKind) continue;
    misshapen.push(
      `${name}: expected ${target.dtype} ${formatShape(target.shape)}, got ${source.dtype} ${
        formatShape(source.shape)
      }`,
    );
  }
  if (missing.length + unexpected.length + misshapen.length === 0) return;
  const parts = [
    missing.length > 0 ? `missing ${missing.join(", ")}` : "",
    unexpected.length > 0 ? `unexpected ${unexpected.join(", ")}` : "",
    misshapen.length > 0 ? `wrong ${misshapen.join("; ")}` : "",
  ];
  throw new StateDictError({
    op,
    expected: `the ${own.size} names and shapes of this module`,
    actual: parts.filter((part) => part !== "").join("; "),
    hint: "Nothing was changed. Build the module with the options of the one that was saved",
  }, { missing, unexpected, misshapen });
}
