/**
 * Channels as items: fields, sub-vectors of fields, gates. Items of one form are seen together as one strided view
 * `[batch, items, channels, positions]`, so that a module runs one kernel for each form and not one for each field. Cutting and
 * joining are each other's derivative and write every number once.
 */

import { allocateTensor, needsGrad, record, viewOf } from "../../tensor/core.ts";
import * as E from "../../tensor/expr.ts";
import { contiguousStrides, type Layout } from "../../tensor/layout.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { Constant, selectAt } from "./persistent.ts";

/** Consecutive channels. */
export interface Span {
  /** The first channel. */
  readonly start: number;
  /** Their number. */
  readonly size: number;
}

/** What a module treats as one: the channels that it reads in one or more roles, and those that it writes. */
export interface ChannelItem {
  /** Channels by role (e.g. a gate and a field), of the input that the role belongs to. */
  readonly inputs: readonly Span[];
  /** Channels of the result, by role of its own; default none. */
  readonly outputs?: readonly Span[];
  /** Items with different marks are kept apart even where their sizes are equal. */
  readonly mark?: string;
}

/** Equally spaced spans of one size. */
interface Progression extends Span {
  readonly count: number;
  readonly step: number;
}

/** Items of one form: those whose spans have the same sizes. */
export interface ItemClass {
  /** The items' positions in the list that the plan was made of. */
  readonly items: readonly number[];
  /** Sizes of the spans by role. */
  readonly sizes: readonly number[];
}

interface PlannedClass extends ItemClass {
  readonly inputs: readonly Progression[];
  readonly outputs: readonly Progression[];
}

/** How channels are cut into the items of each form and results are put together again. */
export class ChannelPlan {
  /** The forms in order of first appearance. */
  readonly classes: readonly ItemClass[];
  readonly #classes: readonly PlannedClass[];
  readonly #sources: readonly number[];
  readonly #before: readonly (Constant | undefined)[];
  readonly #outChannels: number;
  readonly #after: Constant | undefined;

