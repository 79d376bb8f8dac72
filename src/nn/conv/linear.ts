/**
 * Equivariant linear maps of fields on a point: intertwiners W with W ρ_in(g) = ρ_out(g) W, a steerable convolution without a
 * base space.
 */

import type { RepresentationKind } from "../../group/types.ts";
import type { FloatDType } from "../../tensor/dtype.ts";
import type { FieldType } from "../field_type.ts";
import { GeometricTensor } from "../geometric_tensor.ts";
import { Linear as PlainLinear } from "../plain/linear.ts";
import { refuseFastPlan } from "./convolution_plan.ts";
import { RdConv, type SteerableConvolutionOptions } from "./rd_conv.ts";

/** Options of {@linkcode Linear}. */
export type SteerableLinearOptions = Pick<SteerableConvolutionOptions, "bias" | "basisFilter" | "initialize" | "dtype">;

/**
 * Equivariant linear map `[batch, in channels]` of `inType` → `[batch, out channels]` of `outType`, on a space without a base
 * (`noBaseSpace`).
 *
 * @example
 * ```ts
 * import { assert } from "@std/assert";
 * import { cyclicGroup, FieldType, Linear, gspaces, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const space = gspaces.noBaseSpace(cyclicGroup(5));
 * const type = new FieldType(space, [space.regularRepr, space.irrep(1)]);
 * const { maxExact } = await new Linear(type, type).checkEquivariance();
 * assert(maxExact < 1e-12);
 * ```
 */
export class Linear<K extends RepresentationKind = RepresentationKind> extends RdConv<K> {
  /** A map from `inType` to `outType`. Throws FieldTypeError for types with a base space, EmptyBasisError without intertwiners. */
  constructor(inType: FieldType, outType: FieldType<K>, options: SteerableLinearOptions = {}) {
    refuseFastPlan("Linear", options);
    super(0, inType, outType, 1, options);
  }

  /** The mapped features. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkInput(input);
    const { filter, bias } = this.expanded(input.tensor.dtype as FloatDType);
    const product = input.tensor.matmul(filter.transpose(0, 1));
    return new GeometricTensor(bias === undefined ? product : product.add(bias), this.outType);
  }

  /** A plain linear layer with the expanded matrix. */
  override export(): PlainLinear {
    return this.fill(
      new PlainLinear(this.inType.size, this.outType.size, {
        bias: this.bias !== undefined,
        initialize: false,
        dtype: this.weights.dtype as FloatDType,
      }),
    );
  }
}
