/**
 * Antialiased pooling (Zhang 2019): a Gaussian before the stride removes the frequencies that the coarser grid cannot hold,
 * which keeps features steady under shifts and rotations. The filter is isotropic, so every field type may pass.
 */

import type { RepresentationKind } from "../../group/types.ts";
import { exp } from "../../math/functions.ts";
import { convolutionGeometry, type PerAxis, perAxis } from "../../tensor/conv_geometry.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import type { Shape } from "../../tensor/layout.ts";
import { convolution, maxPool, noGrad, type Tensor } from "../../tensor/mod.ts";
import { poolGeometry, type PoolOptions } from "../../tensor/pool_geometry.ts";
import { EquivariantModule } from "../equivariant_module.ts";
import type { FieldType } from "../field_type.ts";
import { GeometricTensor } from "../geometric_tensor.ts";
import { Conv2d } from "../plain/convolution.ts";
import { MaxPool2d } from "../plain/pooling.ts";
import { assign, Constant } from "../plain/persistent.ts";
import { Sequential } from "../plain/structure.ts";
import { requireDimension } from "../requirements.ts";

/** Nearest integer, halves to the even one, as Python rounds. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x), rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/**
 * Planes up to this size are blurred by two matrix products, which on them beat a depthwise convolution (measured: 2-3 times
 * at 29 × 29); their cost for each output grows with the size, that of a convolution does not.
 */
const LARGEST_MATRIX = 64;

/** The blur of every channel by a Gaussian exp(−r²/2σ²) of total weight 1. */
class GaussianBlur {
  readonly size: number;
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly #op: string;
  readonly #profile: Float64Array;
  readonly #matrices = new Map<string, Constant>();
  #filter: Constant | undefined;

  constructor(op: string, sigma: number, reach: number, stride: PerAxis, padding: PerAxis | undefined, extra: PerAxis) {
    if (!(sigma > 0)) throw new ArgumentError({ op, expected: "a positive sigma", actual: String(sigma) });
    const radius = roundHalfEven(reach * sigma);
    this.#op = op;
    this.size = 2 * radius + 1;
    this.stride = perAxis(stride, 2, "stride", 1, op);
    this.padding = padding === undefined
      ? perAxis(extra, 2, "padding", 0, op).map((p) => p + radius)
      : perAxis(padding, 2, "padding", 0, op);
    const profile = Float64Array.from({ length: this.size }, (_, i) => {
      const t = i - radius;
      return exp(-t * t / (2 * sigma * sigma));
    });
    const sum = profile.reduce((a, b) => a + b, 0);
    this.#profile = profile.map((value) => value / sum);
  }

