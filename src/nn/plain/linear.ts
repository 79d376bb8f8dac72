/**
 * The plain fully connected layer.
 */

import { rand, type Tensor, zeros } from "../../tensor/mod.ts";
import type { FloatDType } from "../../tensor/dtype.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import { checkInput, Layer } from "./layer.ts";

/** Options of {@linkcode Linear}. */
export interface LinearOptions {
  /** Whether a bias is added. Default true. */
  readonly bias?: boolean;
  /** Whether weight and bias start uniform in ±1/√inFeatures; else they are zero, to be loaded. Default true. */
  readonly initialize?: boolean;
  /** Element type of weight and bias. Default float32. */
  readonly dtype?: FloatDType;
}

/**
 * y = x Wᵀ + b on `[batch, inFeatures]`. Parameters: `weight` [outFeatures, inFeatures], `bias` [outFeatures].
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { plain, seed, useBackend, zeros } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * seed(0);
 * const layer = new plain.Linear(4, 3);
 * assertEquals(layer.forward(zeros([2, 4])).shape, [2, 3]);
 * assertEquals(layer.parameterCount(), 15);
 * ```
 */
export class Linear extends Layer {
  /** Numbers in a sample of the input. */
  readonly inFeatures: number;
  /** Numbers in a sample of the output. */
  readonly outFeatures: number;
  /** Whether there is a bias. */
  readonly hasBias: boolean;

  /** A layer from `inFeatures` to `outFeatures` numbers. */
  constructor(
    inFeatures: number,
    outFeatures: number,
    { bias = true, initialize = true, dtype = "float32" }: LinearOptions = {},
  ) {
    super();
    checkCounts("Linear", inFeatures, outFeatures);
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.hasBias = bias;
    const bound = initialize ? 1 / Math.sqrt(inFeatures) : 0;
    this.addParameter("weight", uniform([outFeatures, inFeatures], bound, dtype));
    if (bias) this.addParameter("bias", uniform([outFeatures], bound, dtype));
  }

  /** [outFeatures, inFeatures]. */
  get weight(): Tensor {
    return this.parameter("weight");
  }

  /** [outFeatures], if there is one. */
  get bias(): Tensor | undefined {
    return this.hasBias ? this.parameter("bias") : undefined;
  }

  /** `[batch, inFeatures]` → `[batch, outFeatures]`. Throws ShapeError for another shape. */
  override forward(input: Tensor): Tensor {
    checkInput("Linear", input.shape, [2], this.inFeatures, "[batch, channels]");
    const product = input.matmul(this.weight.cast(input.dtype).transpose(0, 1));
    return this.hasBias ? product.add(this.parameter("bias").cast(input.dtype)) : product;
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.inFeatures} -> ${this.outFeatures}${this.hasBias ? "" : ", no bias"}`;
  }
}

/** A tensor uniform in ±bound; zeros for bound 0. */
export function uniform(shape: readonly number[], bound: number, dtype: FloatDType): Tensor {
  if (bound === 0) return zeros(shape, { dtype });
  return rand(shape, { dtype }).mul(2 * bound).sub(bound);
}

/** Throws ArgumentError unless both counts are positive integers. */
export function checkCounts(op: string, inCount: number, outCount: number): void {
  if (Number.isInteger(inCount) && Number.isInteger(outCount) && inCount > 0 && outCount > 0) return;
  throw new ArgumentError({
    op,
    expected: "positive integers for the sizes of input and output",
    actual: `${inCount} and ${outCount}`,
  });
}
