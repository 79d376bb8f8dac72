/**
 * The layers that a network calls with the shapes of what they take and give. The network runs on an empty batch, so that it may be any
 * code at all and nothing is computed.
 */

import { noGrad, scope, Tensor } from "../../tensor/mod.ts";
import type { Shape } from "../../tensor/layout.ts";
import { GeometricTensor } from "../geometric_tensor.ts";
import type { Module } from "../plain/module.ts";

/** One call of a module. */
export interface LayerCall {
  /** Its dotted name in the network. */
  readonly name: string;
  /** The module. */
  readonly module: Module;
  /** The shapes of the tensors among the arguments. */
  readonly inputs: readonly Shape[];
  /** The result's shapes: one, but for modules of several outputs. */
  readonly outputs: readonly Shape[];
  /** The arguments. */
  readonly args: readonly unknown[];
}

/** What came of a run. */
export interface Trace {
  /** The calls of layers in order. */
  readonly calls: readonly LayerCall[];
  /** Why the run stopped before its end, if it did. */
  readonly error: unknown;
}

interface Frame {
  readonly name: string;
  /** Whether all that it calls is part of it. */
  readonly closed: boolean;
  calledOthers: boolean;
}

function shapesOf(value: unknown): Shape[] {
  if (value instanceof GeometricTensor || value instanceof Tensor) return [[...value.shape]];
  if (value instanceof Map) return [...value.values()].flatMap(shapesOf);
  return Array.isArray(value) ? value.flatMap(shapesOf) : [];
}

/**
 * Runs a network in eval mode without gradients and notes each call of a module that does not itself call modules of other names.
 *
 * @param model The network; its mode is as before afterwards.
 * @param run Runs it.
 * @param isLayer Modules that count as layers although they call others.
 */
export function traceLayers(model: Module, run: () => unknown, isLayer: (module: Module) => boolean): Trace {
  const modules = model.namedModules();
  const modes = modules.map(([, module]): [Module, boolean] => [module, module.training]);
  const calls: LayerCall[] = [], stack: Frame[] = [], wrapped: Module[] = [];
  let error: unknown;
  try {
    model.eval();
    for (const [name, module] of modules) {
      const forward: unknown = Reflect.get(module, "forward");
      if (typeof forward !== "function" || Object.hasOwn(module, "forward")) continue;
      const traced = (...args: unknown[]): unknown => {
        const parent = stack.at(-1);
        // What a module wraps has its name, and is part of it.
        const inside = parent !== undefined && (parent.closed || parent.name === name);
        if (parent !== undefined && !inside) parent.calledOthers = true;
        const frame: Frame = { name, closed: inside || isLayer(module), calledOthers: false };
        stack.push(frame);
        try {
          const result: unknown = Reflect.apply(forward, module, args);
          if (!inside && !frame.calledOthers) {
            calls.push({ name, module, inputs: shapesOf(args), outputs: shapesOf(result), args });
          }
          return result;
        } finally {
          stack.pop();
        }
      };
      Object.defineProperty(module, "forward", { value: traced, configurable: true });
      wrapped.push(module);
    }
    scope(() => {
      noGrad(run);
    });
  } catch (caught) {
    error = caught;
  } finally {
    for (const module of wrapped) Reflect.deleteProperty(module, "forward");
    for (const [module, mode] of modes) module.train(mode);
  }
  return { calls, error };
}

/** A tensor of a module's state, which says on which backend it is. */
export function firstTensor(model: Module): Tensor | undefined {
  return model.parameters()[0] ?? model.buffers()[0];
}
