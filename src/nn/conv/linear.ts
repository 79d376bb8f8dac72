/**
 * Equivariant linear maps of fields on a point: intertwiners W with W ρ_in(g) = ρ_out(g) W, a steerable convolution without a
 * base space.
 */

import type { RepresentationKind } from "../../group/types.ts";
import type { Backend } from "../../tensor/backend.ts";
import type { FloatDType } from "../../tensor/dtype.ts";
import type { Shape } from "../../tensor/layout.ts";
import { currentBackend, isGradEnabled, type Tensor } from "../../tensor/mod.ts";
import type { FieldType } from "../field_type.ts";
import { GeometricTensor } from "../geometric_tensor.ts";
import { Linear as PlainLinear } from "../plain/linear.ts";
import { requireLinearPlan } from "./convolution_plan.ts";
import { ExpansionCache } from "./expansion_cache.ts";
import { type LinearPlan, LinearPlans } from "./linear_choice.ts";
import { RdConv, type SteerableConvolutionOptions } from "./rd_conv.ts";

/** Options of {@linkcode Linear}. */
export interface SteerableLinearOptions
  extends Pick<SteerableConvolutionOptions, "bias" | "basisFilter" | "initialize" | "dtype"> {
  /**
   * How the map is computed: with its expanded matrix, or in the irrep basis, where copies of an irrep are mixed by the weights
   * themselves. Default: what is fastest.
   */
  readonly plan?: LinearPlan | "auto";
}

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
  readonly #plans: LinearPlans;
  readonly #prepared = new ExpansionCache();

  /**
   * A map from `inType` to `outType`. Throws FieldTypeError for types with a base space, EmptyBasisError without intertwiners,
   * ArgumentError for a plan that a map without taps does not have.
   */
  constructor(inType: FieldType, outType: FieldType<K>, options: SteerableLinearOptions = {}) {
    const plan = requireLinearPlan("Linear", options.plan ?? "auto");
    super(0, inType, outType, 1, options);
    this.#plans = new LinearPlans(this.layout, inType, outType, plan);
  }

  /** The mapped features. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkInput(input);
    const { tensor: x } = input, dtype = x.dtype as FloatDType;
    if (this.#plans.chooseToRun(x.shape[0], x.backend, this.#expands) === "structured") {
      const { product, bias } = this.#structured(x, dtype);
      return new GeometricTensor(bias === undefined ? product : product.add(bias), this.outType);
    }
    const { filter, bias } = this.expanded(dtype);
    const product = x.matmul(filter.transpose(0, 1));
    return new GeometricTensor(bias === undefined ? product : product.add(bias), this.outType);
  }

  /**
   * How an input `[batch, channels]` of this shape is mapped on a backend, in the present mode: the expanded matrix has its price in every
   * pass of training, and is kept in eval mode without gradients. Default: the current backend.
   */
  planFor(inputShape: Shape, backend: Backend = currentBackend()): LinearPlan {
    this.checkShape(inputShape);
    return this.#plans.choose(inputShape[0], backend, this.#expands);
  }

  #structured(x: Tensor, dtype: FloatDType): { readonly product: Tensor; readonly bias: Tensor | undefined } {
    const { structured } = this.#plans, { weights, bias } = this;
    if (this.#expands) {
      return { product: structured.apply(x, weights.cast(dtype)), bias: this.expandBias(dtype) };
    }
    const kept = this.#prepared.get({
      weights,
      bias,
      expandFilter: (type) => structured.prepare(weights.cast(type)),
      expandBias: (type) => this.expandBias(type),
    }, dtype);
    return { product: structured.applyPrepared(x, kept.filter), bias: kept.bias };
  }

  /** Frees what is kept of the weights. */
  protected override onStateChange(): void {
    super.onStateChange();
    this.#prepared.drop();
  }

  /** Whether a pass makes its matrix or matrices of the weights: in eval mode without gradients they are kept. */
  get #expands(): boolean {
    return this.training || isGradEnabled();
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
