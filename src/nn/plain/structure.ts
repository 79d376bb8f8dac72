/**
 * Plain layers that only rearrange, select or chain: identity, flattening, masks, sequences.
 */

import { ArgumentError, ShapeError } from "../../tensor/errors.ts";
import { formatShape } from "../../tensor/layout.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { checkInput, Layer } from "./layer.ts";
import { Module } from "./module.ts";
import { Constant } from "./persistent.ts";

/** Gives its input back. */
export class Identity extends Layer {
  /** The input. */
  override forward(input: Tensor): Tensor {
    return input;
  }
}

/** All axes but the batch's as one: `[batch, …]` → `[batch, product]`. */
export class Flatten extends Layer {
  /** The layer's result. */
  override forward(input: Tensor): Tensor {
    if (input.rank < 1) {
      throw new ShapeError({ op: "Flatten", expected: "an input [batch, …]", actual: formatShape(input.shape) });
    }
    return input.reshape([input.shape[0], input.shape.slice(1).reduce((a, b) => a * b, 1)]);
  }
}

/** Multiplies every channel of `[batch, channels, …spatial]` by one fixed mask over the positions. */
export class MaskLayer extends Layer {
  /** Spatial sizes of the mask, in array order. */
  readonly shape: readonly number[];
  readonly #mask: Constant;

  /** A mask with these row-major values. */
  constructor(mask: Float64Array, shape: readonly number[]) {
    super();
    this.shape = shape;
    this.#mask = new Constant(mask, shape);
  }

  /** The layer's result, of the input's shape. Throws ShapeError for other spatial sizes. */
  override forward(input: Tensor): Tensor {
    checkInput("MaskLayer", input.shape, [2 + this.shape.length], undefined, "[batch, channels, …spatial]");
    if (this.shape.some((size, axis) => size !== input.shape[axis + 2])) {
      throw new ShapeError({
        op: "MaskLayer",
        expected: `spatial sizes ${formatShape(this.shape)}`,
        actual: formatShape(input.shape),
      });
    }
    return input.mul(this.#mask.like(input));
  }

  /** The options as text. */
  protected override describe(): string {
    return this.shape.join("x");
  }
}

/**
 * Layers one after the other. Their names are `0`, `1`, …, or the keys of the object they are given in.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { plain, tensor, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const net = new plain.Sequential(new plain.ReLU(), new plain.Flatten());
 * const y = net.forward(tensor([[[-1, 2], [3, -4]]]));
 * assertEquals([...y.dataSync()], [0, 2, 3, 0]);
 * ```
 */
export class Sequential extends Layer {
  /** The layers in order. */
  readonly layers: readonly Layer[];

  /** The layers in order, or one object of named layers. */
  constructor(...layers: readonly Layer[] | [Readonly<Record<string, Layer>>]) {
    super();
    const entries = namedEntries(layers, (value): value is Layer => value instanceof Layer);
    this.layers = entries.map(([name, layer]) => this.addModule(name, layer));
  }

  /** The last layer's result. */
  override forward(input: Tensor): Tensor {
    return this.layers.reduce((value, layer) => layer.forward(value), input);
  }
}

/**
 * The parts of a sequence with their names: a list of parts, or one object of named parts.
 * Throws ArgumentError for what is neither.
 */
export function namedEntries<T extends object>(
  parts: readonly (T | Readonly<Record<string, T>>)[],
  isPart: (value: unknown) => value is T,
  op = "Sequential",
  hint = "Its parts are layers of plain",
): [string, T][] {
  const first = parts[0];
  const entries: [string, unknown][] = parts.length === 1 && !isPart(first)
    ? Object.entries(first)
    : parts.map((part, position) => [String(position), part]);
  return entries.map(([name, part]) => {
    if (isPart(part)) return [name, part];
    throw new ArgumentError({
      op,
      expected: "modules that can be in it",
      actual: `${part instanceof Module ? part.constructor.name : String(part)} at ${JSON.stringify(name)}`,
      hint,
    });
  });
}
