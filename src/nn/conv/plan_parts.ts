/**
 * What the faster plans of steerable convolutions are made from, and the three forms in which they are computed.
 */

import type { IrrepPairTable, KernelTables } from "../../kernels/kernel_tables.ts";
import type { WeightLayout } from "../../kernels/weight_layout.ts";
import { type PerAxis, perSide } from "../../tensor/conv_geometry.ts";
import type { Padding } from "../../tensor/conv_geometry.ts";
import type { SteerablePlan } from "../../tensor/steerable_plan.ts";
import { steerableConvolution, steerableConvolutionTransposed, type Tensor } from "../../tensor/mod.ts";
import type { FieldType } from "../field_type.ts";
import type { FilterCoordinates } from "./filter_expansion.ts";

/** One group's part of a layer. */
export interface LayerParts {
  /** The kernel tables. */
  readonly tables: KernelTables;
  /** The meaning of the weights of one group. */
  readonly layout: WeightLayout;
  /** Fields of the input of one group. */
  readonly inType: FieldType;
  /** Fields of the output of one group. */
  readonly outType: FieldType;
  /** Number of groups. */
  readonly groups: number;
  /** Sizes of the filter. */
  readonly kernelSize: readonly number[];
}

/**
 * How a layer uses a plan: `forward`, the functions meet the input, then channels are mixed; `adjoint`, the same convolution
 * with channels mixed first and functions that meet the output; `transposed`, a transposed convolution, channels first.
 */
export type PlanForm = "forward" | "adjoint" | "transposed";

/** Options of a convolution or transposed convolution. */
export interface FastOptions {
  /** Step between outputs (inputs of a transposed one). */
  readonly stride: readonly number[];
  /** Zeros around the input. */
  readonly padding: Padding;
  /** Distance between taps. */
  readonly dilation: readonly number[];
  /** Rows added to the output of a transposed convolution. Default 0. */
  readonly outputPadding?: PerAxis;
}

/** A way to compute a layer's convolution without its filter. */
export interface FastConvolution {
  /** What is computed in the middle. */
  readonly plan: SteerablePlan;
  /** How. */
  readonly form: PlanForm;
  /**
   * What the changes of basis before and behind it take for each position of the input and of the output of `apply`: multiply-adds of
   * products, and channels written.
   */
  readonly basisWork: {
    readonly [side in "before" | "after"]: { readonly products: number; readonly written: number };
  };
  /** The result `[batch, out channels, …]` for `x` with the filter that the flat weights of all groups stand for. */
  apply(x: Tensor, weights: Tensor, options: FastOptions): Tensor;
}

/** Zeros on both sides with which a transposed convolution by the mirrored functions is a convolution of stride 1. */
export function adjointPadding(
  kernelSize: readonly number[],
  { padding, dilation }: Pick<FastOptions, "padding" | "dilation">,
): [number, number][] {
  return perSide(padding, kernelSize.length, "padding").map(([before, after], axis) => {
    const reach = (kernelSize[axis] - 1) * dilation[axis];
    return [reach - before, reach - after];
  });
}

/** Whether a convolution can be computed in the adjoint form: with stride 1, and no more padding than the filter reaches. */
export function allowsAdjoint(kernelSize: readonly number[], options: FastOptions): boolean {
  return options.stride.every((step) => step === 1) &&
    adjointPadding(kernelSize, options).every(([before, after]) => before >= 0 && after >= 0);
}

/** Runs the middle of a fast convolution in its form. */
export function runPlan(
  { plan, form }: Pick<FastConvolution, "plan" | "form">,
  x: Tensor,
  weights: Tensor,
  groups: number,
  options: FastOptions,
): Tensor {
  if (form === "forward") {
    const { stride, padding, dilation } = options;
    return steerableConvolution(x, weights, plan, { stride, padding, dilation, groups });
  }
  const padding = form === "adjoint" ? adjointPadding(plan.kernelSize, options) : options.padding;
  return steerableConvolutionTransposed(x, weights, plan, { ...options, padding, groups });
}

/** The functions that filters are combinations of, mirrored for the adjoint form, and how elements are written in them. */
export function functionsOf(
  tables: KernelTables,
  form: PlanForm,
): { readonly functions: Float64Array } & FilterCoordinates {
  const made = coordinatesOf(tables);
  if (form !== "adjoint") return made;
  const taps = tables.points, { functions } = made;
  const mirrored = functions.map((_, i) => functions[i - (i % taps) + taps - 1 - (i % taps)]);
  return { ...made, functions: mirrored };
}

function coordinatesOf(tables: KernelTables): { readonly functions: Float64Array } & FilterCoordinates {
  const { functionCount, points } = tables;
  if (functionCount <= points && tables.span.rank === functionCount) {
    return { functions: tables.functions, count: functionCount, of: (table) => table.coefficients };
  }
  // Dependent functions: an orthonormal basis of their span has fewer.
  const { rank, basis, coordinates } = tables.span;
  return {
    functions: basis,
    count: rank,
    of: ({ coefficients }: IrrepPairTable) => {
      const rows = coefficients.length / functionCount;
      const out = new Float64Array(rows * rank);
      for (let row = 0; row < rows; row++) {
        for (let f = 0; f < functionCount; f++) {
          const value = coefficients[row * functionCount + f];
          if (value === 0) continue;
          for (let r = 0; r < rank; r++) out[row * rank + r] += value * coordinates[f * rank + r];
        }
      }
      return out;
    },
  };
}
