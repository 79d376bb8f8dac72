// What the tests of modules share: the reference backend, random inputs in float64, field types by short names.

import type { RepresentationKind } from "../../src/group/types.ts";
import type { GSpace } from "../../src/gspaces/mod.ts";
import { type EquivariantModule, FieldType, GeometricTensor } from "../../src/nn/mod.ts";
import type { Layer } from "../../src/nn/plain/mod.ts";
import { expr, gradcheck, map, randn, scope, type Shape, type Tensor, useBackend } from "../../src/tensor/mod.ts";
import { assertClose } from "../support/close.ts";

await useBackend("reference");

/** A type of `count` regular fields. */
export function regular(space: GSpace, count = 1): FieldType<"pointwise"> {
  return new FieldType(space, space.regularRepr, count);
}

/** A type of `count` trivial fields. */
export function trivial(space: GSpace, count = 1): FieldType<"pointwise"> {
  return new FieldType(space, space.trivialRepr, count);
}

/** Standard normal numbers in float64. */
export function normal(shape: Shape): Tensor {
  return randn(shape, { dtype: "float64" });
}

/** A random feature map in float64. */
export function feature<K extends RepresentationKind>(
  type: FieldType<K>,
  batch: number,
  ...spatial: number[]
): GeometricTensor {
  return new GeometricTensor(normal([batch, type.size, ...spatial]), type);
}

/** The numbers of a tensor. */
export function values(tensor: Tensor): number[] {
  return [...tensor.dataSync()];
}

/** Asserts that a module and its export give the same numbers, in eval mode, to 1e-5 in float32. */
export function assertExports(
  module: EquivariantModule,
  spatial: readonly number[],
  layer: Layer = module.export(),
): void {
  using _ = scope();
  const input = new GeometricTensor(randn([3, module.inType.size, ...spatial]), module.inType);
  module.eval();
  layer.eval();
  const expected = module.forward(input).tensor, got = layer.forward(input.tensor);
  assertClose(got.shape, expected.shape);
  assertClose(got.dataSync(), expected.dataSync(), { absolute: 1e-5, message: `${module.constructor.name}.export` });
}

/** Checks first and second derivatives of a module by its input, in float64. */
export async function gradcheckModule(module: EquivariantModule, input: Tensor): Promise<void> {
  await gradcheck((x) => module.forward(new GeometricTensor(x, module.inType)).tensor, [input], { secondOrder: true });
}

/** The numbers moved away from 0, where functions have kinks. */
export function awayFromZero(x: Tensor, distance = 0.1): Tensor {
  return map([x], (v, d) => expr.add(v, expr.mul(expr.unary("sign", v), d)), { scalars: [distance] });
}
