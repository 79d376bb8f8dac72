/**
 * Equivariant modules that chain, keep, rename or reorder: sequences, the identity, restriction to a subgroup, reshuffling.
 */

import type { GroupElement, RepresentationKind, Subgroup, SubgroupId, SubgroupIdPart } from "../../group/types.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import * as E from "../../tensor/expr.ts";
import type { Shape } from "../../tensor/layout.ts";
import { observer } from "../../tensor/observer.ts";
import { EquivariantModule, type ExportOptions } from "../equivariant_module.ts";
import { FieldTypeError } from "../errors.ts";
import { differenceOf, type FieldType } from "../field_type.ts";
import { GeometricTensor } from "../geometric_tensor.ts";
import { inMode } from "../layer_module.ts";
import { PointwiseModule } from "../nonlinearity/pointwise.ts";
import { InnerBatchNorm } from "../normalization/inner_batch_norm.ts";
import { foldBatchNorm } from "../plain/fold_batch_norm.ts";
import { SelectChannels } from "../plain/parallel.ts";
import { Identity, namedEntries, Sequential } from "../plain/structure.ts";

/**
 * Modules one after the other; each must take the type that the one before gives. Their names are `0`, `1`, …, or the keys
 * of the object they are given in.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { FieldType, InnerBatchNorm, R2Conv, ReLU, gspaces, SequentialModule, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const space = gspaces.rot2dOnR2(4);
 * const input = new FieldType(space, [space.trivialRepr]), hidden = new FieldType(space, [space.regularRepr]);
 * const block = new SequentialModule(new R2Conv(input, hidden, 3), new InnerBatchNorm(hidden), new ReLU(hidden));
 * assertEquals(block.evaluateOutputShape([1, 1, 9, 9]), [1, 4, 7, 7]);
 * ```
 */
export class SequentialModule<K extends RepresentationKind = RepresentationKind> extends EquivariantModule<K> {
  /** The type of inputs: the first module's. */
  readonly inType: FieldType;
  /** The type of outputs: the last module's. */
  readonly outType: FieldType<K>;
  /** The modules in order. */
  readonly modules: readonly EquivariantModule[];
  readonly #names: readonly string[];

  /** The modules in order. Throws FieldTypeError naming both types where two do not fit. */
  constructor(...modules: readonly [...EquivariantModule[], EquivariantModule<K>]);
  /** The modules of a list in order. */
  constructor(...modules: readonly EquivariantModule<K>[]);
  /** Named modules in the object's order. */
  constructor(modules: Readonly<Record<string, EquivariantModule<K>>>);
  constructor(...modules: readonly (EquivariantModule | Readonly<Record<string, EquivariantModule>>)[]) {
    super();
    const entries = namedEntries<EquivariantModule>(
      modules,
      (value) => value instanceof EquivariantModule,
      "SequentialModule",
      "Its parts are equivariant modules; plain layers take the tensor of its result",
    );
    if (entries.length === 0) {
      throw new ArgumentError({ op: "SequentialModule", expected: "at least one module", actual: "none" });
    }
    for (let i = 1; i < entries.length; i++) {
      const [before, given] = entries[i - 1], [name, module] = entries[i];
      if (module.inType.equals(given.outType)) continue;
      throw new FieldTypeError({
        op: `SequentialModule, module ${name} after ${before}`,
        expected: `a module with inType ${given.outType}`,
        actual: `inType ${module.inType}`,
        hint: differenceOf(given.outType, module.inType),
      });
    }
    this.modules = entries.map(([name, module]) => this.addModule(name, module));
    this.#names = entries.map(([name]) => name);
    this.inType = this.modules[0].inType;
    // The last module's kind is K by the constructor's signature.
    this.outType = this.modules[this.modules.length - 1].outType as FieldType<K>;
  }

  /** Number of modules. */
  get length(): number {
    return this.modules.length;
  }

  /** The last module's result. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkInput(input);
    let value = input;
    for (let i = 0; i < this.modules.length; i++) {
      const fused = forwardPair(this.modules[i], this.modules[i + 1], value);
      if (fused === undefined) value = this.modules[i].forward(value);
      else {
        value = fused;
        i++;
      }
    }
    return value;
  }

  /** The output's shape for an input of this shape. */
  override evaluateOutputShape(inputShape: Shape): number[] {
    this.checkShape(inputShape);
    return this.modules.reduce((shape, module) => module.evaluateOutputShape(shape), [...inputShape]);
  }

  /** The modules' inclusions one after the other, from the last to the first. */
  override inclusion(element: GroupElement): GroupElement {
    return this.modules.reduceRight((inner, module) => module.inclusion(inner), element);
  }

