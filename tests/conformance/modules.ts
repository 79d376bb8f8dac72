// The runner of modules.json.gz: modules with given parameters, their outputs, gradients and running statistics.

import {
  BranchingModule,
  type EquivariantModule,
  type FieldType,
  type FourierPointwise,
  GeometricTensor,
  HarmonicPolynomialR3,
  MergeModule,
  type Module,
  TensorProductModule,
} from "../../src/nn/mod.ts";
import { MaxPoolChannels } from "../../src/nn/plain/mod.ts";
import { scope, type Tensor } from "../../src/tensor/mod.ts";
import {
  type Case,
  CheckFailure,
  close,
  type Json,
  type JsonObject,
  list,
  number,
  object,
  type Runners,
  same,
  tensor,
} from "./check.ts";
import { elementOf, groupOf, spaceOf } from "./descriptions.ts";
import { labelsOf, partsOf, reshuffleOf } from "./module_builders.ts";
import {
  caseBackend,
  closeTensor,
  expansionColumns,
  fieldTypeOf,
  moduleOf,
  multiModuleOf,
  PARTS,
  tensorOf,
} from "./modules_support.ts";

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

function checkState(c: Case, module: Module): void {
  const parameters = new Map(module.namedParameters());
  for (const [name, expected] of Object.entries(object(c.expect.parameterGradients ?? {}))) {
    closeTensor(`gradient of ${name}`, parameters.get(name)?.grad, expected, c.tolerance);
  }
  const buffers = new Map(module.namedBuffers());
  for (const [name, expected] of Object.entries(object(c.expect.buffersAfter ?? {}))) {
    closeTensor(name, buffers.get(name), expected, c.tolerance);
  }
}

/** The element of a case; quaternions of these files may have any length. */
function unitQuaternion(value: Json): Json {
  if (!Array.isArray(value)) return value;
  const numbers = value.filter((entry): entry is number => typeof entry === "number");
  if (numbers.length !== 4) return value.map(unitQuaternion);
  const norm = Math.sqrt(numbers.reduce((sum, v) => sum + v * v, 0));
  return numbers.map((v) => v / norm);
}

/** The output moved on its fibers. */
function checkTransformed(c: Case, output: GeometricTensor): void {
  if (c.element === undefined) return;
  const group = output.type.fibergroup;
  same("group", group === groupOf(c.expect.group), true);
  const moved = output.transformFibers(elementOf(group, unitQuaternion(c.element)));
  closeTensor("transformed output", moved.tensor, c.expect.transformed, c.tolerance);
}

/** A module of one input. */
function single(c: Case, module: EquivariantModule): void {
  const { inType } = module;
  same("input fields", inType.sizes, c.expect.inType);
  same("output fields", module.outType.sizes, c.expect.outType);
  const columns = module instanceof TensorProductModule ? matrixColumns(module) : undefined;
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
  checkTransformed(c, typed!);
  if (c.expect.samplingMatrix !== undefined) {
    if (!("matrices" in module)) throw new CheckFailure("sampling matrix: there is none");
    const { sampling } = (module as FourierPointwise).matrices, expected = tensor(c.expect.samplingMatrix);
    same("shape of the sampling matrix", [sampling.rows, sampling.columns], expected.shape);
    close("sampling matrix", sampling.data, expected.data, c.tolerance);
  }
  if (module instanceof TensorProductModule) {
    const gradient = tensor(c.expect.matrixGradient).data;
    const expected = columns!.map((column) => column.reduce((sum, v, i) => sum + v * gradient[i], 0));
    close("weight gradient", Float64Array.from(module.weights.grad!.dataSync()), expected, c.tolerance);
  }
  module.dispose();
}

function matrixColumns(module: TensorProductModule): Float64Array[] {
  const weights = Float64Array.from(module.weights.dataSync());
  const columns = expansionColumns(module.weights, () => module.expandMatrix());
  module.weights.backend.write(module.weights, weights);
  return columns;
}

