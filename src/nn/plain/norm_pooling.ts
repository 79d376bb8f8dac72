/**
 * Plain pooling by norms of blocks of channels: the norms themselves, and the block of the largest norm in each window.
 */

import { allocateTensor } from "../../tensor/core.ts";
import type { PerAxis } from "../../tensor/conv_geometry.ts";
import { gatherUnchecked } from "../../tensor/gather.ts";
import { map, noGrad, reduce, type Tensor } from "../../tensor/mod.ts";
import * as E from "../../tensor/expr.ts";
import { poolGeometry, type PoolOptions } from "../../tensor/pool_geometry.ts";
import { type ChannelItem, ChannelPlan } from "./channel_plan.ts";
import { Layer } from "./layer.ts";
import { checkChannels, checkParts, type FieldParts, safeRoot, squaredNorms, subVectors } from "./norm_nonlinearity.ts";
import { Constant, selectAt } from "./persistent.ts";

/** The largest norm of the sub-vectors of each field: `[batch, channels, …]` → `[batch, fields, …]`. */
export class NormPool extends Layer {
  /** The fields. */
  readonly fields: readonly FieldParts[];
  readonly #plan: ChannelPlan;
  readonly #channels: number;

  /** A layer for these fields, in channel order. */
  constructor(fields: readonly FieldParts[]) {
    super();
    checkParts("NormPool", fields);
    this.fields = fields;
    let start = 0;
    const items = fields.map(({ parts, size }, field): ChannelItem => {
      const span = { start, size: parts * size };
      start += span.size;
      return { inputs: [span], outputs: [{ start: field, size: 1 }], mark: String(size) };
    });
    this.#channels = start;
    this.#plan = new ChannelPlan(items);
  }

  /** The layer's result. Throws ShapeError for another number of channels. */
  override forward(input: Tensor): Tensor {
    checkChannels("NormPool", input, this.#channels);
    const norms = this.#plan.split(input).map(([x], place) => {
      const { parts, size } = this.fields[this.#plan.classes[place].items[0]];
      const [batch, count, , positions] = x.shape;
      if (parts === 1) return map([squaredNorms(x)], safeRoot);
      const squares = reduce([x.reshape([batch, count, parts, size, positions])], "sum", 3, E.square);
      return map([squares.max(2, true)], safeRoot);
    });
    return this.#plan.join(norms, input);
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.fields.length} fields`;
  }
}

/** The block of the largest norm in each window, of each field: `[batch, channels, …spatial]`, 1 to 3 spatial axes. */
export class NormMaxPool extends Layer {
  /** Sizes of the fields. */
  readonly sizes: readonly number[];
  /** Size of the window. */
  readonly kernelSize: PerAxis;
  /** Stride, padding, dilation, ceilMode. */
  readonly options: PoolOptions;
  readonly #plan: ChannelPlan;
  readonly #channels: number;
  readonly #fieldOfChannel: Constant;

  /** A layer for fields of these sizes, in channel order. */
  constructor(sizes: readonly number[], kernelSize: PerAxis, options: PoolOptions = {}) {
    super();
    const fields = sizes.map((size) => ({ parts: 1, size }));
    checkParts("NormMaxPool", fields);
    this.sizes = sizes;
    this.kernelSize = kernelSize;
    this.options = options;
    const { items } = subVectors(fields);
    this.#plan = new ChannelPlan(items.map(({ inputs }, field) => ({ inputs, outputs: [{ start: field, size: 1 }] })));
    this.#channels = sizes.reduce((a, b) => a + b, 0);
    const owners = sizes.flatMap((size, field) => new Array<number>(size).fill(field));
    this.#fieldOfChannel = new Constant(Int32Array.from(owners), [owners.length]);
  }

  /** The layer's result. Throws ShapeError for another number of channels, or a window that does not fit. */
  override forward(input: Tensor): Tensor {
    checkChannels("NormMaxPool", input, this.#channels);
    const geometry = poolGeometry(input.shape, this.kernelSize, this.options, "NormMaxPool");
    const [batch, channels, ...spatial] = input.shape, { outputSize } = geometry;
    const count = outputSize.reduce((a, b) => a * b, 1);
    const places = noGrad(() => {
      const norms = this.#plan.join(this.#plan.split(input.detach()).map(([x]) => squaredNorms(x)), input);
      const shape = [batch, this.sizes.length, ...outputSize];
      const output = allocateTensor(input.backend, shape, input.dtype);
      const indices = allocateTensor(input.backend, shape, "int32");
      const own = { ...geometry, channels: this.sizes.length };
      if (output.size > 0) input.backend.maxPool({ geometry: own, input: norms, output, indices });
      return selectAt(indices.reshape([batch, this.sizes.length, count]), 1, this.#fieldOfChannel);
    });
    const flat = input.reshape([batch, channels, spatial.reduce((a, b) => a * b, 1)]);
    return gatherUnchecked(flat, 2, places).reshape([batch, channels, ...outputSize]);
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.sizes.length} fields, kernelSize ${this.kernelSize}`;
  }
}
