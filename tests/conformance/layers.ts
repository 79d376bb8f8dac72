// The runner of layers.json.gz: steerable convolutions and linear maps with given filters, and their gradients.

import { GeometricTensor, RdConv } from "../../src/nn/mod.ts";
import { symmetricEigen } from "../../src/math/linear_algebra.ts";
import { scope } from "../../src/tensor/mod.ts";
import { type Case, close, holds, type Runners, same, tensor, Unsupported } from "./check.ts";
import { spaceOf } from "./descriptions.ts";
import { caseBackend, closeTensor, fieldTypeOf, fitWeights, moduleOf, tensorOf } from "./modules_support.ts";

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** The rank of columns scaled to norm 1: singular values above 1e-6 of the greatest. */
function rankOf(columns: readonly Float64Array[]): number {
  const n = columns.length;
  const scaled = columns.map((column) => {
    const norm = Math.sqrt(dot(column, column));
    return norm > 0 ? column.map((v) => v / norm) : column;
  });
  const gram = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) gram[i * n + j] = gram[j * n + i] = dot(scaled[i], scaled[j]);
  }
  const { values } = symmetricEigen(gram, n);
  const greatest = values.reduce((a, b) => Math.max(a, b), 0);
  return values.filter((value) => value > 1e-12 * greatest).length;
}

async function layer(c: Case): Promise<void> {
  const space = spaceOf(c.space);
  const inType = fieldTypeOf(space, c.in);
  await caseBackend();
  using _ = scope();
  const module = moduleOf(inType, c);
  if (!(module instanceof RdConv)) throw new Unsupported(`module ${c.module}`);
  const { filterColumns, biasColumns } = fitWeights(module, c.filter, c.bias);
  if (c.expect.rank !== undefined) same("rank", rankOf(filterColumns), c.expect.rank);

  const input = tensorOf(c.input).requireGrad();
  const output = module.forward(new GeometricTensor(input, inType)).tensor;
  holds(
    "evaluateOutputShape",
    JSON.stringify(module.evaluateOutputShape(input.shape)) === JSON.stringify(output.shape),
  );
  closeTensor("output", output, c.expect.output, c.tolerance);
  output.backward(tensorOf(c.outputGradient));
  closeTensor("input gradient", input.grad, c.expect.inputGradient, c.tolerance);
  const filterGradient = tensor(c.expect.filterGradient).data;
  close(
    "weight gradient",
    Float64Array.from(module.weights.grad!.dataSync()),
    filterColumns.map((column) => dot(column, filterGradient)),
    c.tolerance,
  );
  if (module.bias !== undefined) {
    const biasGradient = tensor(c.expect.biasGradient).data;
    close(
      "bias gradient",
      Float64Array.from(module.bias.grad!.dataSync()),
      biasColumns.map((column) => dot(column, biasGradient)),
      c.tolerance,
    );
  }
  module.dispose();
}

/** The kinds of layers.json.gz. */
export const layerRunners: Runners = { convolution: layer, linear: layer };
