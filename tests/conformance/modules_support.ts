// What the runners of modules, layers, networks and transforms share: tensors of cases, field types, specifications of modules
// as objects of this library, and weights by least squares.

import {
  type EquivariantModule,
  type FieldType,
  type Module,
  type MultiInputModule,
  RdConv,
  STATE_CONVENTION,
  TensorProductModule,
} from "../../src/nn/mod.ts";
import { runtime } from "../../src/runtime/mod.ts";
import { type Backend, noGrad, scope, type Tensor, tensor as makeTensor, useBackend } from "../../src/tensor/mod.ts";
import { CheckFailure, close, type Json, type JsonObject, object, same, tensor, Unsupported } from "./check.ts";
import { BUILDERS, fieldTypeOf, type PartBuilder, severalOf } from "./module_builders.ts";

export { fieldTypeOf };

/** The backend on which modules are run, in float64: the reference, or the one that ESCNN_CONFORMANCE_BACKEND names. */
export function caseBackend(): Promise<Backend> {
  return useBackend(runtime.env("ESCNN_CONFORMANCE_BACKEND") ?? "reference");
}

/** A tensor of a case in float64; scalars of type int32 where `integer`. */
export function tensorOf(value: Json | undefined, integer = false): Tensor {
  const { shape, data } = tensor(value);
  return integer ? makeTensor(Int32Array.from(data), shape) : makeTensor(data, shape, { dtype: "float64" });
}

/** Fails unless a tensor has the expected shape and numbers. */
export function closeTensor(
  what: string,
  got: Tensor | undefined,
  expected: Json | undefined,
  tolerance: number,
): void {
  if (got === undefined) throw new CheckFailure(`${what}: there is none`);
  const { shape, data } = tensor(expected);
  same(`shape of ${what}`, got.shape, shape);
  close(what, Float64Array.from(got.dataSync()), data, tolerance);
}

/** Containers, whose state is that of their parts. */
const CONTAINERS = new Set(["SequentialModule", "MultipleModule"]);

/** The module of a specification, with its parameters and buffers set. Throws Unsupported for a class that is not here. */
export function moduleOf(inType: FieldType, spec: JsonObject): EquivariantModule {
  const name = String(spec.module);
  if (!Object.hasOwn(BUILDERS, name)) throw new Unsupported(`module ${name}`);
  const module = BUILDERS[name](inType, object(spec.options ?? {}), spec, PARTS);
  if (module instanceof RdConv) fitWeights(module, spec.filter ?? spec.matrix, spec.bias ?? null);
  else if (module instanceof TensorProductModule) fitMatrix(module, spec.matrix);
  // A container's entries are those of its parts, which have been set already.
  else if (!CONTAINERS.has(name)) setState(module, spec);
  return module;
}

/** The module of several inputs of a specification, with its parameters set. */
export function multiModuleOf(inTypes: readonly FieldType[], spec: JsonObject): MultiInputModule {
  const module = severalOf(inTypes, spec);
  setState(module, spec);
  return module;
}

/** How containers make their parts. */
export const PARTS: PartBuilder = { single: moduleOf, several: multiModuleOf };

/** Sets parameters and buffers by escnn's names; entries are in escnn's order. */
function setState(module: Module, spec: JsonObject): void {
  const given = { ...object(spec.parameters ?? {}), ...object(spec.buffers ?? {}) };
  const state = module.stateDict().tensors;
  const tensors = new Map(
    Object.entries(given).map(([name, value]) => [name, tensorOf(value, state.get(name)?.dtype === "int32")]),
  );
  module.loadStateDict({ convention: STATE_CONVENTION, tensors });
}

/** Sets the weights of a tensor product so that they expand to a matrix, and returns the columns. */
export function fitMatrix(module: TensorProductModule, matrix: Json | undefined): Float64Array[] {
  const columns = expansionColumns(module.weights, () => module.expandMatrix());
  setWeights(module.weights, leastSquares("matrix", columns, tensor(matrix).data));
  return columns;
}

