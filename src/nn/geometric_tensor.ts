/**
 * Geometric tensors: a tensor together with the field type that says how its channels transform. Operations check types, and
 * `transform` moves a feature map as the group does: positions by the base space's action, fibers by the representation.
 */

import { showAsText } from "../console_text.ts";
import type { GroupElement, SubgroupId, SubgroupIdPart } from "../group/types.ts";
import type { Backend } from "../tensor/backend.ts";
import { ArgumentError, ShapeError } from "../tensor/errors.ts";
import { concatenate, type Tensor } from "../tensor/mod.ts";
import { formatShape, type Shape } from "../tensor/layout.ts";
import { FieldTypeError } from "./errors.ts";
import type { FieldType } from "./field_type.ts";
import { differenceOf, requireSameSpace } from "./field_type.ts";
import { selectFields, transformCoords, transformFibers, transformGrid } from "./transform.ts";

/** What the axes of a geometric tensor are, by the dimension of the base space. */
const AXES = [
  "[batch, channels]",
  "[batch, channels, length]",
  "[batch, channels, height, width]",
  "[batch, channels, depth, height, width]",
];

/**
 * A feature map with its type: `[batch, channels, …spatial]` on a grid whose axes are (−y, x) or (−z, −y, x), or
 * `[points, channels]` at the positions `coords` `[points, dimension]`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { FieldType, GeometricTensor, gspaces, tensor, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const space = gspaces.rot2dOnR2(4);
 * const type = new FieldType(space, [space.trivialRepr]);
 * const x = new GeometricTensor(tensor([[[[1, 2], [3, 4]]]]), type);
 * const turned = x.transform(space.fibergroup.element(1)); // by 90° counter-clockwise
 * assertEquals([...turned.tensor.dataSync()], [2, 4, 1, 3]);
 * ```
 */
export class GeometricTensor {
  /** The numbers. */
  readonly tensor: Tensor;
  /** What the channels are. */
  readonly type: FieldType;
  /** The positions of the points `[points, dimension]` as (x, y(, z)), when this is a point cloud. */
  readonly coords: Tensor | undefined;

  /**
   * A tensor with a type.
   *
   * @throws ShapeError when the number of axes or points does not fit the space.
   * @throws FieldTypeError when the number of channels is not the type's size.
   */
  constructor(tensor: Tensor, type: FieldType, coords?: Tensor) {
    const dimension = type.gspace.dimensionality;
    const rank = coords === undefined ? 2 + dimension : 2;
    if (tensor.rank !== rank) {
      throw new ShapeError({
        op: "GeometricTensor",
        expected: coords === undefined ? `axes ${AXES[dimension]} for ${type}` : "axes [points, channels] with coords",
        actual: formatShape(tensor.shape),
        hint: coords !== undefined
          ? undefined
          : tensor.rank === 2 && dimension > 1
          ? "Points come with their positions: new GeometricTensor(features, type, coords)"
          : tensor.rank === rank - 1
          ? "A single sample is a batch of one: tensor.unsqueeze(0)"
          : undefined,
      });
    }
    if (tensor.shape[1] !== type.size) {
      throw new FieldTypeError({
        op: "GeometricTensor",
        expected: `${type.size} channels for ${type}`,
        actual: `${tensor.shape[1]} in ${formatShape(tensor.shape)}`,
        hint: rank > 2 && tensor.shape[rank - 1] === type.size
          ? `Channels come before positions: tensor.permute([0, ${rank - 1}, ${
            Array.from({ length: dimension }, (_, axis) => axis + 1).join(", ")
          }])`
          : undefined,
      });
    }
    if (
      coords !== undefined &&
      (coords.rank !== 2 || coords.shape[0] !== tensor.shape[0] || coords.shape[1] !== dimension)
    ) {
      throw new ShapeError({
        op: "GeometricTensor",
        expected: `coords [${tensor.shape[0]}, ${dimension}]`,
        actual: formatShape(coords.shape),
      });
    }
    this.tensor = tensor;
    this.type = type;
    this.coords = coords;
  }

  /** The tensor's shape. */
  get shape(): Shape {
    return this.tensor.shape;
  }

  /** Another tensor with the same type and positions. */
  with(tensor: Tensor): GeometricTensor {
    return new GeometricTensor(tensor, this.type, this.coords);
  }

