/**
 * Plain gated layers (Weiler et al. 2018): blocks of channels multiplied by the logistic function of gate channels. One map for
 * the gates and one for the blocks of a size.
 */

import { map, randn, type Tensor } from "../../tensor/mod.ts";
import type { FloatDType } from "../../tensor/dtype.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import * as E from "../../tensor/expr.ts";
import type { Expr } from "../../tensor/expr.ts";
import { type ChannelItem, ChannelPlan, orderConstant, reorder } from "./channel_plan.ts";
import { Layer, MultiInputLayer } from "./layer.ts";
import { checkChannels } from "./norm_nonlinearity.ts";
import type { Constant } from "./persistent.ts";

/** A block of channels and its gate. */
export interface GatedBlock {
  /** The gate's channel, of the input of gates where that is one of its own. */
  readonly gate: number;
  /** The first channel of the block. */
  readonly start: number;
  /** Channels of the block. */
  readonly size: number;
  /** The entry of the bias that the gate uses. */
  readonly bias: number;
  /** The first channel of the block in the result. */
  readonly output: number;
  /** The channel of the result that holds the gate's value itself, if any. */
  readonly gateOutput?: number;
}

/** What a gated layer is made of. */
export interface GatedLayout {
  /** All blocks. */
  readonly blocks: readonly GatedBlock[];
  /** Channels of the input, or of the input of gated blocks. */
  readonly channels: number;
  /** Channels of the input of gates, where they come by themselves. */
  readonly gateChannels?: number;
  /** Shape of the bias. */
  readonly biasShape: readonly number[];
}

/** Names of functions of a gate. */
export type GateFunction = "sigmoid" | "tanh" | "relu";

/** Options of gated layers. */
export interface GatedLayerOptions {
  /** The function of a gate less its bias. Default `"sigmoid"`. */
  readonly gate?: GateFunction;
  /** Element type of the bias. Default float32. */
  readonly dtype?: FloatDType;
}

const GATES: { readonly [F in GateFunction]: (t: Expr) => Expr } = {
  sigmoid: E.sigmoid,
  tanh: E.tanh,
  relu: (t) => E.select(E.gt(t, 0), t, 0),
};

/** What all gated layers do. */
class Gates {
  readonly channels: number;
  readonly gateChannels: number | undefined;
  readonly biasShape: readonly number[];
  readonly #plan: ChannelPlan;
  readonly #kept: boolean;
  readonly #orders: readonly (Constant | undefined)[];
  readonly #function: (t: Expr) => Expr;

  constructor(op: string, { blocks, channels, gateChannels, biasShape }: GatedLayout, gate: GateFunction) {
    if (!Object.hasOwn(GATES, gate)) {
      throw new ArgumentError({
        op,
        expected: `one of the gate functions ${Object.keys(GATES).join(", ")}`,
        actual: JSON.stringify(gate),
      });
    }
    if (blocks.length === 0) {
      throw new ArgumentError({ op, expected: "at least one gated block", actual: "none" });
    }
    this.channels = channels;
    this.gateChannels = gateChannels;
    this.biasShape = biasShape;
    this.#function = GATES[gate];
    this.#kept = blocks[0].gateOutput !== undefined;
    const items = blocks.map(({ start, size, gate, output, gateOutput }): ChannelItem => {
      const block = { start: output, size };
      return {
        inputs: [{ start, size }, { start: gate, size: 1 }],
        outputs: gateOutput === undefined ? [block] : [block, { start: gateOutput, size: 1 }],
      };
    });
    this.#plan = new ChannelPlan(items, { sources: gateChannels === undefined ? [0, 0] : [0, 1] });
    const biases = biasShape.reduce((a, b) => a * b, 1);
    this.#orders = this.#plan.classes.map(({ items: list }) =>
      orderConstant(list.map((item) => blocks[item].bias), biases)
    );
  }

  apply(bias: Tensor, inputs: readonly Tensor[]): Tensor {
    const flat = bias.reshape([-1]);
    const parts = this.#plan.split(...inputs).flatMap(([x, gate], place) => {
      const own = reorder(flat, this.#orders[place]).reshape([1, -1, 1, 1]);
      // Gates are few beside the channels that they act on: their function has a kernel of its own.
      const activated = map([gate, own], (g, b) => this.#function(E.sub(g, E.cast(b, g.dtype))));
      return this.#kept ? [x.mul(activated), activated] : [x.mul(activated)];
    });
    return this.#plan.join(parts, inputs[0]);
  }
}

/** Blocks of channels times the function of their gates, all channels of one input. Parameter `bias`. */
export class GatedNonLinearity extends Layer {
  readonly #gates: Gates;

  /** A layer for these blocks. The bias starts normally distributed. */
  constructor(layout: GatedLayout, { gate = "sigmoid", dtype = "float32" }: GatedLayerOptions = {}) {
    super();
    this.#gates = new Gates("GatedNonLinearity", layout, gate);
    this.addParameter("bias", randn(layout.biasShape, { dtype }));
  }

  /** The layer's result. Throws ShapeError for another number of channels. */
  override forward(input: Tensor): Tensor {
    checkChannels("GatedNonLinearity", input, this.#gates.channels);
    return this.#gates.apply(this.parameter("bias"), [input]);
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.#gates.channels} channels`;
  }
}

/** Blocks of channels of one input times the function of gates that are another. Parameter `bias`. */
export class GatedNonLinearity2 extends MultiInputLayer {
  readonly #gates: Gates;

  /** A layer for these blocks, with `gateChannels`. The bias starts normally distributed. */
  constructor(
    layout: GatedLayout & { readonly gateChannels: number },
    { gate = "sigmoid", dtype = "float32" }: GatedLayerOptions = {},
  ) {
    super();
    this.#gates = new Gates("GatedNonLinearity2", layout, gate);
    this.addParameter("bias", randn(layout.biasShape, { dtype }));
  }

  /** The gated features. Throws ShapeError for another number of channels. */
  override forward(gates: Tensor, features: Tensor): Tensor {
    checkChannels("GatedNonLinearity2 gates", gates, this.#gates.gateChannels!);
    checkChannels("GatedNonLinearity2 features", features, this.#gates.channels);
    return this.#gates.apply(this.parameter("bias"), [features, gates]);
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.#gates.gateChannels} gates, ${this.#gates.channels} channels`;
  }
}
