/**
 * Different modules for different fields: branching splits a feature map by labels of its fields, merging applies a module to each
 * part and joins the results.
 */

import type { GroupElement, RepresentationKind } from "../../group/types.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import type { Shape } from "../../tensor/layout.ts";
import { checkShapeOf, EquivariantModule, requireInput, requireType } from "../equivariant_module.ts";
import { checkJoint, type EquivarianceOptions, type EquivarianceReport } from "../check_equivariance.ts";
import { FieldTypeError } from "../errors.ts";
import { fieldsByLabel, type FieldType } from "../field_type.ts";
import { type GeometricTensor, tensorDirectSum } from "../geometric_tensor.ts";
import { inMode } from "../layer_module.ts";
import { MultiInputModule } from "../multi_input.ts";
import { Module } from "../plain/module.ts";
import { stableOrder } from "../plain/norm_nonlinearity.ts";
import { Branching, labelled, Merging, Multiple } from "../plain/parallel.ts";

/** Options of {@linkcode BranchingModule} and {@linkcode MultipleModule}. */
export interface BranchingOptions {
  /** How the fields of a label are ordered: 0 and 1 as in the input, 2 by size, stable. Default 0. */
  readonly reshuffle?: 0 | 1 | 2;
}

/**
 * A feature map split by labels of its fields.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { BranchingModule, FieldType, gspaces } from "@escnn/escnn";
 *
 * const space = gspaces.rot2dOnR2(4);
 * const type = new FieldType(space, [space.regularRepr, space.irrep(1), space.regularRepr]);
 * const branching = new BranchingModule(type, ["pointwise", "norm", "pointwise"]);
 * assertEquals(branching.outTypes.get("pointwise")!.sizes, [4, 4]);
 * ```
 */
export class BranchingModule extends Module {
  /** The type of inputs. */
  readonly inType: FieldType;
  /** The type of each label's fields. */
  readonly outTypes: ReadonlyMap<string, FieldType>;
  readonly #fields: ReadonlyMap<string, readonly number[]>;

  /** A branching of `inType` by a label for each field. Throws ArgumentError unless each field has one. */
  constructor(inType: FieldType, labels: readonly string[], { reshuffle = 0 }: BranchingOptions = {}) {
    super();
    if (![0, 1, 2].includes(reshuffle)) {
      throw new ArgumentError({ op: "BranchingModule", expected: "reshuffle 0, 1 or 2", actual: String(reshuffle) });
    }
    this.inType = inType;
    const fields = new Map<string, readonly number[]>();
    for (const [label, list] of fieldsByLabel(inType, labels)) {
      const order = reshuffle === 2 ? stableOrder(list.map((field) => [inType.sizes[field]])) : undefined;
      fields.set(label, order === undefined ? list : order.map((i) => list[i]));
    }
    this.#fields = fields;
    this.outTypes = new Map([...fields].map(([label, list]) => [label, inType.indexSelect(list)]));
  }

  /** The fields of each label. Throws FieldTypeError for another type. */
  forward(input: GeometricTensor): Map<string, GeometricTensor> {
    requireInput("BranchingModule", this.inType, input);
    return new Map([...this.#fields].map(([label, fields]) => [label, input.fields(fields)]));
  }

  /** The shape of each label's fields for an input of this shape. Throws ShapeError for one that does not fit. */
  evaluateOutputShape(inputShape: Shape): Map<string, number[]> {
    checkShapeOf("BranchingModule.evaluateOutputShape", this.inType, inputShape);
    return new Map(
      [...this.outTypes].map(([label, type]) => [label, [inputShape[0], type.size, ...inputShape.slice(2)]]),
    );
  }

  /** Compares the fields of all labels of g x with g times those of x, as other modules do. */
  checkEquivariance(options: EquivarianceOptions = {}): Promise<EquivarianceReport> {
    return checkJoint(this, [this.inType], ([x]) => tensorDirectSum([...this.forward(x).values()]), options);
  }

  /** The plain layer. */
  export(): Branching {
    const { fieldsStart, fieldsEnd, size } = this.inType;
    const channels = [...this.#fields].map(([label, fields]): [string, number[]] => [
      label,
      fields.flatMap((field) =>
        Array.from({ length: fieldsEnd[field] - fieldsStart[field] }, (_, i) => fieldsStart[field] + i)
      ),
    ]);
    return new Branching(size, new Map(channels));
  }
}

/** A module and the labels of its inputs: one, or as many as the module has inputs. */
export type MergePart<K extends RepresentationKind = RepresentationKind> = readonly [
  module: EquivariantModule<K> | MultiInputModule<K>,
  labels: string | readonly string[],
];

interface Part {
  readonly module: EquivariantModule | MultiInputModule;
  readonly labels: readonly string[];
  readonly inTypes: readonly FieldType[];
}

/** Modules on labelled inputs, their results one after the other. Children `submodule_0`, `submodule_1`, …. */
export class MergeModule<K extends RepresentationKind = RepresentationKind> extends Module {
  /** The type of each label's input. */
  readonly inTypes: ReadonlyMap<string, FieldType>;
  /** The fields of all results, in the order of the modules. */
  readonly outType: FieldType<K>;
  readonly #parts: readonly Part[];