  /**
   * A plan for these items.
   *
   * @param items The items; spans of different items do not overlap.
   * @param options Sources: for each role the number of the input that it reads, default input 0. Whole: whether all items of a form
   * must come as one class, default false.
   */
  constructor(
    items: readonly ChannelItem[],
    { sources, whole = false }: { readonly sources?: readonly number[]; readonly whole?: boolean } = {},
  ) {
    const byForm = new Map<string, number[]>();
    items.forEach(({ inputs, outputs = [], mark = "" }, position) => {
      const form = `${inputs.map(({ size }) => size)};${outputs.map(({ size }) => size)};${mark}`;
      const list = byForm.get(form);
      if (list === undefined) byForm.set(form, [position]);
      else list.push(position);
    });
    this.#sources = sources ?? items[0].inputs.map(() => 0);
    // A form that repeats with a period, like two vectors in each of many equal runs of fields, is seen as that many forms.
    const groups = [...byForm.values()].flatMap((group) => whole ? [group] : periodic(items, group));
    const roles = items[0].inputs.map((_, role) => role);
    const spansOf = (group: readonly number[], role: number) => group.map((position) => items[position].inputs[role]);
    const inputCount = Math.max(...this.#sources) + 1;
    const orders = Array.from({ length: inputCount }, (_, source) => {
      const own = roles.filter((role) => this.#sources[role] === source);
      const regular = groups.every((group) => own.every((role) => progression(spansOf(group, role)) !== undefined));
      return regular ? undefined : groups.flatMap((group) => own.map((role) => spansOf(group, role)));
    });
    this.#before = orders.map((order) => {
      if (order === undefined) return undefined;
      const channels = order.flat().flatMap(channelsOf);
      return new Constant(Int32Array.from(channels), [channels.length]);
    });
    const outSpans = groups.map((group) =>
      (items[group[0]].outputs ?? []).map((_, role) => group.map((position) => items[position].outputs![role]))
    );
    const total = outSpans.flat(2).reduce((sum, { size }) => sum + size, 0);
    this.#outChannels = total;
    const outRegular = outSpans.flat().every((spans) => progression(spans) !== undefined);
    if (!outRegular) {
      const order = new Int32Array(total);
      outSpans.flat(2).flatMap(channelsOf).forEach((channel, i) => order[channel] = i);
      this.#after = new Constant(order, [total]);
    }
    const offsets = new Array<number>(inputCount).fill(0);
    let outOffset = 0;
    this.#classes = groups.map((group, g) => {
      const inputs = roles.map((role): Progression => {
        const spans = spansOf(group, role), source = this.#sources[role];
        if (orders[source] === undefined) return progression(spans)!;
        const start = offsets[source], { size } = spans[0];
        offsets[source] += size * spans.length;
        return { start, size, count: spans.length, step: size };
      });
      const outputs = outSpans[g].map((spans): Progression => {
        if (outRegular) return progression(spans)!;
        const { size } = spans[0], start = outOffset;
        outOffset += size * spans.length;
        return { start, size, count: spans.length, step: size };
      });
      return { items: group, sizes: inputs.map(({ size }) => size), inputs, outputs };
    });
    this.classes = this.#classes;
  }

  /**
   * The channels of each class by role, as views `[batch, items, size, positions]`.
   *
   * @param inputs `[batch, channels, …spatial]`, one for each source.
   */
  split(...inputs: readonly Tensor[]): Tensor[][] {
    const parts: Tensor[][] = this.#classes.map(() => []);
    inputs.forEach((input, source) => {
      const order = this.#before[source];
      const x = flatPositions(order === undefined ? input : selectAt(input, 1, order));
      const wanted: { readonly place: number; readonly role: number; readonly span: Progression }[] = [];
      this.#classes.forEach(({ inputs: spans }, place) =>
        spans.forEach((span, role) => {
          if (this.#sources[role] === source) wanted.push({ place, role, span });
        })
      );
      const views = cut(x, wanted.map(({ span }) => span));
      wanted.forEach(({ place, role }, i) => parts[place][role] = views[i]);
    });
    return parts;
  }

  /**
   * The results of the classes as one tensor.
   *
   * @param parts For each class, for each role of its outputs `[batch, items, size, positions]`.
   * @param like The input whose batch and spatial axes the result has.
   */
  join(parts: readonly Tensor[], like: Tensor): Tensor {
    const spans = this.#classes.flatMap(({ outputs }) => outputs);
    const joined = glue(parts, spans, this.#outChannels);
    const shaped = joined.reshape([joined.shape[0], this.#outChannels, ...like.shape.slice(2)]);
    return this.#after === undefined ? shaped : selectAt(shaped, 1, this.#after);
  }
}

/** One item for each field of these sizes, in channel order, read and written in place; fields with different marks apart. */
export function fieldItems(sizes: readonly number[], marks: readonly string[] = []): ChannelItem[] {
  let start = 0;
  return sizes.map((size, field) => {
    const span = { start, size };
    start += size;
    return { inputs: [span], outputs: [span], mark: marks[field] };
  });
}

/** `[batch, channels, …spatial]` as `[batch, channels, positions]`. */
export function flatPositions(x: Tensor): Tensor {
  const [batch, channels, ...spatial] = x.shape;
  return spatial.length === 1 ? x : x.reshape([batch, channels, spatial.reduce((a, b) => a * b, 1)]);
}

/** Entries of a small vector in another order; the vector itself where the order is its own. */
export function reorder(vector: Tensor, order: Constant | undefined): Tensor {
  return order === undefined ? vector : selectAt(vector, 0, order);
}

/** A constant for {@linkcode reorder}: `undefined` for 0, 1, 2, … up to `length`. */
export function orderConstant(order: readonly number[], length: number): Constant | undefined {
  if (order.length === length && order.every((entry, i) => entry === i)) return undefined;
  return new Constant(Int32Array.from(order), [order.length]);
}

function channelsOf({ start, size }: Span): number[] {
  return Array.from({ length: size }, (_, i) => start + i);
}

function progression(spans: readonly Span[]): Progression | undefined {
  const [{ start, size }] = spans;
  const step = spans.length > 1 ? spans[1].start - start : size;
  if (!spans.every((span, i) => span.start === start + i * step) || step < size) return undefined;
  return { start, size, count: spans.length, step };
}

/** More kernels than this cost more than a gather. */
const LONGEST_PERIOD = 4;

/** A list of items as the fewest interleaved lists that are equally spaced in all roles; itself where there are too many. */
function periodic(items: readonly ChannelItem[], group: readonly number[]): (readonly number[])[] {
  for (let period = 1; period <= Math.min(LONGEST_PERIOD, group.length); period++) {
    const lists = Array.from({ length: period }, (_, r) => group.filter((_, i) => i % period === r));
    const regular = lists.every((list) => {
      const { inputs, outputs = [] } = items[list[0]];
      return inputs.every((_, role) => progression(list.map((i) => items[i].inputs[role])) !== undefined) &&
        outputs.every((_, role) => progression(list.map((i) => items[i].outputs![role])) !== undefined);
    });
    if (regular) return lists;
  }
  return [group];
}

function layoutOf(base: Layout, { start, size, count, step }: Progression): Layout {
  const [batch, , positions] = base.shape, [b, c, p] = base.strides;
  return {
    shape: [batch, count, size, positions],
    strides: [b, step * c, c, p],
    offset: base.offset + start * c,
  };
}

/** Views of `[batch, channels, positions]`. */
function cut(x: Tensor, spans: readonly Progression[]): Tensor[] {
  const views = spans.map((span) => viewOf(x, layoutOf(x, span)));
  if (needsGrad([x])) {
    const channels = x.shape[1];
    record("split channels", [x], views, [], (gradients) => [glue(gradients, spans, channels)]);
  }
  return views;
}

/** `[batch, channels, positions]` with the parts at their places and zeros elsewhere. */
function glue(parts: readonly (Tensor | undefined)[], spans: readonly Progression[], channels: number): Tensor {
  const given = parts.flatMap((part, i) => part === undefined ? [] : [{ part, span: spans[i] }]);
  const [first] = given;
  const { backend, dtype, shape: [batch, , , positions] } = first.part;
  const covered = given.reduce((sum, { span }) => sum + span.count * span.size, 0);
  if (given.length === 1 && covered === channels) return first.part.reshape([batch, channels, positions]);
  const shape = [batch, channels, positions];
  const result = allocateTensor(backend, shape, dtype);
  if (result.size > 0) {
    if (covered < channels) {
      backend.map({ expressions: [E.constant(0, dtype)], shape, inputs: [], scalars: [], outputs: [result] });
    }
    const base: Layout = { shape, strides: contiguousStrides(shape), offset: 0 };
    for (const { part, span } of given) {
      backend.copy(part, { ...layoutOf(base, span), buffer: result.buffer, dtype });
    }
  }
  const sources = given.map(({ part }) => part);
  if (needsGrad(sources)) {
    const used = given.map(({ span }) => span);
    record("join channels", sources, [result], [], ([gradient]) => cut(gradient!, used));
  }
  return result;
}
