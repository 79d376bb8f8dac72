/**
 * Equivariant multilayer perceptrons on a point: linear maps, normalizations and non-linearities in alternation, for any group.
 */

import type { IrrepId, RepresentationKind, SubgroupId, SubgroupIdPart } from "../../group/types.ts";
import type { FloatDType } from "../../tensor/dtype.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import { Linear } from "../conv/linear.ts";
import type { EquivariantModule } from "../equivariant_module.ts";
import { FieldType } from "../field_type.ts";
import { FourierPointwise, type QuotientFourierGrid, QuotientFourierPointwise } from "../nonlinearity/fourier.ts";
import { type PointwiseFunction, PointwiseNonLinearity } from "../nonlinearity/pointwise.ts";
import { IIDBatchNorm1d } from "../normalization/field_norms.ts";
import { SequentialModule } from "./sequential.ts";

/** Options of {@linkcode equivariantMLP}. */
export interface EquivariantMLPOptions {
  /** Fields of each hidden layer. Default one hidden layer of 8. */
  readonly channels?: readonly number[];
  /**
   * Irreps of the functions that a hidden field holds, on the group or on its quotient by `subgroup`. Default: regular fields of a finite
   * group; a continuous one needs them.
   */
  readonly irreps?: readonly IrrepId[];
  /** The subgroup of the quotient on which hidden functions live. Default: the trivial one. */
  readonly subgroup?: SubgroupId | SubgroupIdPart;
  /** Where hidden functions are sampled. Default: all elements of a finite group; a continuous one needs a grid. */
  readonly grid?: QuotientFourierGrid;
  /** The function. Default `"p_elu"`. */
  readonly function?: PointwiseFunction;
  /** Whether a batch normalization follows each hidden linear map. Default true. */
  readonly batchNorm?: boolean;
  /** Element type of parameters. Default float32. */
  readonly dtype?: FloatDType;
}

function hiddenLayer(inType: FieldType, channels: number, options: EquivariantMLPOptions): EquivariantModule {
  const { irreps, subgroup, grid, function: name = "p_elu" } = options, { gspace } = inType;
  if (irreps === undefined) {
    if (gspace.fibergroup.isContinuous) {
      throw new ArgumentError({
        op: "equivariantMLP",
        expected: `irreps and a grid for hidden fields, because ${gspace.fibergroup.name} is infinite`,
        actual: "none",
      });
    }
    return new PointwiseNonLinearity(new FieldType(gspace, gspace.regularRepr, channels), { function: name });
  }
  if (subgroup !== undefined) {
    return new QuotientFourierPointwise(gspace, subgroup, channels, irreps, { grid, function: name });
  }
  if (grid !== undefined && "sphere" in grid) {
    throw new ArgumentError({
      op: "equivariantMLP",
      expected: "a subgroup beside a grid of the sphere",
      actual: "none",
    });
  }
  return new FourierPointwise(gspace, channels, irreps, { grid, function: name });
}

/**
 * A network from `inType` to `outType` on a point: for each hidden layer a linear map, a batch normalization and a non-linearity, then a last
 * linear map. Hidden fields are regular ones with a pointwise function, or band-limited functions with a Fourier non-linearity.
 *
 * @example
 * ```ts
 * import { assert, assertEquals } from "@std/assert";
 * import { dihedralGroup, equivariantMLP, FieldType, gspaces, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const space = gspaces.noBaseSpace(dihedralGroup(4));
 * const vectors = new FieldType(space, space.irrep(1, 1)), scalars = new FieldType(space, space.trivialRepr);
 * const network = equivariantMLP(vectors, scalars, { channels: [4, 4] });
 * assertEquals(network.length, 7);
 * assert((await network.checkEquivariance()).passed);
 * ```
 */
export function equivariantMLP<K extends RepresentationKind>(
  inType: FieldType,
  outType: FieldType<K>,
  options: EquivariantMLPOptions = {},
): SequentialModule<K> {
  const { channels = [8], batchNorm = true, dtype } = options;
  const modules: EquivariantModule[] = [];
  let type = inType;
  for (const count of channels) {
    const activation = hiddenLayer(inType, count, options);
    modules.push(new Linear(type, activation.inType, { dtype }));
    if (batchNorm) modules.push(new IIDBatchNorm1d(activation.inType, { dtype }));
    modules.push(activation);
    type = activation.outType;
  }
  return new SequentialModule<K>(...modules, new Linear(type, outType, { dtype }));
}
