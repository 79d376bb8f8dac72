/**
 * Pointwise non-linearities: one function on each channel by itself. It commutes with the group exactly when every field is a
 * permutation representation, which the compiler checks where it can and the constructor always does.
 */

import { ArgumentError } from "../../tensor/errors.ts";
import * as E from "../../tensor/expr.ts";
import type { Expr } from "../../tensor/expr.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { EquivariantModule } from "../equivariant_module.ts";
import type { FieldType } from "../field_type.ts";
import type { GeometricTensor } from "../geometric_tensor.ts";
import * as plain from "../plain/activations.ts";
import type { Layer } from "../plain/layer.ts";

/** What all pointwise non-linearities share: the type check, and a plain layer that does the work. */
export abstract class PointwiseModule extends EquivariantModule<"pointwise"> {
  /** The type of inputs. */
  readonly inType: FieldType<"pointwise">;
  /** The type of outputs: that of the inputs. */
  readonly outType: FieldType<"pointwise">;

  /** A module on fields of `inType`. Throws FieldTypeError unless they are permutation representations. */
  constructor(inType: FieldType<"pointwise">) {
    super();
    this.inType = this.outType = inType.requirePointwise(new.target.name);
  }

  /** The function on a tensor. */
  protected abstract apply(x: Tensor): Tensor;

  /** The function as an expression, where it can be part of the kernel before it. @internal */
  expression(_x: Expr): Expr | undefined {
    return undefined;
  }

  /** The function on each channel; positions stay. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkInput(input);
    return input.with(this.apply(input.tensor));
  }

  /** The options as text. */
  protected override describe(): string {
    return String(this.inType);
  }
}

/**
 * max(x, 0) on each channel.
 *
 * @example
 * ```ts
 * import { assertEquals, assertThrows } from "@std/assert";
 * import { FieldType, FieldTypeError, GeometricTensor, ReLU, gspaces, tensor, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const space = gspaces.rot2dOnR2(2);
 * const type = new FieldType(space, [space.regularRepr]);
 * const y = new ReLU(type).forward(new GeometricTensor(tensor([[[[-1]], [[2]]]]), type));
 * assertEquals([...y.tensor.dataSync()], [0, 2]);
 * const irreps = new FieldType(gspaces.rot2dOnR2(4), [gspaces.rot2dOnR2(4).irrep(1)]);
 * assertThrows(() => irreps.requirePointwise(), FieldTypeError);
 * ```
 */
export class ReLU extends PointwiseModule {
  /** max(x, 0). */
  protected override apply(x: Tensor): Tensor {
    return plain.relu(x);
  }

  /** max(x, 0). @internal */
  override expression(x: Expr): Expr {
    return plain.reluExpression(x);
  }

  /** The plain layer. */
  override export(): Layer {
    return new plain.ReLU();
  }
}

/** x where x > 0, else `alpha` (eˣ − 1), on each channel. */
export class ELU extends PointwiseModule {
  /** The limit for x → −∞ is −alpha. */
  readonly alpha: number;

  /** A module on fields of `inType`; options: `alpha` (default 1). */
  constructor(inType: FieldType<"pointwise">, { alpha = 1 }: { readonly alpha?: number } = {}) {
    super(inType);
    this.alpha = alpha;
  }

  /** The function. */
  protected override apply(x: Tensor): Tensor {
    return plain.elu(x, this.alpha);
  }

  /** The function. @internal */
  override expression(x: Expr): Expr {
    return plain.eluExpression(x, E.constant(this.alpha, x.dtype));
  }

  /** The plain layer. */
  override export(): Layer {
    return new plain.ELU({ alpha: this.alpha });
  }
}

/** x where x > 0, else `negativeSlope` · x, on each channel. */
export class LeakyReLU extends PointwiseModule {
  /** The slope for x < 0. */
  readonly negativeSlope: number;

  /** A module on fields of `inType`; options: `negativeSlope` (default 0.01). */
  constructor(inType: FieldType<"pointwise">, { negativeSlope = 0.01 }: { readonly negativeSlope?: number } = {}) {
    super(inType);
    this.negativeSlope = negativeSlope;
  }

  /** The function. */
  protected override apply(x: Tensor): Tensor {
    return plain.leakyRelu(x, this.negativeSlope);
  }

  /** The plain layer. */
  override export(): Layer {
    return new plain.LeakyReLU({ negativeSlope: this.negativeSlope });
  }
}

/** Names of the functions of {@linkcode PointwiseNonLinearity}, as in escnn. */
export type PointwiseFunction = "p_relu" | "p_elu" | "p_sigmoid" | "p_tanh";

const FUNCTIONS: {
  readonly [F in PointwiseFunction]: { readonly apply: (x: Tensor) => Tensor; readonly layer: () => Layer };
} = {
  p_relu: { apply: plain.relu, layer: () => new plain.ReLU() },
  p_elu: { apply: (x) => plain.elu(x), layer: () => new plain.ELU() },
  p_sigmoid: { apply: (x) => x.sigmoid(), layer: () => new plain.Sigmoid() },
  p_tanh: { apply: (x) => x.tanh(), layer: () => new plain.Tanh() },
};

/** A function chosen by name on each channel. */
export class PointwiseNonLinearity extends PointwiseModule {
  /** The function's name. */
  readonly function: PointwiseFunction;

  /** A module on fields of `inType`; options: `function` (default `"p_relu"`). Throws ArgumentError for an unknown name. */
  constructor(inType: FieldType<"pointwise">, options: { readonly function?: PointwiseFunction } = {}) {
    super(inType);
    this.function = options.function ?? "p_relu";
    if (!Object.hasOwn(FUNCTIONS, this.function)) {
      throw new ArgumentError({
        op: "PointwiseNonLinearity",
        expected: `one of the functions ${Object.keys(FUNCTIONS).join(", ")}`,
        actual: JSON.stringify(this.function),
      });
    }
  }

  /** The function. */
  protected override apply(x: Tensor): Tensor {
    return FUNCTIONS[this.function].apply(x);
  }

  /** The plain layer. */
  override export(): Layer {
    return FUNCTIONS[this.function].layer();
  }
}
