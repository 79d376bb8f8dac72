// What the tests of compiled networks share: a network and its plan side by side, and modules made of a function.

import { assert, assertEquals } from "@std/assert";
import { type CompiledNetwork, type CompileOptions, GeometricTensor, Module } from "../../../src/nn/mod.ts";
import { compile } from "../../../src/nn/compile.ts";
import type { FieldType } from "../../../src/nn/field_type.ts";
import { noGrad, randn, scope, type Tensor } from "../../../src/tensor/mod.ts";

/** A network that is a function of tensors. */
export class Calling extends Module {
  readonly #run: (x: Tensor) => unknown;

  constructor(run: (x: Tensor) => unknown, parts: Readonly<Record<string, Module>> = {}) {
    super();
    this.#run = run;
    for (const [name, part] of Object.entries(parts)) this.addModule(name, part);
  }

  forward(input: Tensor): unknown {
    return this.#run(input);
  }
}

/** A network with a forward. */
export interface Runnable extends Module {
  forward(...inputs: never[]): unknown;
}

/** The result of a network in eval mode. */
export function evaluate(model: Runnable, x: Tensor, inType?: FieldType): Tensor {
  const own: unknown = inType ?? Reflect.get(model, "inType");
  const result: unknown = noGrad(() =>
    Reflect.apply(model.forward, model, [own === undefined ? x : new GeometricTensor(x, own as FieldType)])
  );
  return result instanceof GeometricTensor ? result.tensor : result as Tensor;
}

/** The greatest difference in units of the greatest number. */
export function relativeError(actual: Tensor, expected: Tensor): number {
  assertEquals(actual.shape, expected.shape);
  const got = actual.dataSync(), wanted = expected.dataSync();
  let error = 0, scale = 0;
  for (let i = 0; i < got.length; i++) {
    error = Math.max(error, Math.abs(got[i] - wanted[i]));
    scale = Math.max(scale, Math.abs(wanted[i]));
  }
  return error === 0 ? 0 : error / scale;
}

/** Compiles a network and holds two runs against it in eval mode; the model is in eval mode afterwards. */
export async function assertCompiles(
  model: Runnable,
  shape: readonly number[],
  tolerance: number,
  options: CompileOptions = {},
): Promise<CompiledNetwork> {
  const compiled = await compile(model, shape, options);
  model.eval();
  for (let run = 0; run < 2; run++) {
    using _ = scope();
    const x = randn(shape, { dtype: compiled.dtype, backend: options.backend });
    const error = relativeError(compiled.run(x), evaluate(model, x, options.inType));
    assert(error <= tolerance, `${model}: run ${run} differs by ${error}`);
  }
  return compiled;
}
