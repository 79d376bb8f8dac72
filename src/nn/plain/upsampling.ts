/**
 * Plain enlargement of images by interpolation, PyTorch's definition.
 */

import { type PerAxis, perAxis } from "../../tensor/conv_geometry.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import { type Tensor, upsample } from "../../tensor/mod.ts";
import { checkInput, Layer } from "./layer.ts";

/** Options of {@linkcode Upsample2d}: exactly one of `scaleFactor` and `size`. */
export interface Upsample2dOptions {
  /** Factor of both sizes; the output's size is rounded down. */
  readonly scaleFactor?: number;
  /** Size of the output. */
  readonly size?: PerAxis;
  /** Interpolation. Default bilinear. */
  readonly mode?: "bilinear" | "nearest";
  /** Whether the corner pixels of input and output coincide (bilinear only). Default false. */
  readonly alignCorners?: boolean;
}

/** Enlarges `[batch, channels, height, width]`. */
export class Upsample2d extends Layer {
  /** The options. */
  readonly options: Upsample2dOptions;

  /** An enlargement. Throws ArgumentError unless exactly one of `scaleFactor` and `size` is given. */
  constructor(options: Upsample2dOptions) {
    super();
    const { scaleFactor, size } = options;
    if ((scaleFactor === undefined) === (size === undefined) || (scaleFactor !== undefined && !(scaleFactor > 0))) {
      throw new ArgumentError({
        op: "Upsample2d",
        expected: "either a positive scaleFactor or a size",
        actual: `scaleFactor ${scaleFactor}, size ${size}`,
      });
    }
    if (size !== undefined) perAxis(size, 2, "size", 1, "Upsample2d");
    this.options = options;
  }

  /** The spatial size of the output for that of an input. */
  outputSize(inputSize: readonly number[]): number[] {
    const { scaleFactor, size } = this.options;
    if (size !== undefined) return perAxis(size, 2, "size", 1, "Upsample2d");
    return inputSize.map((length) => Math.floor(length * scaleFactor!));
  }

  /** The layer's result. */
  override forward(input: Tensor): Tensor {
    checkInput("Upsample2d", input.shape, [4], undefined, "[batch, channels, height, width]");
    const { scaleFactor, size, mode = "bilinear", alignCorners = false } = this.options;
    return upsample(input, { scaleFactor, size, mode: mode === "nearest" ? "nearest" : "linear", alignCorners });
  }

  /** The options as text. */
  protected override describe(): string {
    const { scaleFactor, size, mode = "bilinear" } = this.options;
    return `${size === undefined ? `scaleFactor ${scaleFactor}` : `size ${size}`}, ${mode}`;
  }
}
