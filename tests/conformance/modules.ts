// The runner of modules.json.gz: modules with given parameters, their outputs, gradients and running statistics.

import { type EquivariantModule, GeometricTensor } from "../../src/nn/mod.ts";
import { MaxPoolChannels } from "../../src/nn/plain/mod.ts";
import { scope, type Tensor } from "../../src/tensor/mod.ts";
import { type Case, list, number, object, type Runners, same, Unsupported } from "./check.ts";
import { elementOf, groupOf, spaceOf } from "./descriptions.ts";
import { caseBackend, closeTensor, fieldTypeOf, moduleOf, tensorOf } from "./modules_support.ts";

/** Runs a plain layer or a module on the input and compares output and gradients; returns the output. */
function compare(c: Case, forward: (input: Tensor) => Tensor): Tensor {
  const input = tensorOf(c.input).requireGrad();
  const output = forward(input);
  if (c.expect.outputShape !== undefined) same("output shape", output.shape, c.expect.outputShape);
  closeTensor("output", output, c.expect.output, c.tolerance);
  output.backward(tensorOf(c.outputGradient));
  closeTensor("input gradient", input.grad, c.expect.inputGradient, c.tolerance);
  return output;
}

function checkState(c: Case, module: EquivariantModule): void {
  const parameters = new Map(module.namedParameters());
  for (const [name, expected] of Object.entries(object(c.expect.parameterGradients ?? {}))) {
    closeTensor(`gradient of ${name}`, parameters.get(name)?.grad, expected, c.tolerance);
  }
  const buffers = new Map(module.namedBuffers());
  for (const [name, expected] of Object.entries(object(c.expect.buffersAfter ?? {}))) {
    closeTensor(name, buffers.get(name), expected, c.tolerance);
  }
}

/** The kinds of modules.json.gz. */
export const moduleRunners: Runners = {
  async module(c) {
    if (c.module === "MaxPoolChannels") {
      await caseBackend();
      using _ = scope();
      compare(c, (input) => new MaxPoolChannels(number(object(c.options).kernelSize)).forward(input));
      return;
    }
    if (c.in === undefined) throw new Unsupported(`module ${c.module}`);
    const inType = fieldTypeOf(spaceOf(c.space), c.in);
    await caseBackend();
    using _ = scope();
    const module = moduleOf(inType, c);
    same("input fields", module.inType.sizes, c.expect.inType);
    same("output fields", module.outType.sizes, c.expect.outType);
    module.train();
    for (const step of c.trainSteps === undefined ? [] : list(c.trainSteps)) {
      module.forward(new GeometricTensor(tensorOf(step), inType));
    }
    module.train(c.mode === "train");
    const coords = c.coords === undefined ? undefined : tensorOf(c.coords);
    let typed: GeometricTensor | undefined;
    const output = compare(c, (input) => {
      typed = module.forward(new GeometricTensor(input, inType, coords));
      same("positions are kept", typed.coords === coords, true);
      return typed.tensor;
    });
    if (coords === undefined) {
      same("evaluateOutputShape", module.evaluateOutputShape(tensorOf(c.input).shape), output.shape);
    }
    checkState(c, module);
    if (c.element !== undefined) {
      const group = module.outType.fibergroup;
      same("group", group === groupOf(c.expect.group), true);
      const moved = typed!.transformFibers(elementOf(group, c.element));
      closeTensor("transformed output", moved.tensor, c.expect.transformed, c.tolerance);
    }
    module.dispose();
  },
};
