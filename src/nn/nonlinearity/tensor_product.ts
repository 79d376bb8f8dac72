/**
 * The tensor product of each field with itself, followed by an equivariant linear map: the simplest equivariant polynomial, exact for
 * every group (Kondor et al. 2018).
 */

import { irrepKey } from "../../group/ids.ts";
import type { IrrepId, Representation, RepresentationKind } from "../../group/types.ts";
import { noBaseSpace } from "../../gspaces/factories.ts";
import type { GSpace } from "../../gspaces/gspace.ts";
import { EmptyBasisError } from "../../kernels/errors.ts";
import type { KernelAttributes } from "../../kernels/mod.ts";
import { type WeightLayout, weightLayout } from "../../kernels/weight_layout.ts";
import type { Backend } from "../../tensor/backend.ts";
import type { FloatDType } from "../../tensor/dtype.ts";
import type { Shape } from "../../tensor/layout.ts";
import { currentBackend, noGrad, scope, type Tensor, zeros } from "../../tensor/mod.ts";
import { requireLinearPlan } from "../conv/convolution_plan.ts";
import { FilterExpansion } from "../conv/filter_expansion.ts";
import type { LinearPlan } from "../conv/linear_choice.ts";
import { EquivariantModule } from "../equivariant_module.ts";
import { FieldTypeError } from "../errors.ts";
import { FieldType, requireSameSpace } from "../field_type.ts";
import { GeometricTensor } from "../geometric_tensor.ts";
import { generalizedHeValues } from "../init.ts";
import { contractSquares, TensorProduct } from "../plain/fiber_nonlinearity.ts";
import { assign, persistent } from "../plain/persistent.ts";
import { SquarePlans } from "./square_choice.ts";

/** Options of {@linkcode TensorProductModule}. */
export interface TensorProductOptions {
  /** Which intertwiners to keep. Default: all. */
  readonly basisFilter?: (attributes: KernelAttributes) => boolean;
  /** Whether weights start with the generalized He initialization; else they are zero, to be loaded. Default true. */
  readonly initialize?: boolean;
  /** Element type of the weights. Default float32. */
  readonly dtype?: FloatDType;
  /**
   * How the product is computed: all products of two channels times an expanded matrix, or in the irrep basis, where only the products
   * that Clebsch-Gordan coefficients join are formed. Default: what is fastest.
   */
  readonly plan?: LinearPlan | "auto";
}

/**
 * y_c = W_c (x_c ⊗ x_c) for the c-th field x_c, with a trained intertwiner W_c from ρ ⊗ ρ to the output's representation. State:
 * `weights`, the coefficients of a linear map from one field of ρ ⊗ ρ to all output fields.
 *
 * @example
 * ```ts
 * import { assert } from "@std/assert";
 * import { gspaces, so3Group, TensorProductModule, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const space = gspaces.noBaseSpace(so3Group());
 * const product = TensorProductModule.construct(space, 4, space.irrep(1), space.irrep(2));
 * assert((await product.checkEquivariance()).maxExact < 1e-6);
 * ```
 */
export class TensorProductModule<K extends RepresentationKind = RepresentationKind> extends EquivariantModule<K> {
  /** The type of inputs. */
  readonly inType: FieldType;
  /** The type of outputs. */
  readonly outType: FieldType<K>;
  /** The meaning of the weights. */
  readonly layout: WeightLayout;
  readonly #expansion: FilterExpansion;
  readonly #plans: SquarePlans;

