/**
 * Plain enlargement of grids by interpolation, PyTorch's definition.
 */

import { type PerAxis, perAxis } from "../../tensor/conv_geometry.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import { type Tensor, upsample } from "../../tensor/mod.ts";
import { checkInput, Layer } from "./layer.ts";

/** Options of enlargements: exactly one of `scaleFactor` and `size`. `M` names linear interpolation. */
export interface UpsampleLayerOptions<M extends string = "linear"> {
  /** Factor of all sizes; the output's sizes are rounded down. */
  readonly scaleFactor?: number;
  /** Size of the output. */
  readonly size?: PerAxis;
  /** Interpolation. Default linear (bilinear on the plane, trilinear in space). */
  readonly mode?: M | "nearest";
  /** Whether the corner pixels of input and output coincide (linear only). Default false. */
  readonly alignCorners?: boolean;
}

/** Options of {@linkcode Upsample2d}. */
export type Upsample2dOptions = UpsampleLayerOptions<"bilinear">;

/** Options of {@linkcode Upsample3d}. */
export type Upsample3dOptions = UpsampleLayerOptions<"trilinear">;

const AXES: readonly string[] = [
  "[batch, channels]",
  "[batch, channels, length]",
  "[batch, channels, height, width]",
  "[batch, channels, depth, height, width]",
];

/** What enlargements of a number of spatial axes share. */
export abstract class Upsample<M extends string = string> extends Layer {
  /** The options. */
  readonly options: UpsampleLayerOptions<M>;
  /** Number of spatial axes. */
  readonly dimension: number;

  /** An enlargement. Throws ArgumentError unless exactly one of `scaleFactor` and `size` is given. */
  constructor(dimension: number, linear: M, options: UpsampleLayerOptions<M>) {
    super();
    const op = this.constructor.name, { scaleFactor, size, mode = linear } = options;
    if ((scaleFactor === undefined) === (size === undefined) || (scaleFactor !== undefined && !(scaleFactor > 0))) {
      throw new ArgumentError({
        op,
        expected: "either a positive scaleFactor or a size",
        actual: `scaleFactor ${scaleFactor}, size ${size}`,
      });
    }
    if (mode !== linear && mode !== "nearest") {
      throw new ArgumentError({ op, expected: `mode "${linear}" or "nearest"`, actual: JSON.stringify(mode) });
    }
    if (size !== undefined) perAxis(size, dimension, "size", 1, op);
    this.dimension = dimension;
    this.options = options;
  }

  /** The spatial size of the output for that of an input. */
  outputSize(inputSize: readonly number[]): number[] {
    const { scaleFactor, size } = this.options;
    if (size !== undefined) return perAxis(size, this.dimension, "size", 1, this.constructor.name);
    return inputSize.map((length) => Math.floor(length * scaleFactor!));
  }

  /** The layer's result. Throws ShapeError for another number of axes. */
  override forward(input: Tensor): Tensor {
    checkInput(this.constructor.name, input.shape, [2 + this.dimension], undefined, AXES[this.dimension]);
    const { scaleFactor, size, mode, alignCorners = false } = this.options;
    return upsample(input, { scaleFactor, size, mode: mode === "nearest" ? "nearest" : "linear", alignCorners });
  }

  /** The options as text. */
  protected override describe(): string {
    const { scaleFactor, size, mode = "linear" } = this.options;
    return `${size === undefined ? `scaleFactor ${scaleFactor}` : `size ${size}`}, ${mode}`;
  }
}

/** Enlarges `[batch, channels, length]`. */
export class Upsample1d extends Upsample<"linear"> {
  /** An enlargement. Throws ArgumentError unless exactly one of `scaleFactor` and `size` is given. */
  constructor(options: UpsampleLayerOptions) {
    super(1, "linear", options);
  }
}

/** Enlarges `[batch, channels, height, width]`. */
export class Upsample2d extends Upsample<"bilinear"> {
  /** An enlargement. Throws ArgumentError unless exactly one of `scaleFactor` and `size` is given. */
  constructor(options: Upsample2dOptions) {
    super(2, "bilinear", options);
  }
}

/** Enlarges `[batch, channels, depth, height, width]`. */
export class Upsample3d extends Upsample<"trilinear"> {
  /** An enlargement. Throws ArgumentError unless exactly one of `scaleFactor` and `size` is given. */
  constructor(options: Upsample3dOptions) {
    super(3, "trilinear", options);
  }
}