  /** Blurs `[batch, channels, height, width]`. */
  apply(x: Tensor): Tensor {
    const [batch, channels, height, width] = x.shape;
    const [, , outHeight, outWidth] = this.outputShape(x.shape);
    if (Math.max(height, width) > LARGEST_MATRIX) {
      const filter = this.#outer().like(x).expand([channels, 1, this.size, this.size]);
      return convolution(x, filter, { stride: this.stride, padding: this.padding, groups: channels });
    }
    const rows = x.reshape([batch * channels * height, width])
      .matmul(this.#matrix(1, width, outWidth).like(x).transpose(0, 1))
      .reshape([batch * channels, height, outWidth]);
    return this.#matrix(0, height, outHeight).like(x).matmul(rows).reshape([batch, channels, outHeight, outWidth]);
  }

  /** The blur along an axis of `size` points as a matrix [outputs, size]. */
  #matrix(axis: number, size: number, outputs: number): Constant {
    const key = `${axis} ${size}`;
    let found = this.#matrices.get(key);
    if (found === undefined) {
      const matrix = new Float64Array(outputs * size);
      for (let output = 0; output < outputs; output++) {
        this.#profile.forEach((weight, tap) => {
          const position = output * this.stride[axis] + tap - this.padding[axis];
          if (position >= 0 && position < size) matrix[output * size + position] = weight;
        });
      }
      found = new Constant(matrix, [outputs, size]);
      this.#matrices.set(key, found);
    }
    return found;
  }

  /** The filter of both axes, [1, 1, size, size]. */
  #outer(): Constant {
    const { size } = this, profile = this.#profile;
    this.#filter ??= new Constant(
      Float64Array.from({ length: size * size }, (_, i) => profile[Math.floor(i / size)] * profile[i % size]),
      [1, 1, size, size],
    );
    return this.#filter;
  }

  /** The shape after the blur. */
  outputShape(shape: Shape): number[] {
    const planes = [1, 1, ...shape.slice(2)];
    const weight = [1, 1, this.size, this.size];
    const geometry = convolutionGeometry(planes, weight, { stride: this.stride, padding: this.padding }, this.#op);
    return [shape[0], shape[1], ...geometry.outputSize];
  }

  /** A plain depthwise convolution that does the same in one pass. */
  layer(channels: number): Conv2d {
    const { size, stride, padding } = this;
    const target = new Conv2d(channels, channels, size, {
      stride,
      padding,
      groups: channels,
      bias: false,
      initialize: false,
    });
    noGrad(() => assign([[target.weight, this.#outer().like(target.weight).expand([channels, 1, size, size])]]));
    return target;
  }
}

/** Options of {@linkcode PointwiseAvgPoolAntialiased2D}. */
export interface AntialiasedAvgPoolOptions {
  /** Zeros around the input. Default: half the filter, so that stride 1 keeps the size. */
  readonly padding?: PerAxis;
}

/**
 * Every channel blurred by a Gaussian of size 2 · round(3 sigma) + 1 and sampled with a stride.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { FieldType, GeometricTensor, ones, PointwiseAvgPoolAntialiased2D, gspaces, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const space = gspaces.rot2dOnR2(8);
 * const type = new FieldType(space, [space.regularRepr]);
 * const pool = new PointwiseAvgPoolAntialiased2D(type, 0.66, 2);
 * assertEquals(pool.forward(new GeometricTensor(ones([1, 8, 29, 29]), type)).shape, [1, 8, 15, 15]);
 * ```
 */
export class PointwiseAvgPoolAntialiased2D<K extends RepresentationKind = RepresentationKind>
  extends EquivariantModule<K> {
  /** The type of inputs. */
  readonly inType: FieldType<K>;
  /** The type of outputs: that of the inputs. */
  readonly outType: FieldType<K>;
  /** Width of the Gaussian in pixels. */
  readonly sigma: number;
  readonly #blur: GaussianBlur;

  /** A pooling with a Gaussian of width `sigma`, sampled with a `stride`. */
  constructor(inType: FieldType<K>, sigma: number, stride: PerAxis, { padding }: AntialiasedAvgPoolOptions = {}) {
    super();
    const op = "PointwiseAvgPoolAntialiased2D";
    requireDimension(op, inType, 2);
    this.#blur = new GaussianBlur(op, sigma, 3, stride, padding, 0);
    this.inType = this.outType = inType;
    this.sigma = sigma;
  }

  /** The pooled feature map. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkInput(input);
    return new GeometricTensor(this.#blur.apply(input.tensor), this.outType);
  }

  /** The output's shape for an input of this shape. */
  override evaluateOutputShape(inputShape: Shape): number[] {
    this.checkShape(inputShape);
    return this.#blur.outputShape(inputShape);
  }

  /** A plain depthwise convolution. */
  override export(): Conv2d {
    return this.#blur.layer(this.inType.size);
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.inType}, sigma ${this.sigma}, stride ${this.#blur.stride.join("x")}`;
  }
}

/** Options of {@linkcode PointwiseMaxPoolAntialiased2D}. */
export interface AntialiasedMaxPoolOptions {
  /** Step between neighbouring outputs. Default: the window's size. */
  readonly stride?: PerAxis;
  /** Padding of the maximum; the blur adds its own half width. Default 0. */
  readonly padding?: PerAxis;
  /** Round the size of the maximum's output up instead of down. Default false. */
  readonly ceilMode?: boolean;
  /** Width of the Gaussian in pixels. Default 0.6. */
  readonly sigma?: number;
}

/** Maximum of each channel over windows with stride 1, then a Gaussian of size 2 · round(4 sigma) + 1 with the stride. */
export class PointwiseMaxPoolAntialiased2D extends EquivariantModule<"pointwise"> {
  /** The type of inputs. */
  readonly inType: FieldType<"pointwise">;
  /** The type of outputs: that of the inputs. */
  readonly outType: FieldType<"pointwise">;
  /** Size of the window. */
  readonly kernelSize: PerAxis;
  readonly #options: PoolOptions;
  readonly #blur: GaussianBlur;

  /** A pooling with windows of `kernelSize`. Throws FieldTypeError unless the fields are permutation representations. */
  constructor(inType: FieldType<"pointwise">, kernelSize: PerAxis, options: AntialiasedMaxPoolOptions = {}) {
    super();
    const op = "PointwiseMaxPoolAntialiased2D";
    const { stride = kernelSize, padding = 0, ceilMode = false, sigma = 0.6 } = options;
    requireDimension(op, inType, 2);
    this.inType = this.outType = inType.requirePointwise(op);
    this.kernelSize = kernelSize;
    this.#options = { stride: 1, padding, ceilMode };
    this.#blur = new GaussianBlur(op, sigma, 4, stride, undefined, padding);
  }

  /** The pooled feature map. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkInput(input);
    const maxima = maxPool(input.tensor, this.kernelSize, this.#options);
    return new GeometricTensor(this.#blur.apply(maxima), this.outType);
  }

  /** The output's shape for an input of this shape. */
  override evaluateOutputShape(inputShape: Shape): number[] {
    this.checkShape(inputShape);
    const op = "PointwiseMaxPoolAntialiased2D";
    const geometry = poolGeometry(inputShape, this.kernelSize, this.#options, op);
    return this.#blur.outputShape([inputShape[0], inputShape[1], ...geometry.outputSize]);
  }

  /** A plain maximum and a plain depthwise convolution. */
  override export(): Sequential {
    return new Sequential(new MaxPool2d(this.kernelSize, this.#options), this.#blur.layer(this.inType.size));
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.inType}, kernelSize ${this.kernelSize}, stride ${this.#blur.stride.join("x")}`;
  }
}
