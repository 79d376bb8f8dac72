/**
 * The base of plain layers: modules from tensor to tensor that know nothing of groups. Equivariant modules export to them.
 */

import { ShapeError } from "../../tensor/errors.ts";
import { formatShape, type Shape } from "../../tensor/layout.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { Module } from "./module.ts";

/** A plain layer: a module from tensor to tensor. */
export abstract class Layer extends Module {
  /** The layer's result. */
  abstract forward(input: Tensor): Tensor;
}

/** A plain layer of several inputs. */
export abstract class MultiInputLayer extends Module {
  /** The layer's result. */
  abstract forward(...inputs: Tensor[]): Tensor;
}

/**
 * Checks rank and channel count of an input.
 *
 * @param op The layer, for the message.
 * @param shape The input's shape.
 * @param ranks The ranks that it may have.
 * @param channels The size that axis 1 must have; unchecked when absent.
 * @param axes The axes for the message, e.g. `[batch, channels, height, width]`.
 * @throws ShapeError that names both shapes.
 */
export function checkInput(
  op: string,
  shape: Shape,
  ranks: readonly number[],
  channels: number | undefined,
  axes: string,
): void {
  if (ranks.includes(shape.length) && (channels === undefined || shape[1] === channels)) return;
  throw new ShapeError({
    op,
    expected: `an input ${axes}${channels === undefined ? "" : ` with ${channels} channels`}`,
    actual: formatShape(shape),
  });
}
