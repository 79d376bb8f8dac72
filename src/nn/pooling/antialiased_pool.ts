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
import { hasSeparableFilters, separableConvolution } from "../../tensor/separable_convolution.ts";
import { poolGeometry, type PoolOptions } from "../../tensor/pool_geometry.ts";
import { EquivariantModule } from "../equivariant_module.ts";
import type { FieldType } from "../field_type.ts";
import { GeometricTensor } from "../geometric_tensor.ts";
import { Conv1d, Conv2d, Conv3d, type Convolution } from "../plain/convolution.ts";
import { MaxPool1d, MaxPool2d, MaxPool3d } from "../plain/pooling.ts";
import { assign, Constant } from "../plain/persistent.ts";
import { Sequential } from "../plain/structure.ts";
import { requireDimension } from "../requirements.ts";
import { checkWindow } from "./pointwise_pool.ts";

/** Nearest integer, halves to the even one, as Python rounds. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x), rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/**
 * On backends without separable filters axes up to this size are blurred by matrix products, one for each axis, which on them beat a
 * depthwise convolution (measured: 2-3 times at 29 × 29); their cost for each output grows with the size, that of a convolution does not.
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

  constructor(
    op: string,
    dimension: number,
    sigma: number,
    reach: number,
    stride: PerAxis,
    padding: PerAxis | undefined,
    extra: PerAxis,
  ) {
    if (!(sigma > 0)) throw new ArgumentError({ op, expected: "a positive sigma", actual: String(sigma) });
    const radius = roundHalfEven(reach * sigma);
    this.#op = op;
    this.size = 2 * radius + 1;
    this.stride = perAxis(stride, dimension, "stride", 1, op);
    this.padding = padding === undefined
      ? perAxis(extra, dimension, "padding", 0, op).map((p) => p + radius)
      : perAxis(padding, dimension, "padding", 0, op);
    const profile = Float64Array.from({ length: this.size }, (_, i) => {
      const t = i - radius;
      return exp(-t * t / (2 * sigma * sigma));
    });
    const sum = profile.reduce((a, b) => a + b, 0);
    this.#profile = profile.map((value) => value / sum);
  }

  /** Blurs `[batch, channels, …spatial]`. */
  apply(x: Tensor): Tensor {
    const [batch, channels, ...spatial] = x.shape;
    const { stride, padding } = this;
    if (hasSeparableFilters(x.backend)) {
      return separableConvolution(x, stride.map(() => this.#profile), { stride, padding });
    }
    const outSizes = this.outputShape(x.shape).slice(2);
    if (Math.max(...spatial) > LARGEST_MATRIX) {
      const filter = this.#outer().like(x).expand([channels, ...this.#filterShape()]);
      return convolution(x, filter, { stride, padding, groups: channels });
    }
    // The last axis first: its product has all other axes as rows, and each leaves fewer numbers for the next.
    const sizes = [...spatial];
    let result = x;
    for (let axis = spatial.length - 1; axis >= 0; axis--) {
      const matrix = this.#matrix(axis, sizes[axis], outSizes[axis]).like(x);
      const lead = sizes.slice(0, axis).reduce((a, b) => a * b, batch * channels);
      const rest = sizes.slice(axis + 1).reduce((a, b) => a * b, 1);
      result = axis === spatial.length - 1
        ? result.reshape([lead, sizes[axis]]).matmul(matrix.transpose(0, 1))
        : matrix.matmul(result.reshape([lead, sizes[axis], rest]));
      sizes[axis] = outSizes[axis];
    }
    return result.reshape([batch, channels, ...outSizes]);
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

  #filterShape(): number[] {
    return [1, ...this.stride.map(() => this.size)];
  }

  /** The filter of all axes, [1, 1, size, …]. */
  #outer(): Constant {
    if (this.#filter === undefined) {
      const { size } = this, profile = this.#profile, shape = this.#filterShape();
      const count = shape.reduce((a, b) => a * b, 1);
      const values = Float64Array.from({ length: count }, (_, position) => {
        let value = 1;
        for (let rest = position, axis = 1; axis < shape.length; axis++) {
          value *= profile[rest % size];
          rest = Math.floor(rest / size);
        }
        return value;
      });
      this.#filter = new Constant(values, [1, ...shape]);
    }
    return this.#filter;
  }

  /** The shape after the blur. */
  outputShape(shape: Shape): number[] {
    const planes = [1, 1, ...shape.slice(2)];
    const options = { stride: this.stride, padding: this.padding };
    const geometry = convolutionGeometry(planes, [1, ...this.#filterShape()], options, this.#op);
    return [shape[0], shape[1], ...geometry.outputSize];
  }

  /** A plain depthwise convolution that does the same in one pass. */
  layer(channels: number): Convolution {
    const { size, stride, padding } = this;
    const Layer = [Conv1d, Conv2d, Conv3d][stride.length - 1];
    const options = { stride, padding, groups: channels, bias: false, initialize: false };
    const target = new Layer(channels, channels, size, options);
    noGrad(() =>
      assign([[target.weight, this.#outer().like(target.weight).expand([channels, ...this.#filterShape()])]])
    );
    return target;
  }
}

/** Options of antialiased averages. */
export interface AntialiasedAvgPoolOptions {
  /** Zeros around the input. Default: half the filter, so that stride 1 keeps the size. */
  readonly padding?: PerAxis;
}

/** What the antialiased averages share: every channel blurred by a Gaussian and sampled with a stride. */
export abstract class AntialiasedAvgPoolModule<K extends RepresentationKind> extends EquivariantModule<K> {
  /** The type of inputs. */
  readonly inType: FieldType<K>;
  /** The type of outputs: that of the inputs. */
  readonly outType: FieldType<K>;
  /** Width of the Gaussian in pixels. */
  readonly sigma: number;
  readonly #blur: GaussianBlur;

  /** A pooling on a space of this dimension. */
  constructor(
    dimension: number,
    inType: FieldType<K>,
    sigma: number,
    stride: PerAxis,
    { padding }: AntialiasedAvgPoolOptions,
  ) {
    super();
    const op = new.target.name;
    requireDimension(op, inType, dimension);
    this.#blur = new GaussianBlur(op, dimension, sigma, 3, stride, padding, 0);
    this.inType = this.outType = inType;
    this.sigma = sigma;
  }

  /** The pooled feature map. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkGridInput(input);
    return new GeometricTensor(this.#blur.apply(input.tensor), this.outType);
  }

  /** The output's shape for an input of this shape. */
  override evaluateOutputShape(inputShape: Shape): number[] {
    this.checkShape(inputShape);
    return this.#blur.outputShape(inputShape);
  }

  /** A plain depthwise convolution. */
  override export(): Convolution {
    return this.#blur.layer(this.inType.size);
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.inType}, sigma ${this.sigma}, stride ${this.#blur.stride.join("x")}`;
  }
}

/**
 * Every channel on the line blurred by a Gaussian of size 2 · round(3 sigma) + 1 and sampled with a stride; any fields.
 */
export class PointwiseAvgPoolAntialiased1D<K extends RepresentationKind = RepresentationKind>
  extends AntialiasedAvgPoolModule<K> {
  /** A pooling with a Gaussian of width `sigma`, sampled with a `stride`. */
  constructor(inType: FieldType<K>, sigma: number, stride: PerAxis, options: AntialiasedAvgPoolOptions = {}) {
    super(1, inType, sigma, stride, options);
  }
}

/**
 * Every channel on the plane blurred by a Gaussian of size 2 · round(3 sigma) + 1 and sampled with a stride; any fields.
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
  extends AntialiasedAvgPoolModule<K> {
  /** A pooling with a Gaussian of width `sigma`, sampled with a `stride`. */
  constructor(inType: FieldType<K>, sigma: number, stride: PerAxis, options: AntialiasedAvgPoolOptions = {}) {
    super(2, inType, sigma, stride, options);
  }
}

/**
 * Every channel in space blurred by a Gaussian of size 2 · round(3 sigma) + 1 and sampled with a stride; any fields.
 */
export class PointwiseAvgPoolAntialiased3D<K extends RepresentationKind = RepresentationKind>
  extends AntialiasedAvgPoolModule<K> {
  /** A pooling with a Gaussian of width `sigma`, sampled with a `stride`. */
  constructor(inType: FieldType<K>, sigma: number, stride: PerAxis, options: AntialiasedAvgPoolOptions = {}) {
    super(3, inType, sigma, stride, options);
  }
}

/** Options of antialiased maxima. */
export interface AntialiasedMaxPoolOptions {
  /** Step between neighbouring outputs. Default: the window's size. */
  readonly stride?: PerAxis;
  /** Padding of the maximum; the blur adds its own half width. Default 0. */
  readonly padding?: PerAxis;
  /** Distance between neighbouring elements of a window of the maximum. Default 1. */
  readonly dilation?: PerAxis;
  /** Round the size of the maximum's output up instead of down. Default false. */
  readonly ceilMode?: boolean;
  /** Width of the Gaussian in pixels. Default 0.6. */
  readonly sigma?: number;
}

/** What the antialiased maxima share: maxima over windows with stride 1, then a Gaussian with the stride. */
export abstract class AntialiasedMaxPoolModule extends EquivariantModule<"pointwise"> {
  /** The type of inputs. */
  readonly inType: FieldType<"pointwise">;
  /** The type of outputs: that of the inputs. */
  readonly outType: FieldType<"pointwise">;
  /** Size of the window. */
  readonly kernelSize: PerAxis;
  readonly #options: PoolOptions;
  readonly #blur: GaussianBlur;

  /** A pooling on a space of this dimension. Throws FieldTypeError unless the fields are permutation representations. */
  constructor(
    dimension: number,
    inType: FieldType<"pointwise">,
    kernelSize: PerAxis,
    options: AntialiasedMaxPoolOptions,
  ) {
    super();
    const op = new.target.name;
    const { stride = kernelSize, padding = 0, dilation = 1, ceilMode = false, sigma = 0.6 } = options;
    requireDimension(op, inType, dimension);
    this.inType = this.outType = inType.requirePointwise(op);
    this.kernelSize = kernelSize;
    this.#options = { stride: 1, padding, dilation, ceilMode };
    checkWindow(op, dimension, kernelSize, this.#options);
    this.#blur = new GaussianBlur(op, dimension, sigma, 4, stride, undefined, padding);
  }

  /** The pooled feature map. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkGridInput(input);
    const maxima = maxPool(input.tensor, this.kernelSize, this.#options);
    return new GeometricTensor(this.#blur.apply(maxima), this.outType);
  }

  /** The output's shape for an input of this shape. */
  override evaluateOutputShape(inputShape: Shape): number[] {
    this.checkShape(inputShape);
    const geometry = poolGeometry(inputShape, this.kernelSize, this.#options, this.constructor.name);
    return this.#blur.outputShape([inputShape[0], inputShape[1], ...geometry.outputSize]);
  }

  /** A plain maximum and a plain depthwise convolution. */
  override export(): Sequential {
    const MaxPool = [MaxPool1d, MaxPool2d, MaxPool3d][this.#blur.stride.length - 1];
    return new Sequential(new MaxPool(this.kernelSize, this.#options), this.#blur.layer(this.inType.size));
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.inType}, kernelSize ${this.kernelSize}, stride ${this.#blur.stride.join("x")}`;
  }
}

/** Maximum of each channel on the line over windows with stride 1, then a Gaussian of size 2 · round(4 sigma) + 1 with the stride. */
export class PointwiseMaxPoolAntialiased1D extends AntialiasedMaxPoolModule {
  /** A pooling with windows of `kernelSize`. Throws FieldTypeError unless the fields are permutation representations. */
  constructor(inType: FieldType<"pointwise">, kernelSize: PerAxis, options: AntialiasedMaxPoolOptions = {}) {
    super(1, inType, kernelSize, options);
  }
}

/** Maximum of each channel on the plane over windows with stride 1, then a Gaussian of size 2 · round(4 sigma) + 1 with the stride. */
export class PointwiseMaxPoolAntialiased2D extends AntialiasedMaxPoolModule {
  /** A pooling with windows of `kernelSize`. Throws FieldTypeError unless the fields are permutation representations. */
  constructor(inType: FieldType<"pointwise">, kernelSize: PerAxis, options: AntialiasedMaxPoolOptions = {}) {
    super(2, inType, kernelSize, options);
  }
}

/** Maximum of each channel in space over windows with stride 1, then a Gaussian of size 2 · round(4 sigma) + 1 with the stride. */
export class PointwiseMaxPoolAntialiased3D extends AntialiasedMaxPoolModule {
  /** A pooling with windows of `kernelSize`. Throws FieldTypeError unless the fields are permutation representations. */
  constructor(inType: FieldType<"pointwise">, kernelSize: PerAxis, options: AntialiasedMaxPoolOptions = {}) {
    super(3, inType, kernelSize, options);
  }
}