/** A module of several inputs, whose forward takes them in order. */
function several(c: Case, module: Module, inputs: readonly Tensor[], output: GeometricTensor): void {
  same("output fields", output.type.sizes, c.expect.outType);
  same("output shape", output.shape, c.expect.outputShape);
  closeTensor("output", output.tensor, c.expect.output, c.tolerance);
  output.tensor.backward(tensorOf(c.outputGradient));
  list(c.expect.inputGradients).forEach((expected, i) =>
    closeTensor(`gradient of input ${i}`, inputs[i].grad, expected, c.tolerance)
  );
  checkState(c, module);
  module.dispose();
}

/** The inputs of a case with several. */
function inputsOf(c: Case): { readonly spec: JsonObject; readonly type: FieldType; readonly input: Tensor }[] {
  const space = spaceOf(c.space);
  return list(c.inputs).map((entry, i) => {
    const spec = object(entry), type = fieldTypeOf(space, spec.in);
    same(`fields of input ${i}`, type.sizes, list(c.expect.inTypes)[i]);
    return { spec, type, input: tensorOf(spec.input).requireGrad() };
  });
}

/** Modules that are not one feature map to one feature map. */
const SPECIAL: Readonly<Record<string, (c: Case) => void>> = {
  MaxPoolChannels(c) {
    compare(c, (input) => new MaxPoolChannels(number(object(c.options).kernelSize)).forward(input));
  },
  HarmonicPolynomialR3(c) {
    const { L, group } = object(c.options);
    single(c, new HarmonicPolynomialR3(number(L), { group: group as "so3" | "o3" | undefined }));
  },
  GatedNonLinearity2(c) {
    const inputs = inputsOf(c);
    const module = multiModuleOf(inputs.map(({ type }) => type), c);
    const output = module.forward(...inputs.map(({ type, input }) => new GeometricTensor(input, type)));
    several(c, module, inputs.map(({ input }) => input), output);
  },
  MergeModule(c) {
    const inputs = inputsOf(c);
    const types = new Map(inputs.map(({ spec, type }) => [String(spec.label), type]));
    const module = new MergeModule(partsOf(list(object(c.options).modules), (label) => types.get(label)!, PARTS));
    const labelled = inputs.map(({ spec, type, input }): [string, GeometricTensor] => [
      String(spec.label),
      new GeometricTensor(input, type),
    ]);
    several(c, module, inputs.map(({ input }) => input), module.forward(new Map(labelled)));
  },
  BranchingModule(c) {
    const inType = fieldTypeOf(spaceOf(c.space), c.in), options = object(c.options);
    same("input fields", inType.sizes, c.expect.inType);
    const module = new BranchingModule(inType, labelsOf(options.labels), { reshuffle: reshuffleOf(options) });
    const input = tensorOf(c.input).requireGrad();
    const outputs = module.forward(new GeometricTensor(input, inType));
    same("number of outputs", outputs.size, list(c.expect.outputs).length);
    for (const entry of list(c.expect.outputs)) {
      const expected = object(entry), output = outputs.get(String(expected.label))!;
      same(`fields of ${expected.label}`, output.type.sizes, expected.outType);
      same(`shape of ${expected.label}`, output.shape, expected.outputShape);
      closeTensor(`output ${expected.label}`, output.tensor, expected.output, c.tolerance);
    }
    for (const entry of list(c.outputGradients)) {
      const { label, gradient } = object(entry);
      outputs.get(String(label))!.tensor.backward(tensorOf(gradient));
    }
    closeTensor("input gradient", input.grad, c.expect.inputGradient, c.tolerance);
  },
};

/** The kinds of modules.json.gz. */
export const moduleRunners: Runners = {
  async module(c) {
    await caseBackend();
    using _ = scope();
    const name = String(c.module);
    if (Object.hasOwn(SPECIAL, name)) SPECIAL[name](c);
    else single(c, moduleOf(fieldTypeOf(spaceOf(c.space), c.in), c));
  },
};