/** A column for each weight: what it expands to when it is 1 and the others are 0. */
export function expansionColumns(weights: Tensor, expand: () => Tensor): Float64Array[] {
  const { size } = weights;
  const columns: Float64Array[] = [];
  noGrad(() => {
    for (let b = 0; b < size; b++) {
      using _ = scope();
      setWeights(weights, Float64Array.from({ length: size }, (_, i) => i === b ? 1 : 0));
      columns.push(Float64Array.from(expand().dataSync()));
    }
  });
  return columns;
}

/** Overwrites a tensor. */
export function setWeights(weights: Tensor, values: Float64Array): void {
  noGrad(() => weights.backend.write(weights, values));
  weights.storage.version++;
}

/** Sets a convolution's weights and bias parameters so that they expand to a filter and a bias, and returns the columns. */
export function fitWeights(
  module: RdConv,
  filter: Json | undefined,
  bias: Json,
): { filterColumns: Float64Array[]; biasColumns: Float64Array[] } {
  const expandFilter = () => module.expandFilter();
  const filterColumns = expansionColumns(module.weights, expandFilter);
  setWeights(module.weights, leastSquares("filter", filterColumns, tensor(filter).data));
  if ((bias === null) !== (module.bias === undefined)) {
    throw new CheckFailure(`bias: ${bias === null ? "none" : "one"} expected, got ${module.bias?.shape}`);
  }
  if (module.bias === undefined) return { filterColumns, biasColumns: [] };
  const biasColumns = expansionColumns(module.bias, () => module.expandBias()!);
  setWeights(module.bias, leastSquares("bias", biasColumns, tensor(bias).data));
  return { filterColumns, biasColumns };
}

/** The combination of columns nearest to `target`; fails when it is farther than 1e-7 anywhere. */
export function leastSquares(what: string, columns: readonly Float64Array[], target: Float64Array): Float64Array {
  const { solution, rest } = solve(columns, target);
  const worst = rest.reduce((a, v) => Math.max(a, Math.abs(v)), 0);
  if (!(worst < 1e-7)) throw new CheckFailure(`${what}: not in the span, residual ${worst}`);
  return solution;
}

/** The combination of columns nearest to `target`, however far that is. */
export function nearestCombination(columns: readonly Float64Array[], target: Float64Array): Float64Array {
  return solve(columns, target).solution;
}

/** Least squares by modified Gram-Schmidt: the combination, and what it leaves of the target. */
function solve(
  columns: readonly Float64Array[],
  target: Float64Array,
): { readonly solution: Float64Array; readonly rest: Float64Array } {
  const { factors, orthonormal } = gramSchmidt(columns);
  const rest = Float64Array.from(target);
  const inner = orthonormal.map((q) => {
    if (q === undefined) return 0;
    let dot = 0;
    for (let i = 0; i < rest.length; i++) dot += q[i] * rest[i];
    for (let i = 0; i < rest.length; i++) rest[i] -= dot * q[i];
    return dot;
  });
  const solution = new Float64Array(columns.length);
  for (let k = columns.length - 1; k >= 0; k--) {
    if (orthonormal[k] === undefined) continue;
    let value = inner[k];
    for (let j = k + 1; j < columns.length; j++) value -= factors[j][k] * solution[j];
    solution[k] = value / factors[k][k];
  }
  return { solution, rest };
}

function gramSchmidt(columns: readonly Float64Array[]): {
  factors: Float64Array[];
  orthonormal: (Float64Array | undefined)[];
} {
  const orthonormal: (Float64Array | undefined)[] = [];
  const factors = columns.map((column, j) => {
    const row = new Float64Array(j + 1);
    const rest = Float64Array.from(column);
    const size = Math.sqrt(column.reduce((a, v) => a + v * v, 0));
    for (let pass = 0; pass < 2; pass++) {
      orthonormal.forEach((q, k) => {
        if (q === undefined) return;
        let dot = 0;
        for (let i = 0; i < rest.length; i++) dot += q[i] * rest[i];
        if (dot === 0) return;
        for (let i = 0; i < rest.length; i++) rest[i] -= dot * q[i];
        row[k] += dot;
      });
    }
    const norm = Math.sqrt(rest.reduce((a, v) => a + v * v, 0));
    row[j] = norm;
    orthonormal.push(norm > 1e-9 * size ? rest.map((v) => v / norm) : undefined);
    return row;
  });
  return { factors, orthonormal };
}
