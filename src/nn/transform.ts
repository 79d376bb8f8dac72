/**
 * How group elements move feature maps: the representation on the fibers, the base space's action on grid positions or
 * coordinates, and selection of fields. All are compositions of tensor operations in the tensor's own precision.
 */

import type { GroupElement } from "../group/types.ts";
import type { GSpace } from "../gspaces/gspace.ts";
import { concatenate, indexSelect, type Tensor, tensor } from "../tensor/mod.ts";
import type { FieldType } from "./field_type.ts";

/** A constant matrix beside a tensor, in its element type. */
function matrixLike(values: Float64Array, shape: readonly number[], like: Tensor): Tensor {
  const data = like.dtype === "float32" ? new Float32Array(values) : values;
  return tensor(data, shape, { backend: like.backend, dtype: like.dtype });
}

/** A maximal run of consecutive fields with the same representation. */
interface Run {
  readonly start: number;
  readonly count: number;
}

function runsOf(type: FieldType): Run[] {
  const classOf = new Array<number>(type.length);
  type.classes.forEach(({ fields }, index) => fields.forEach((field) => classOf[field] = index));
  const runs: Run[] = [];
  for (let start = 0; start < type.length;) {
    let end = start;
    while (end < type.length && classOf[end] === classOf[start]) end++;
    runs.push({ start, count: end - start });
    start = end;
  }
  return runs;
}

/** ρ(g) x at every position of `[batch, channels, …]`. */
export function transformFibers(x: Tensor, type: FieldType, g: GroupElement): Tensor {
  const [batch, , ...rest] = x.shape;
  const positions = rest.reduce((a, b) => a * b, 1);
  const parts = runsOf(type).map(({ start, count }) => {
    const representation = type.representations[start], { size } = representation;
    const first = type.fieldsStart[start];
    const part = x.slice(1, first, first + count * size);
    if (representation.isTrivial()) return part;
    const matrix = matrixLike(representation.matrix(g), [size, size], x);
    return matrix.matmul(part.reshape([batch, count, size, positions])).reshape([batch, count * size, ...rest]);
  });
  return parts.length === 1 ? parts[0] : concatenate(parts, 1);
}

/** f(g⁻¹ p) on the grid of `[batch, channels, …spatial]`, without the fibers. */
export function transformGrid(x: Tensor, gspace: GSpace, g: GroupElement, order: 1 | 3): Tensor {
  if (gspace.dimensionality === 0) return x;
  const [batch, channels, ...spatial] = x.shape;
  const plan = gspace.gridTransform(g, spatial, { order });
  const positions = spatial.reduce((a, b) => a * b, 1);
  const moved = indexSelect(x.reshape([batch, channels, positions]), 2, plan.source);
  if (plan.kind === "permutation") return moved.reshape([batch, channels, ...plan.outputShape]);
  const pixels = plan.outputShape.reduce((a, b) => a * b, 1);
  const weights = matrixLike(plan.weights, [pixels, plan.taps], x);
  return moved.reshape([batch, channels, pixels, plan.taps]).mul(weights).sum(3)
    .reshape([batch, channels, ...plan.outputShape]);
}

/** Whether g maps the grid with these spatial sizes onto a grid of the same points, so that no interpolation is needed. */
export function isExactOnGrid(gspace: GSpace, g: GroupElement, spatial: readonly number[]): boolean {
  return gspace.dimensionality === 0 || gspace.gridTransform(g, spatial).kind === "permutation";
}

/** The coordinates `[points, dimension]` moved by g. */
export function transformCoords(coords: Tensor, gspace: GSpace, g: GroupElement): Tensor {
  const d = gspace.dimensionality;
  return coords.matmul(matrixLike(gspace.baseSpaceAction(g), [d, d], coords).transpose(0, 1));
}

/** The channels of the fields at these positions, in this order; a view when they are neighbours. */
export function selectFields(x: Tensor, type: FieldType, positions: readonly number[]): Tensor {
  if (positions.every((field, i) => i === 0 || field === positions[i - 1] + 1)) {
    return x.slice(1, type.fieldsStart[positions[0]], type.fieldsEnd[positions[positions.length - 1]]);
  }
  const channels = positions.flatMap((field) =>
    Array.from({ length: type.sizes[field] }, (_, i) => type.fieldsStart[field] + i)
  );
  return indexSelect(x, 1, Int32Array.from(channels));
}
