/**
 * Plain layers that choose channels and run several layers side by side.
 */

import { ArgumentError } from "../../tensor/errors.ts";
import { concatenate, type Tensor } from "../../tensor/mod.ts";
import { checkInput, Layer, MultiInputLayer } from "./layer.ts";
import { Module } from "./module.ts";
import { checkChannels } from "./norm_nonlinearity.ts";
import { Constant, selectAt } from "./persistent.ts";

/** Channels at fixed positions, in this order; neighbouring ones as a view. */
export class SelectChannels extends Layer {
  /** The channels. */
  readonly channels: readonly number[];
  readonly #order: Constant | undefined;

  /** A selection of these channels. Throws ArgumentError for none, or positions that are no natural numbers. */
  constructor(channels: readonly number[]) {
    super();
    if (channels.length === 0 || channels.some((channel) => !Number.isInteger(channel) || channel < 0)) {
      throw new ArgumentError({ op: "SelectChannels", expected: "channel positions", actual: `[${channels}]` });
    }
    this.channels = channels;
    const run = channels.every((channel, i) => channel === channels[0] + i);
    this.#order = run ? undefined : new Constant(Int32Array.from(channels), [channels.length]);
  }

  /** The chosen channels of `[batch, channels, …spatial]`. Throws ShapeError when the input has too few. */
  override forward(input: Tensor): Tensor {
    const greatest = this.channels.reduce((a, b) => Math.max(a, b));
    if (!(input.rank >= 2 && input.shape[1] > greatest)) {
      checkInput("SelectChannels", input.shape, [], undefined, `[batch, more than ${greatest} channels, …spatial]`);
    }
    if (this.#order !== undefined) return selectAt(input, 1, this.#order);
    return input.slice(1, this.channels[0], this.channels[0] + this.channels.length);
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.channels.length} channels`;
  }
}

/** Channels by label. */
export type ChannelLists = ReadonlyMap<string, readonly number[]>;

/** Labelled selections of the channels of one input. */
export class Branching extends Module {
  readonly #branches: ReadonlyMap<string, SelectChannels>;
  readonly #channels: number;

  /** For each label the channels of its branch, of an input with `channels` channels. */
  constructor(channels: number, lists: ChannelLists) {
    super();
    this.#channels = channels;
    this.#branches = new Map([...lists].map(([label, list]) => [label, new SelectChannels(list)]));
  }

  /** The chosen channels of each label. Throws ShapeError for another number of channels. */
  forward(input: Tensor): Map<string, Tensor> {
    checkChannels("Branching", input, this.#channels);
    return new Map([...this.#branches].map(([label, branch]) => [label, branch.forward(input)]));
  }
}

/** A layer and the labels of its inputs. */
export type MergingPart = readonly [layer: Layer | MultiInputLayer, labels: readonly string[]];

/** Layers on labelled inputs, their results one after the other along the channels. */
export class Merging extends Module {
  readonly #parts: readonly MergingPart[];

  /** The layers with the labels of their inputs; their names are `submodule_0`, `submodule_1`, …. */
  constructor(parts: readonly MergingPart[]) {
    super();
    this.#parts = parts;
    parts.forEach(([layer], i) => this.addModule(`submodule_${i}`, layer));
  }

  /** The joined results. Throws ArgumentError when an input is missing. */
  forward(inputs: ReadonlyMap<string, Tensor>): Tensor {
    const results = this.#parts.map(([layer, labels]) => {
      const own = labels.map((label) => labelled(inputs, label, "Merging"));
      return layer instanceof MultiInputLayer ? layer.forward(...own) : layer.forward(own[0]);
    });
    return results.length === 1 ? results[0] : concatenate(results, 1);
  }
}

/** The entry of a label. Throws ArgumentError when there is none. */
export function labelled<T>(inputs: ReadonlyMap<string, T>, label: string, op: string): T {
  const found = inputs.get(label);
  if (found !== undefined) return found;
  throw new ArgumentError({
    op,
    expected: `an input labelled ${JSON.stringify(label)}`,
    actual: [...inputs.keys()].map((name) => JSON.stringify(name)).join(", ") || "none",
  });
}

/** A branching and then a merging. */
export class Multiple extends Layer {
  readonly #branching: Branching;
  readonly #merging: Merging;

  /** Children `branching` and `merging`. */
  constructor(branching: Branching, merging: Merging) {
    super();
    this.#branching = this.addModule("branching", branching);
    this.#merging = this.addModule("merging", merging);
  }

  /** The layer's result. */
  override forward(input: Tensor): Tensor {
    return this.#merging.forward(this.#branching.forward(input));
  }
}