  /**
   * A module from `inType` to `outType`, both of equal fields and as many.
   * Throws FieldTypeError for other types, EmptyBasisError when ρ ⊗ ρ and the output have no irrep in common, ArgumentError for a plan
   * that it does not have.
   */
  constructor(inType: FieldType, outType: FieldType<K>, options: TensorProductOptions = {}) {
    super();
    const op = "TensorProductModule";
    requireSameSpace(op, inType, outType);
    if (!inType.uniform || !outType.uniform || inType.length !== outType.length) {
      throw new FieldTypeError({
        op,
        expected: "an input and an output type of equal fields (all of one representation), as many in both",
        actual: `${inType} and ${outType}`,
        hint: "Fields of several irreps are of one representation, their directSum",
      });
    }
    this.inType = inType;
    this.outType = outType;
    const { initialize = true, dtype = "float32" } = options, plan = requireLinearPlan(op, options.plan ?? "auto");
    const point = noBaseSpace(inType.fibergroup), [rho] = inType.representations, square = rho.tensor(rho);
    if (!outType.representations[0].irreps.some((irrep) => square.multiplicity(irrep) > 0)) {
      const listed = (irreps: readonly IrrepId[]) => [...new Set(irreps.map(irrepKey))].join(", ");
      throw new EmptyBasisError({
        op,
        expected: `an output with an irrep of ρ ⊗ ρ: ${listed(square.irreps)}`,
        actual: `${outType} with ${listed(outType.representations[0].irreps)}`,
        hint: "Products of two fields hold no others",
      });
    }
    const product = new FieldType(point, [square]), out = new FieldType(point, outType.representations);
    const tables = point.kernelTables({ kernelSize: 1, basisFilter: options.basisFilter });
    const irrepsOf = (type: FieldType) => type.representations.map(({ irreps }) => irreps);
    this.layout = weightLayout(tables, irrepsOf(product), irrepsOf(out));
    this.#expansion = new FilterExpansion(tables, this.layout, product, out, 1);
    this.#plans = new SquarePlans(this.layout, rho, product.representations[0], outType.representations, plan);
    const size = this.#expansion.weightCount;
    this.addParameter(
      "weights",
      initialize ? persistent(() => generalizedHeValues(this.layout, 1, dtype)) : zeros([size], { dtype }),
    );
  }

  /** A module of `channels` fields from one representation to another. */
  static construct<K extends RepresentationKind>(
    gspace: GSpace,
    channels: number,
    inRepresentation: Representation,
    outRepresentation: Representation<K>,
    options: TensorProductOptions = {},
  ): TensorProductModule<K> {
    const inType = new FieldType(gspace, inRepresentation, channels);
    return new TensorProductModule(inType, new FieldType(gspace, outRepresentation, channels), options);
  }

  /** The flat vector of coefficients. */
  get weights(): Tensor {
    return this.parameter("weights");
  }

  /** The matrices W_c on top of each other, [out channels, size²]. */
  expandMatrix(dtype: FloatDType = this.weights.dtype as FloatDType): Tensor {
    return this.#expansion.apply(this.weights.cast(dtype)).reshape([this.outType.size, -1]);
  }

  /** The module's result; positions stay. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkInput(input);
    const blocks = this.inType.length, x = input.tensor, dtype = x.dtype as FloatDType;
    if (this.#plans.chooseToRun(x.shape, x.backend) === "structured") {
      const result = this.#plans.structured.apply(x, this.weights.cast(dtype));
      return new GeometricTensor(result, this.outType, input.coords);
    }
    const weight = this.expandMatrix(dtype).reshape([blocks, this.outType.sizes[0], -1]);
    return new GeometricTensor(contractSquares(weight, x), this.outType, input.coords);
  }

  /** How an input `[batch, channels, …spatial]` of this shape is computed on a backend. Default: the current one. */
  planFor(inputShape: Shape, backend: Backend = currentBackend()): LinearPlan {
    this.checkShape(inputShape);
    return this.#plans.choose(inputShape, backend);
  }

  /** A plain layer with the expanded matrices. */
  override export(): TensorProduct {
    const { inType, outType } = this;
    const dtype = this.weights.dtype as FloatDType;
    const target = new TensorProduct(inType.length, inType.sizes[0], outType.sizes[0], { dtype });
    noGrad(() => {
      using _ = scope();
      assign([[target.weight, this.expandMatrix().reshape(target.weight.shape)]]);
    });
    return target;
  }

  /** The types as text. */
  protected override describe(): string {
    return `${this.inType} -> ${this.outType}`;
  }
}
