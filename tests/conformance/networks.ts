// The runner of networks.json.gz: small whole networks in eval mode, layer after layer.

import { type FieldType, GeometricTensor, STATE_CONVENTION } from "../../src/nn/mod.ts";
import * as plain from "../../src/nn/plain/mod.ts";
import { scope, type Tensor } from "../../src/tensor/mod.ts";
import { type JsonObject, list, number, object, type Runners, same, tensor, Unsupported } from "./check.ts";
import { spaceOf } from "./descriptions.ts";
import { caseBackend, closeTensor, fieldTypeOf, moduleOf, tensorOf } from "./modules_support.ts";

/** Loads tensors by name; names that the layer has beyond them keep their values. */
function load(layer: plain.Layer, values: { readonly [name: string]: Tensor }): plain.Layer {
  const tensors = new Map([...layer.stateDict().tensors, ...Object.entries(values)]);
  layer.loadStateDict({ convention: STATE_CONVENTION, tensors });
  return layer;
}

function plainLayerOf(spec: JsonObject): plain.Layer {
  switch (spec.plain) {
    case "Flatten":
      return new plain.Flatten();
    case "ReLU":
      return new plain.ReLU();
    case "ELU":
      return new plain.ELU();
    case "Linear": {
      const [outFeatures, inFeatures] = tensor(spec.weight).shape;
      const layer = new plain.Linear(inFeatures, outFeatures, { dtype: "float64", initialize: false });
      return load(layer, { weight: tensorOf(spec.weight), bias: tensorOf(spec.bias) });
    }
    case "BatchNorm1d": {
      const channels = tensor(spec.weight).shape[0];
      const layer = new plain.BatchNorm1d(channels, { eps: number(spec.eps), dtype: "float64" });
      return load(layer, {
        weight: tensorOf(spec.weight),
        bias: tensorOf(spec.bias),
        running_mean: tensorOf(spec.runningMean),
        running_var: tensorOf(spec.runningVar),
      });
    }
    default:
      throw new Unsupported(`plain layer ${spec.plain}`);
  }
}

/** The kinds of networks.json.gz. */
export const networkRunners: Runners = {
  async network(c) {
    const inType = fieldTypeOf(spaceOf(c.space), c.in);
    await caseBackend();
    using _ = scope();
    const input = tensorOf(c.input).requireGrad();
    const outputs: Tensor[] = [];
    let type: FieldType = inType;
    let value: GeometricTensor | Tensor = new GeometricTensor(input, inType);
    for (const entry of list(c.layers)) {
      const spec = object(entry);
      if (spec.plain !== undefined) {
        const x: Tensor = value instanceof GeometricTensor ? value.tensor : value;
        value = plainLayerOf(spec).eval().forward(x);
      } else {
        const module = moduleOf(type, spec).eval();
        if (!(value instanceof GeometricTensor)) throw new Unsupported("an equivariant module after a plain layer");
        same(`fields into ${spec.module}`, module.inType.sizes, spec.inType);
        same(`fields out of ${spec.module}`, module.outType.sizes, spec.outType);
        value = module.forward(value);
        type = module.outType;
      }
      outputs.push(value instanceof GeometricTensor ? value.tensor : value);
    }
    for (const entry of c.expect.outputs === undefined ? [] : list(c.expect.outputs)) {
      const { layer, output } = object(entry);
      closeTensor(`output of layer ${layer}`, outputs[number(layer)], output, c.tolerance);
    }
    const last = outputs[outputs.length - 1];
    closeTensor("output", last, c.expect.output, c.tolerance);
    last.backward(tensorOf(c.outputGradient));
    closeTensor("input gradient", input.grad, c.expect.inputGradient, c.tolerance);
  },
};