  #sameType(op: string, other: GeometricTensor): void {
    if (!(other instanceof GeometricTensor)) {
      throw new FieldTypeError({
        op,
        expected: `two tensors of type ${this.type}`,
        actual: `one without a type: ${String(other)}`,
        hint: "features.with(tensor) gives a tensor the type and the positions of features",
      });
    }
    if (!this.type.equals(other.type)) {
      throw new FieldTypeError({
        op,
        expected: `two tensors of type ${this.type}`,
        actual: `one of type ${other.type}`,
        hint: differenceOf(this.type, other.type),
      });
    }
    if (this.coords !== other.coords) {
      throw new ArgumentError({
        op,
        expected: "two tensors on the same grid or with the same coords tensor",
        actual: "tensors at different positions",
      });
    }
  }

  /** The sum with a tensor of the same type. Throws FieldTypeError that names both types. */
  add(other: GeometricTensor): GeometricTensor {
    this.#sameType("GeometricTensor.add", other);
    return this.with(this.tensor.add(other.tensor));
  }

  /** The difference from a tensor of the same type. Throws FieldTypeError that names both types. */
  sub(other: GeometricTensor): GeometricTensor {
    this.#sameType("GeometricTensor.sub", other);
    return this.with(this.tensor.sub(other.tensor));
  }

  /** The multiple by a number, or by an invariant tensor with one element. */
  mul(factor: number | Tensor): GeometricTensor {
    if (typeof factor !== "number" && factor.size !== 1) {
      throw new ShapeError({
        op: "GeometricTensor.mul",
        expected: "a number or a tensor with one element",
        actual: formatShape(factor.shape),
        hint: "Multiplying channels by different factors does not commute with the group",
      });
    }
    return this.with(this.tensor.mul(factor));
  }

  /** ρ(g) at every position; positions stay. */
  transformFibers(g: GroupElement): GeometricTensor {
    return this.with(transformFibers(this.tensor, this.type, g));
  }

  /**
   * The feature map moved by g: on a grid ρ(g) f(g⁻¹ p) about its centre, exact where g maps the grid to itself and
   * interpolated otherwise (linearly, or with `order` 3 cubically); of a point cloud the coords move.
   */
  transform(g: GroupElement, { order = 1 }: { readonly order?: 1 | 3 } = {}): GeometricTensor {
    const moved = transformFibers(this.tensor, this.type, g);
    if (this.coords !== undefined) {
      return new GeometricTensor(moved, this.type, transformCoords(this.coords, this.type.gspace, g));
    }
    return new GeometricTensor(transformGrid(moved, this.type.gspace, g, order), this.type);
  }

  /** The same numbers under a subgroup of the symmetries. */
  restrict(id: SubgroupId | SubgroupIdPart): GeometricTensor {
    return new GeometricTensor(this.tensor, this.type.restrict(id), this.coords);
  }

  /** The fields from `start` up to before `end`, a view. Negative positions count from the end. */
  slice(start: number, end: number = this.type.length): GeometricTensor {
    const count = this.type.length;
    const from = start < 0 ? start + count : start, to = end < 0 ? end + count : end;
    if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to > count || from >= to) {
      throw new ArgumentError({
        op: "GeometricTensor.slice",
        expected: `a non-empty range within the ${count} fields`,
        actual: `${start} to ${end}`,
      });
    }
    return this.fields(Array.from({ length: to - from }, (_, i) => from + i));
  }

  /** The fields at these positions, in this order; neighbouring ones as a view. */
  fields(positions: readonly number[]): GeometricTensor {
    const type = this.type.indexSelect(positions);
    return new GeometricTensor(selectFields(this.tensor, this.type, positions), type, this.coords);
  }

  /** The parts before, between and after these field positions (ascending, without the ends). */
  split(breaks: readonly number[]): GeometricTensor[] {
    const ends = [...breaks, this.type.length];
    return ends.map((end, i) => this.slice(i === 0 ? 0 : ends[i - 1], end));
  }

  /** The tensor on another backend, with the same type. */
  async to(backend: string | Backend): Promise<GeometricTensor> {
    const coords = await this.coords?.to(backend);
    return new GeometricTensor(await this.tensor.to(backend), this.type, coords);
  }

  /** For people: shape and type. */
  toString(): string {
    return `GeometricTensor(${formatShape(this.shape)}, ${this.type})`;
  }

  static {
    showAsText(this.prototype);
  }
}

/**
 * The fields of several geometric tensors at the same positions, one after the other.
 * Throws FieldTypeError when they live on different spaces.
 */
export function tensorDirectSum(tensors: readonly GeometricTensor[]): GeometricTensor {
  if (tensors.length === 0) {
    throw new ArgumentError({ op: "tensorDirectSum", expected: "at least one tensor", actual: "none" });
  }
  const [first, ...others] = tensors;
  for (const other of others) {
    requireSameSpace("tensorDirectSum", first.type, other.type);
    if (other.coords !== first.coords) {
      throw new ArgumentError({
        op: "tensorDirectSum",
        expected: "tensors on the same grid or with the same coords tensor",
        actual: "tensors at different positions",
      });
    }
  }
  if (others.length === 0) return first;
  const type = others.reduce<FieldType>((sum, other) => sum.concat(other.type), first.type);
  return new GeometricTensor(concatenate(tensors.map((part) => part.tensor), 1), type, first.coords);
}
