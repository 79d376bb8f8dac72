// What every equivariant module must do, as one check: commute with the group, have right derivatives by input and parameters, give its state
// back in both modes, equal its export, take empty batches and batches of one, and compute in float64.

import { assert, assertEquals } from "@std/assert";
import { type EquivariantModule, type FieldType, GeometricTensor } from "../../src/nn/mod.ts";
import { assign, gradcheck, noGrad, type Tensor } from "../../src/tensor/mod.ts";
import { assertClose } from "../support/close.ts";
import { assertExports, feature, normal, values } from "./support.ts";

/** How a module is checked. */
export interface ContractOptions {
  /** Spatial sizes for `checkEquivariance` and exports. Default 5 along each axis. */
  readonly spatial?: readonly number[];
  /** Spatial sizes for difference quotients. Default 2 along each axis. */
  readonly small?: readonly number[];
  /** Bound on the equivariance error. Default 1e-11. */
  readonly tolerance?: number;
  /** Whether inputs are moved away from 0. */
  readonly awayFrom?: (x: Tensor) => Tensor;
  /** Whether derivatives are checked in train mode too: they must pass through all statistics. Default false. */
  readonly differentiableInTraining?: boolean;
}

/** The values of buffers, put back by the result: forward passes in train mode change them. */
export function keepBuffers(module: EquivariantModule): () => void {
  const saved = module.buffers().map((buffer) => [buffer, buffer.dataSync()] as const);
  return () => noGrad(() => saved.forEach(([buffer, data]) => assign(buffer, data)));
}

async function checkDerivatives(module: EquivariantModule, input: Tensor): Promise<void> {
  const restore = keepBuffers(module);
  const forward = (x: Tensor): Tensor => {
    restore();
    return module.forward(new GeometricTensor(x, module.inType)).tensor;
  };
  await gradcheck(forward, [input], { secondOrder: true, tolerance: 1e-5 });
  if (module.parameters().length === 0) return restore();
  const output = forward(input), direction = normal(output.shape);
  for (const parameter of module.parameters()) parameter.clearGrad();
  output.mul(direction).sum().backward();
  const loss = (): number => noGrad(() => forward(input).mul(direction).sum().itemSync());
  for (const [name, parameter] of module.namedParameters()) {
    const before = Float64Array.from(parameter.dataSync());
    const numeric = before.map((_, i) => {
      const at = (step: number): number => {
        noGrad(() => assign(parameter, before.map((v, j) => i === j ? v + step : v)));
        return loss();
      };
      return (at(1e-5) - at(-1e-5)) / 2e-5;
    });
    noGrad(() => assign(parameter, before));
    const message = `${module.constructor.name}: derivative by ${name}`;
    assertClose(values(parameter.grad!), [...numeric], { absolute: 1e-6, message });
  }
  restore();
}

/** Gives every parameter other values than those it started with, and lets running statistics see three batches. */
function disturb(module: EquivariantModule, spatial: readonly number[], dtype: "float32" | "float64"): void {
  noGrad(() => {
    for (const parameter of module.parameters()) {
      assign(parameter, parameter.dataSync().map((v, i) => v + 0.1 + 0.05 * Math.sin(i + 1)));
    }
    if (module.buffers().length === 0) return;
    module.train();
    for (let step = 0; step < 3; step++) {
      const x = feature(module.inType, 3, ...spatial).mul(step + 1);
      module.forward(x.with(x.tensor.cast(dtype)));
    }
  });
}

/** Checks a module; `make` makes it with parameters of a type. */
export async function checkContract(
  make: (dtype: "float32" | "float64") => EquivariantModule,
  options: ContractOptions = {},
): Promise<void> {
  const module = make("float64"), { inType } = module, dimension = inType.gspace.dimensionality;
  const spatial = options.spatial ?? new Array<number>(dimension).fill(5);
  const small = options.small ?? new Array<number>(dimension).fill(2);
  const name = `${module.constructor.name} on ${inType}`;
  disturb(module, spatial, "float64");

  const report = await module.checkEquivariance({ size: spatial, tolerance: options.tolerance ?? 1e-11 });
  assert(report.exact.length > 0 && report.passed, name);

  const prepare = options.awayFrom ?? ((x: Tensor) => x);
  const input = prepare(normal([2, inType.size, ...small]));
  await checkDerivatives(module.eval(), input);
  if (options.differentiableInTraining) await checkDerivatives(module.train(), input);
  module.eval();

  const x = feature(inType, 2, ...spatial);
  const expected = module.forward(x);
  assertEquals(expected.tensor.dtype, "float64", name);
  assert(expected.type.equals(module.outType), name);
  assertEquals(module.evaluateOutputShape(x.shape), [...expected.shape], name);
  for (const mode of [true, false]) {
    const copy = make("float64").train(mode), before = copy.train(!mode).stateDict().tensors;
    copy.train(mode);
    assertEquals([...copy.stateDict().tensors.keys()], [...before.keys()], name);
    copy.loadStateDict(module.stateDict());
    assertEquals(values(copy.eval().forward(x).tensor), values(expected.tensor), name);
  }

  const half = make("float32");
  disturb(half, spatial, "float32");
  assertExports(half, spatial);
  assertEquals(module.forward(feature(inType, 0, ...spatial)).shape, [0, ...expected.shape.slice(1)], name);
  const one = x.tensor.slice(0, 1, 2);
  const single = module.forward(new GeometricTensor(one, inType)).tensor;
  assertClose(values(single), values(expected.tensor.slice(0, 1, 2)), { absolute: 1e-12, message: name });
}

/** Runs {@linkcode checkContract} for each of these types. */
export async function checkTypes(
  types: readonly FieldType[],
  make: (type: FieldType, dtype: "float32" | "float64") => EquivariantModule,
  options: ContractOptions = {},
): Promise<void> {
  for (const type of types) await checkContract((dtype) => make(type, dtype), options);
}