  /**
   * A plain sequence of the modules' exports under the same names, each in its module's mode. With `foldBatchNorm` batch normalizations are part of the
   * convolutions before them where they can be; `onKept` is told of the others.
   */
  override export(options: ExportOptions = {}): Sequential {
    const layers = this.modules.map((module, i) => [`${this.#names[i]}`, inMode(module.export(), module.training)]);
    const plain = inMode(new Sequential(Object.fromEntries(layers)), this.training);
    if (!options.foldBatchNorm) return plain;
    const folded = foldBatchNorm(plain, options), kept = new Set(folded.stateDict().tensors.values());
    for (const tensor of plain.stateDict().tensors.values()) if (!kept.has(tensor)) tensor.dispose();
    return folded.train(this.training);
  }
}

/**
 * A batch normalization in train mode and a pointwise function behind it as one kernel, whose pass backward needs the normalization's
 * input alone; `undefined` for other modules, for any whose `forward` is not that of its class, and under a profile, which is by modules.
 */
function forwardPair(
  first: EquivariantModule,
  second: EquivariantModule | undefined,
  input: GeometricTensor,
): GeometricTensor | undefined {
  if (observer !== undefined) return undefined;
  if (!(first instanceof InnerBatchNorm && second instanceof PointwiseModule && first.training)) return undefined;
  if (first.forward !== InnerBatchNorm.prototype.forward || second.forward !== PointwiseModule.prototype.forward) {
    return undefined;
  }
  if (second.expression(E.input(0, "float32")) === undefined) return undefined;
  return first.forwardThen(input, (value) => second.expression(value)!);
}

/** Gives its input back. */
export class IdentityModule<K extends RepresentationKind = RepresentationKind> extends EquivariantModule<K> {
  /** The type of inputs. */
  readonly inType: FieldType<K>;
  /** The type of outputs: that of the inputs. */
  readonly outType: FieldType<K>;

  /** The identity on feature maps of `inType`. */
  constructor(inType: FieldType<K>) {
    super();
    this.inType = this.outType = inType;
  }

  /** The input. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkInput(input);
    return input;
  }

  /** The plain layer. */
  override export(): Identity {
    return new Identity();
  }
}

/** The same numbers with the type restricted to a subgroup: later layers need only be equivariant to that. */
export class RestrictionModule<K extends RepresentationKind = RepresentationKind> extends EquivariantModule<K> {
  /** The type of inputs. */
  readonly inType: FieldType<K>;
  /** The restricted type. */
  readonly outType: FieldType<K>;
  readonly #subgroup: Subgroup;

  /** A restriction to the subgroup `id` of the space's group. Throws GroupError for an unknown subgroup. */
  constructor(inType: FieldType<K>, id: SubgroupId | SubgroupIdPart) {
    super();
    this.inType = inType;
    this.outType = inType.restrict(id);
    this.#subgroup = inType.gspace.restrict(id).subgroup;
  }

  /** The same feature map with the restricted type. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkInput(input);
    return new GeometricTensor(input.tensor, this.outType, input.coords);
  }

  /** The element of the group for one of the subgroup. */
  override inclusion(element: GroupElement): GroupElement {
    return this.#subgroup.inclusion(element);
  }

  /** The plain layer. */
  override export(): Identity {
    return new Identity();
  }

  /** The types as text. */
  protected override describe(): string {
    return `${this.inType} -> ${this.outType}`;
  }
}

/** The fields in another order. */
export class ReshuffleModule<K extends RepresentationKind = RepresentationKind> extends EquivariantModule<K> {
  /** The type of inputs. */
  readonly inType: FieldType<K>;
  /** Field i is field `permutation[i]` of the input. */
  readonly outType: FieldType<K>;
  /** For each output field the position of the input field. */
  readonly permutation: readonly number[];

  /** Throws ArgumentError unless `permutation` holds every field position once. */
  constructor(inType: FieldType<K>, permutation: readonly number[]) {
    super();
    if (permutation.length !== inType.length || new Set(permutation).size !== inType.length) {
      throw new ArgumentError({
        op: "ReshuffleModule",
        expected: `a permutation of the ${inType.length} fields`,
        actual: `[${permutation}]`,
      });
    }
    this.inType = inType;
    this.outType = inType.indexSelect(permutation);
    this.permutation = [...permutation];
  }

  /** The reordered feature map. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkInput(input);
    return input.fields(this.permutation);
  }

  /** The plain layer. */
  override export(): SelectChannels {
    const { fieldsStart, sizes } = this.inType;
    return new SelectChannels(
      this.permutation.flatMap((field) => Array.from({ length: sizes[field] }, (_, i) => fieldsStart[field] + i)),
    );
  }
}
