/**
 * One forward pass of a network in eval mode, recorded, with the name of the module that runs at each call; and a second one, on other
 * numbers, whose result tells whether the recording is the network.
 */

import type { Backend } from "../../tensor/backend.ts";
import { type FloatDType, isFloat } from "../../tensor/dtype.ts";
import { BackendMismatchError } from "../../tensor/errors.ts";
import { elementCount, type Shape } from "../../tensor/layout.ts";
import { currentBackend, noGrad, release, scope, Tensor, tensor } from "../../tensor/mod.ts";
import { detachedScope } from "../../tensor/scope.ts";
import type { CompilableModule, CompileOptions } from "../compile.ts";
import { CompileError } from "../errors.ts";
import { FieldType } from "../field_type.ts";
import { GeometricTensor } from "../geometric_tensor.ts";
import type { Module } from "../plain/module.ts";
import { Recorder, type Recording } from "./record.ts";

/** What two passes gave. */
export interface Capture {
  /** Where the network lives. */
  readonly backend: Backend;
  /** The element type of its input. */
  readonly dtype: FloatDType;
  /** The type of geometric tensors that it takes. */
  readonly inType: FieldType | undefined;
  /** The type of geometric tensors that it gives. */
  readonly outType: FieldType | undefined;
  /** What a pass asks of the backend. */
  readonly recording: Recording;
  /** Another input and the network's result for it. */
  readonly example: { readonly input: Tensor; readonly output: Tensor };
}

/** Records a network. Synchronous, so that nobody meets it in eval mode or its backend under watch. */
export function capture(model: CompilableModule, inputShape: Shape, options: CompileOptions): Capture {
  const { backend, dtype } = placeOf(model, options);
  const own: unknown = Reflect.get(model, "inType");
  const inType = options.inType ?? (own instanceof FieldType ? own : undefined);
  const call = callOf(model, inType, options);
  let outType: FieldType | undefined;
  const run = (input: Tensor): Tensor => {
    const result = call(input);
    if (result instanceof GeometricTensor) outType = result.type;
    return resultOf(result);
  };
  const modes = model.namedModules().map(([, module]): [Module, boolean] => [module, module.training]);
  try {
    model.eval();
    const example = exampleOf(run, inputShape, dtype, backend);
    try {
      const recording = recordPass(model, run, inputShape, dtype, backend);
      return { backend, dtype, inType, outType, recording, example };
    } catch (error) {
      example.input.dispose();
      example.output.dispose();
      throw error;
    }
  } finally {
    for (const [module, mode] of modes) module.train(mode);
  }
}

/** An input and the network's result for it. */
function exampleOf(
  run: (input: Tensor) => Tensor,
  shape: Shape,
  dtype: FloatDType,
  backend: Backend,
): Capture["example"] {
  const input = made(shape, 1, dtype, backend);
  try {
    return { input, output: release(scope(() => noGrad(() => run(input).detach().clone()))) };
  } catch (error) {
    input.dispose();
    throw error;
  }
}

function recordPass(
  model: Module,
  run: (input: Tensor) => Tensor,
  shape: Shape,
  dtype: FloatDType,
  backend: Backend,
): Recording {
  using input = made(shape, 0, dtype, backend);
  const stack: string[] = [];
  const recorder = new Recorder(backend, input.buffer, () => stack[stack.length - 1] ?? "");
  const unwatch = watchModules(model, stack);
  try {
    return recorder.record((finish) =>
      scope(() => {
        noGrad(() => finish(run(input)));
      })
    );
  } finally {
    unwatch();
  }
}

/** The one backend of a network's state, and the element type of its input. */
function placeOf(model: Module, options: CompileOptions): { readonly backend: Backend; readonly dtype: FloatDType } {
  const state = [...model.namedParameters(), ...model.namedBuffers()];
  const backend = options.backend ?? state[0]?.[1].backend ?? currentBackend();
  for (const [name, { backend: other }] of state) {
    if (other === backend) continue;
    throw new BackendMismatchError({
      op: "compile",
      expected: `a network on one backend, ${backend.name}`,
      actual: `${name} on ${other.name === backend.name ? `another instance of ${other.name}` : other.name}`,
      hint: "Move it there first: await model.to(backend)",
    });
  }
  const first = state.find(([, { dtype }]) => isFloat(dtype))?.[1].dtype;
  return { backend, dtype: options.dtype ?? (first === "float64" ? "float64" : "float32") };
}

/** How the network is called. */
function callOf(
  model: CompilableModule,
  inType: FieldType | undefined,
  { run }: CompileOptions,
): (input: Tensor) => unknown {
  if (run !== undefined) return run;
  return (input) => {
    const argument = inType === undefined ? input : new GeometricTensor(input, inType);
    return Reflect.apply(model.forward, model, [argument]);
  };
}

function resultOf(result: unknown): Tensor {
  if (result instanceof GeometricTensor) return result.tensor;
  if (result instanceof Tensor) return result;
  throw new CompileError({
    op: "compile",
    expected: "a network that gives one tensor or geometric tensor",
    actual: Array.isArray(result) ? `a list of ${result.length}` : typeof result,
    hint: "Give the option run, which calls it and picks one",
  });
}

/** A tensor of numbers between −1 and 1 that look random (Weyl's sequence); no random number is drawn for it. */
function made(shape: Shape, seed: number, dtype: FloatDType, backend: Backend): Tensor {
  const numbers = Float64Array.from({ length: elementCount(shape) }, (_, i) => {
    const x = (i + 1) * 0.6180339887498949 + seed * 0.4142135623730951, y = (i + 1) * 0.7548776662466927;
    return (x - Math.floor(x)) + (y - Math.floor(y)) - 1;
  });
  return release(detachedScope(() => tensor(numbers, shape, { dtype, backend })));
}

/** Keeps the dotted names of the modules whose `forward` runs on a stack; the result ends that. */
function watchModules(model: Module, stack: string[]): () => void {
  const watched: Module[] = [];
  for (const [name, module] of model.namedModules()) {
    const forward: unknown = Reflect.get(module, "forward");
    if (typeof forward !== "function" || Object.hasOwn(module, "forward")) continue;
    const named = (...args: unknown[]): unknown => {
      stack.push(name);
      try {
        return Reflect.apply(forward, module, args);
      } finally {
        stack.pop();
      }
    };
    Object.defineProperty(module, "forward", { value: named, configurable: true });
    watched.push(module);
  }
  return () => watched.forEach((module) => Reflect.deleteProperty(module, "forward"));
}
