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

const AXES: readonly string[] = [
  "[batch, channels]",
  "[batch, channels, length]",
  "[batch, channels, height, width]",
  "[batch, channels, depth, height, width]",
];

/** What poolings over windows of a number of spatial axes share. */
export abstract class WindowPool extends Layer {
  /** Size of the window. */
  readonly kernelSize: PerAxis;
  /** Stride, padding, dilation, ceilMode. */
  readonly options: PoolOptions;
  readonly #dimension: number;

  /** A pooling over this number of spatial axes. */
  constructor(dimension: number, kernelSize: PerAxis, options: PoolOptions) {
    super();
    this.#dimension = dimension;
    this.kernelSize = kernelSize;
    this.options = options;
  }

  /** The pooling of a tensor. */
  protected abstract pool(input: Tensor): Tensor;

  /** The layer's result. Throws ShapeError for another number of axes. */
  override forward(input: Tensor): Tensor {
    checkInput(this.constructor.name, input.shape, [2 + this.#dimension], undefined, AXES[this.#dimension]);
    return this.pool(input);
  }

  /** The options as text. */
  protected override describe(): string {
    return `kernelSize ${this.kernelSize}, stride ${this.options.stride ?? this.kernelSize}`;
  }
}

/** Maxima of windows. */
export abstract class MaxPool extends WindowPool {
  /** The pooling. */
  protected override pool(input: Tensor): Tensor {
    return maxPool(input, this.kernelSize, this.options);
  }
}

/** Averages of windows. */
export abstract class AvgPool extends WindowPool {
  /** The pooling. */
  protected override pool(input: Tensor): Tensor {
    return averagePool(input, this.kernelSize, this.options);
  }
}

/** Maximum of each window of `[batch, channels, length]`; padding never wins. */
export class MaxPool1d extends MaxPool {
  /** A pooling with windows of `kernelSize`. */
  constructor(kernelSize: PerAxis, options: PoolOptions = {}) {
    super(1, kernelSize, options);
  }
}

/** Maximum of each window of `[batch, channels, height, width]`; padding never wins. */
export class MaxPool2d extends MaxPool {
  /** A pooling with windows of `kernelSize`. */
  constructor(kernelSize: PerAxis, options: PoolOptions = {}) {
    super(2, kernelSize, options);
  }
}

/** Maximum of each window of `[batch, channels, depth, height, width]`; padding never wins. */
export class MaxPool3d extends MaxPool {
  /** A pooling with windows of `kernelSize`. */
  constructor(kernelSize: PerAxis, options: PoolOptions = {}) {
    super(3, kernelSize, options);
  }
}

/** Average of each window of `[batch, channels, length]`; zeros of the padding count. */
export class AvgPool1d extends AvgPool {
  /** A pooling with windows of `kernelSize`. */
  constructor(kernelSize: PerAxis, options: Omit<PoolOptions, "dilation"> = {}) {
    super(1, kernelSize, options);
  }
}

/** Average of each window of `[batch, channels, height, width]`; zeros of the padding count. */
export class AvgPool2d extends AvgPool {
  /** A pooling with windows of `kernelSize`. */
  constructor(kernelSize: PerAxis, options: Omit<PoolOptions, "dilation"> = {}) {
    super(2, kernelSize, options);
  }
}

/** Average of each window of `[batch, channels, depth, height, width]`; zeros of the padding count. */
export class AvgPool3d extends AvgPool {
  /** A pooling with windows of `kernelSize`. */
  constructor(kernelSize: PerAxis, options: Omit<PoolOptions, "dilation"> = {}) {
    super(3, kernelSize, options);
  }
}

/** What poolings to a fixed spatial size share. */
export abstract class AdaptivePool extends Layer {
  /** Spatial size of the output. */
  readonly outputSize: PerAxis;
  readonly #dimension: number;

  /** A pooling over this number of spatial axes. */
  constructor(dimension: number, outputSize: PerAxis) {
    super();
    this.#dimension = dimension;
    this.outputSize = outputSize;
  }

  /** The pooling of a tensor. */
  protected abstract pool(input: Tensor): Tensor;

  /** The layer's result. Throws ShapeError for another number of axes. */
  override forward(input: Tensor): Tensor {
    checkInput(this.constructor.name, input.shape, [2 + this.#dimension], undefined, AXES[this.#dimension]);
    return this.pool(input);
  }

  /** The options as text. */
  protected override describe(): string {
    return `outputSize ${this.outputSize}`;
  }
}

/** Averages of nearly equal parts. */
export abstract class AdaptiveAvgPool extends AdaptivePool {
  /** The pooling. */
  protected override pool(input: Tensor): Tensor {
    return adaptiveAveragePool(input, this.outputSize);
  }
}

/** Maxima of nearly equal parts. */
export abstract class AdaptiveMaxPool extends AdaptivePool {
  /** The pooling. */
  protected override pool(input: Tensor): Tensor {
    return adaptiveMaxPool(input, this.outputSize);
  }
}

/** Averages over nearly equal parts: `[batch, channels, length]` → `[batch, channels, …outputSize]`. */
export class AdaptiveAvgPool1d extends AdaptiveAvgPool {
  /** A pooling to `outputSize`. */
  constructor(outputSize: PerAxis) {
    super(1, outputSize);
  }
}

/** Averages over nearly equal parts: `[batch, channels, height, width]` → `[batch, channels, …outputSize]`. */
export class AdaptiveAvgPool2d extends AdaptiveAvgPool {
  /** A pooling to `outputSize`. */
  constructor(outputSize: PerAxis) {
    super(2, outputSize);
  }
}

/** Averages over nearly equal parts: `[batch, channels, depth, height, width]` → `[batch, channels, …outputSize]`. */
export class AdaptiveAvgPool3d extends AdaptiveAvgPool {
  /** A pooling to `outputSize`. */
  constructor(outputSize: PerAxis) {
    super(3, outputSize);
  }
}

/** Maxima over nearly equal parts: `[batch, channels, length]` → `[batch, channels, …outputSize]`. */
export class AdaptiveMaxPool1d extends AdaptiveMaxPool {
  /** A pooling to `outputSize`. */
  constructor(outputSize: PerAxis) {
    super(1, outputSize);
  }
}

/** Maxima over nearly equal parts: `[batch, channels, height, width]` → `[batch, channels, …outputSize]`. */
export class AdaptiveMaxPool2d extends AdaptiveMaxPool {
  /** A pooling to `outputSize`. */
  constructor(outputSize: PerAxis) {
    super(2, outputSize);
  }
}

/** Maxima over nearly equal parts: `[batch, channels, depth, height, width]` → `[batch, channels, …outputSize]`. */
export class AdaptiveMaxPool3d extends AdaptiveMaxPool {
  /** A pooling to `outputSize`. */
  constructor(outputSize: PerAxis) {
    super(3, outputSize);
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