  /** The modules with the labels of their inputs. Throws FieldTypeError where two want one label in different types. */
  constructor(parts: readonly MergePart<K>[]) {
    super();
    const [first] = parts;
    if (first === undefined) {
      throw new ArgumentError({ op: "MergeModule", expected: "at least one module", actual: "none" });
    }
    this.#parts = parts.map(([module, labels], i) => {
      const list = typeof labels === "string" ? [labels] : labels;
      const inTypes = module instanceof MultiInputModule ? module.inTypes : [module.inType];
      if (list.length !== inTypes.length) {
        throw new ArgumentError({
          op: `MergeModule, module ${i}`,
          expected: `${inTypes.length} labels, one for each input`,
          actual: `${list.length}`,
        });
      }
      this.addModule(`submodule_${i}`, module);
      return { module, labels: list, inTypes };
    });
    const types = new Map<string, FieldType>();
    for (const { labels, inTypes } of this.#parts) {
      labels.forEach((label, i) => {
        const before = types.get(label);
        if (before !== undefined && !before.equals(inTypes[i])) {
          throw new FieldTypeError({
            op: "MergeModule",
            expected: `modules that take ${JSON.stringify(label)} in one type, ${before}`,
            actual: String(inTypes[i]),
          });
        }
        types.set(label, inTypes[i]);
      });
    }
    this.inTypes = types;
    this.outType = parts.slice(1).reduce<FieldType<K>>(
      (sum, [module]) => sum.concat(module.outType),
      first[0].outType,
    );
  }

  /** The joined results. Throws ArgumentError when an input is missing, FieldTypeError for one of another type. */
  forward(inputs: ReadonlyMap<string, GeometricTensor>): GeometricTensor {
    return tensorDirectSum(this.#parts.map(({ module, labels }) => {
      const own = labels.map((label) => labelled(inputs, label, "MergeModule"));
      return module instanceof MultiInputModule ? module.forward(...own) : module.forward(own[0]);
    }));
  }

  /** The element that acts on the inputs when one acts on the result: that of the modules, which live on one space. */
  inclusion(element: GroupElement): GroupElement {
    const [{ module }] = this.#parts;
    return module instanceof MultiInputModule ? element : module.inclusion(element);
  }

  /** The output's shape for inputs of these shapes. */
  evaluateOutputShape(inputShapes: ReadonlyMap<string, Shape>): number[] {
    const shapes = this.#parts.map(({ module, labels }) => {
      const own = labels.map((label) => labelled(inputShapes, label, "MergeModule.evaluateOutputShape"));
      return module instanceof MultiInputModule
        ? module.evaluateOutputShape(...own)
        : module.evaluateOutputShape(own[0]);
    });
    return [shapes[0][0], this.outType.size, ...shapes[0].slice(2)];
  }

  /**
   * Compares f(g x, g y, …) with g f(x, y, …) for elements g of the group; an input of the options holds the fields of all labels, in the
   * order of `inTypes`.
   */
  checkEquivariance(options: EquivarianceOptions = {}): Promise<EquivarianceReport> {
    const labels = [...this.inTypes.keys()];
    const forward = (parts: readonly GeometricTensor[]): GeometricTensor =>
      this.forward(new Map(labels.map((label, i) => [label, parts[i]])));
    return checkJoint(this, [...this.inTypes.values()], forward, options, (element) => this.inclusion(element));
  }

  /** The plain layers. */
  export(): Merging {
    return new Merging(this.#parts.map(({ module, labels }) => [inMode(module.export(), module.training), labels]));
  }
}

/**
 * Modules on the fields of one feature map, chosen by labels: a branching and then a merging. State: `merging.submodule_0.…`, ….
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { FieldType, gspaces, MultipleModule, NormNonLinearity, ReLU, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const space = gspaces.rot2dOnR2(4);
 * const type = new FieldType(space, [space.regularRepr, space.irrep(1)]);
 * const module = new MultipleModule(type, ["a", "b"], [
 *   [new ReLU(new FieldType(space, space.regularRepr)), "a"],
 *   [new NormNonLinearity(new FieldType(space, space.irrep(1))), "b"],
 * ]);
 * assertEquals(module.outType.sizes, [4, 2]);
 * ```
 */
export class MultipleModule<K extends RepresentationKind = RepresentationKind> extends EquivariantModule<K> {
  /** The type of inputs. */
  readonly inType: FieldType;
  /** The fields of all results, in the order of the modules. */
  readonly outType: FieldType<K>;
  /** The first half. */
  readonly branching: BranchingModule;
  /** The second half. */
  readonly merging: MergeModule<K>;

  /** The modules with the labels of their inputs. Throws FieldTypeError where a module and its fields do not fit. */
  constructor(
    inType: FieldType,
    labels: readonly string[],
    parts: readonly MergePart<K>[],
    options: BranchingOptions = {},
  ) {
    super();
    this.inType = inType;
    this.branching = this.addModule("branching", new BranchingModule(inType, labels, options));
    this.merging = this.addModule("merging", new MergeModule(parts));
    for (const [label, type] of this.merging.inTypes) {
      requireType(
        `MultipleModule, label ${JSON.stringify(label)}`,
        type,
        labelled(this.branching.outTypes, label, "MultipleModule"),
      );
    }
    this.outType = this.merging.outType;
  }

  /** The joined results. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkInput(input);
    return this.merging.forward(this.branching.forward(input));
  }

  /** The element that acts on inputs when one acts on the result. */
  override inclusion(element: GroupElement): GroupElement {
    return this.merging.inclusion(element);
  }

  /** The output's shape for an input of this shape. */
  override evaluateOutputShape(inputShape: Shape): number[] {
    this.checkShape(inputShape);
    return this.merging.evaluateOutputShape(this.branching.evaluateOutputShape(inputShape));
  }

  /** The plain layers. */
  override export(): Multiple {
    return new Multiple(this.branching.export(), this.merging.export());
  }
}
