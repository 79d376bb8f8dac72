// The runner of layers.json.gz: steerable convolutions and linear maps with given filters, and their gradients.

import { GeometricTensor, type PointConvOptions, R2PointConv, R3PointConv, RdConv } from "../../src/nn/mod.ts";
import { symmetricEigen } from "../../src/math/linear_algebra.ts";
import { scope, tensor as makeTensor } from "../../src/tensor/mod.ts";
import {
  type Case,
  close,
  holds,
  list,
  number,
  numbers,
  object,
  type Runners,
  same,
  tensor,
  Unsupported,
} from "./check.ts";
import { spaceOf } from "./descriptions.ts";
import {
  caseBackend,
  closeTensor,
  expansionColumns,
  fieldTypeOf,
  fitWeights,
  leastSquares,
  moduleOf,
  nearestCombination,
  setWeights,
  tensorOf,
} from "./modules_support.ts";

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

const POINT_CLASSES = { R2PointConv, R3PointConv } as const;

function pointOptions(c: Case): PointConvOptions {
  const options = object(c.options);
  const sizes = (value: typeof options.sigma) => typeof value === "number" ? value : numbers(value);
  return {
    width: options.width === undefined ? undefined : number(options.width),
    ringCount: options.nRings === undefined ? undefined : number(options.nRings),
    rings: options.rings === undefined ? undefined : numbers(options.rings),
    sigma: options.sigma === undefined ? undefined : sizes(options.sigma),
    frequenciesCutoff: options.frequenciesCutoff === undefined ? undefined : number(options.frequenciesCutoff),
    groups: options.groups === undefined ? undefined : number(options.groups),
    bias: options.bias !== false,
    initialize: false,
    dtype: "float64",
  };
}

/** The nearest point to `target` in the span of columns, with its coordinates. */
function project(
  columns: readonly Float64Array[],
  target: Float64Array,
): { weights: Float64Array; nearest: Float64Array } {
  const norms = columns.map((column) => Math.sqrt(dot(column, column)));
  const unit = columns.map((column, b) => column.map((v) => v / norms[b]));
  const coordinates = nearestCombination(unit, target);
  const nearest = new Float64Array(target.length);
  unit.forEach((column, b) => column.forEach((v, i) => nearest[i] += coordinates[b] * v));
  return { weights: coordinates.map((v, b) => v / norms[b]), nearest };
}

async function pointConvolution(c: Case): Promise<void> {
  const name = String(c.module);
  if (name !== "R2PointConv" && name !== "R3PointConv") throw new Unsupported(`module ${name}`);
  const space = spaceOf(c.space), inType = fieldTypeOf(space, c.in);
  await caseBackend();
  using _ = scope();
  const module = new POINT_CLASSES[name](inType, fieldTypeOf(space, c.out), pointOptions(c));
  same("number of weights", module.weights.size, c.expect.dimension);
  const [sources, targets] = list(c.edges).map(numbers);
  const edges = makeTensor(Int32Array.from([...sources, ...targets]), [2, sources.length]);
  const positions = tensorOf(c.positions), edgeDelta = c.edgeDelta === undefined ? undefined : tensorOf(c.edgeDelta);
  const input = tensorOf(c.input).requireGrad();
  const forward = () => module.forward(new GeometricTensor(input, inType, positions), edges, { edgeDelta }).tensor;
  const columns = expansionColumns(module.weights, forward);
  same("rank", rankOf(columns), c.expect.dimension);

  const fits = list(c.probes).map((probe) => project(columns, tensor(probe).data));
  list(c.expect.projections).forEach((expected, i) =>
    close(`projection ${i}`, fits[i].nearest, tensor(expected).data, c.tolerance)
  );
  setWeights(module.weights, fits[0].weights);
  if (module.bias !== undefined) {
    const biasColumns = expansionColumns(module.bias, () => module.expandBias()!);
    setWeights(module.bias, leastSquares("bias", biasColumns, tensor(c.bias).data));
  }
  const output = forward();
  closeTensor("output", output, c.expect.output, c.tolerance);
  output.backward(tensorOf(c.outputGradient));
  closeTensor("input gradient", input.grad, c.expect.inputGradient, c.tolerance);
  module.dispose();
}

/** The kinds of layers.json.gz. */
export const layerRunners: Runners = { convolution: layer, linear: layer, "point-convolution": pointConvolution };
