/**
 * Plain pooling layers: maxima and averages of windows, of whole planes, and of blocks of channels.
 */

import type { PerAxis } from "../../tensor/conv_geometry.ts";
import { ArgumentError, ShapeError } from "../../tensor/errors.ts";
import {
  adaptiveAveragePool,
  adaptiveMaxPool,
  averagePool,
  concatenate,
  maxPool,
  type Tensor,
} from "../../tensor/mod.ts";
import { formatShape } from "../../tensor/layout.ts";
import type { PoolOptions } from "../../tensor/pool_geometry.ts";
import { checkInput, Layer } from "./layer.ts";

const PLANE = "[batch, channels, height, width]";

/** Maximum of each window of `[batch, channels, height, width]`; padding never wins. */
export class MaxPool2d extends Layer {
  /** Size of the window. */
  readonly kernelSize: PerAxis;
  /** Stride, padding, dilation, ceilMode. */
  readonly options: PoolOptions;

  /** A pooling with windows of `kernelSize`. */
  constructor(kernelSize: PerAxis, options: PoolOptions = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  /** The layer's result. */
  override forward(input: Tensor): Tensor {
    checkInput("MaxPool2d", input.shape, [4], undefined, PLANE);
    return maxPool(input, this.kernelSize, this.options);
  }

  /** The options as text. */
  protected override describe(): string {
    return `kernelSize ${this.kernelSize}, stride ${this.options.stride ?? this.kernelSize}`;
  }
}

/** Average of each window of `[batch, channels, height, width]`; zeros of the padding count. */
export class AvgPool2d extends Layer {
  /** Size of the window. */
  readonly kernelSize: PerAxis;
  /** Stride, padding, ceilMode. */
  readonly options: Omit<PoolOptions, "dilation">;

  /** A pooling with windows of `kernelSize`. */
  constructor(kernelSize: PerAxis, options: Omit<PoolOptions, "dilation"> = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  /** The layer's result. */
  override forward(input: Tensor): Tensor {
    checkInput("AvgPool2d", input.shape, [4], undefined, PLANE);
    return averagePool(input, this.kernelSize, this.options);
  }

  /** The options as text. */
  protected override describe(): string {
    return `kernelSize ${this.kernelSize}, stride ${this.options.stride ?? this.kernelSize}`;
  }
}

/** Averages over nearly equal parts of the plane: `[batch, channels, height, width]` → `[batch, channels, …outputSize]`. */
export class AdaptiveAvgPool2d extends Layer {
  /** Spatial size of the output. */
  readonly outputSize: PerAxis;

  /** A pooling to `outputSize`. */
  constructor(outputSize: PerAxis) {
    super();
    this.outputSize = outputSize;
  }

  /** The layer's result. */
  override forward(input: Tensor): Tensor {
    checkInput("AdaptiveAvgPool2d", input.shape, [4], undefined, PLANE);
    return adaptiveAveragePool(input, this.outputSize);
  }

  /** The options as text. */
  protected override describe(): string {
    return `outputSize ${this.outputSize}`;
  }
}

/** Maxima over nearly equal parts of the plane: `[batch, channels, height, width]` → `[batch, channels, …outputSize]`. */
export class AdaptiveMaxPool2d extends Layer {
  /** Spatial size of the output. */
  readonly outputSize: PerAxis;

  /** A pooling to `outputSize`. */
  constructor(outputSize: PerAxis) {
    super();
    this.outputSize = outputSize;
  }

  /** The layer's result. */
  override forward(input: Tensor): Tensor {
    checkInput("AdaptiveMaxPool2d", input.shape, [4], undefined, PLANE);
    return adaptiveMaxPool(input, this.outputSize);
  }

  /** The options as text. */
  protected override describe(): string {
    return `outputSize ${this.outputSize}`;
  }
}

/** The mean over all positions: `[batch, channels, …spatial]` → `[batch, channels]`. */
export class GlobalAveragePool extends Layer {
  /** The layer's result. */
  override forward(input: Tensor): Tensor {
    checkInput("GlobalAveragePool", input.shape, [3, 4, 5], undefined, "[batch, channels, …spatial]");
    return input.mean(input.shape.map((_, axis) => axis).slice(2));
  }
}

/**
 * The maximum of each block of consecutive channels: `[batch, channels, …]` → `[batch, blocks, …]`. The counterpart of
 * group pooling in a conventional network.
 */
export class MaxPoolChannels extends Layer {
  /** The size of all blocks, or the size of each. */
  readonly kernelSize: number | readonly number[];

  /** Blocks of one size, or of the sizes listed. */
  constructor(kernelSize: number | readonly number[]) {
    super();
    const sizes = typeof kernelSize === "number" ? [kernelSize] : kernelSize;
    if (sizes.length === 0 || sizes.some((size) => !Number.isInteger(size) || size < 1)) {
      throw new ArgumentError({ op: "MaxPoolChannels", expected: "positive block sizes", actual: String(kernelSize) });
    }
    this.kernelSize = kernelSize;
  }

  /** The layer's result. Throws ShapeError when the blocks do not make up the channels. */
  override forward(input: Tensor): Tensor {
    checkInput("MaxPoolChannels", input.shape, [2, 3, 4, 5], undefined, "[batch, channels, …spatial]");
    const { kernelSize } = this;
    const channels = input.shape[1];
    const sum = typeof kernelSize === "number" ? 0 : kernelSize.reduce((a, b) => a + b, 0);
    if (typeof kernelSize === "number" ? channels % kernelSize !== 0 : channels !== sum) {
      throw new ShapeError({
        op: "MaxPoolChannels",
        expected: typeof kernelSize === "number" ? `a multiple of ${kernelSize} channels` : `${sum} channels`,
        actual: formatShape(input.shape),
      });
    }
    return maxOfBlocks(
      input,
      typeof kernelSize === "number" ? new Array(channels / kernelSize).fill(kernelSize) : kernelSize,
    );
  }

  /** The options as text. */
  protected override describe(): string {
    return String(this.kernelSize);
  }
}

/** The maximum over each block of consecutive channels (axis 1); the sizes add up to the channels. */
export function maxOfBlocks(input: Tensor, sizes: readonly number[]): Tensor {
  const [batch, , ...rest] = input.shape;
  const parts: Tensor[] = [];
  let channel = 0;
  for (let block = 0; block < sizes.length;) {
    const size = sizes[block];
    let end = block;
    while (end < sizes.length && sizes[end] === size) end++;
    const count = end - block;
    const part = input.slice(1, channel, channel + count * size);
    parts.push(size === 1 ? part : part.reshape([batch, count, size, ...rest]).max(2));
    channel += count * size;
    block = end;
  }
  return parts.length === 1 ? parts[0] : concatenate(parts, 1);
}
