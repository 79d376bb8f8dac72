/**
 * The base of equivariant modules: maps between feature maps of known types that commute with the group. Input types are
 * checked at every step, and one function checks equivariance for all modules.
 */

import type { GroupElement, RepresentationKind } from "../group/types.ts";
import { isFloat } from "../tensor/dtype.ts";
import { DTypeError, ShapeError } from "../tensor/errors.ts";
import { formatShape, type Shape } from "../tensor/layout.ts";
import { Tensor } from "../tensor/mod.ts";
import { checkEquivariance, type EquivarianceOptions, type EquivarianceReport } from "./check_equivariance.ts";
import { ExportError, FieldTypeError } from "./errors.ts";
import { differenceOf, type FieldType } from "./field_type.ts";
import type { GeometricTensor } from "./geometric_tensor.ts";
import type { FoldOptions } from "./plain/fold_batch_norm.ts";
import type { Layer } from "./plain/layer.ts";
import { Module } from "./plain/module.ts";

/** Options of {@linkcode EquivariantModule.export}. */
export interface ExportOptions extends FoldOptions {
  /**
   * Whether batch normalizations, as eval mode computes them, go into the convolution or linear map right before them, see
   * `plain.foldBatchNorm`: the exported network is for inference then. Default false.
   */
  readonly foldBatchNorm?: boolean;
}

/**
 * A module from feature maps of type `inType` to feature maps of type `outType` that commutes with the group.
 *
 * @typeParam K What the compiler knows of the output's fields, see {@linkcode FieldType}.
 */
export abstract class EquivariantModule<K extends RepresentationKind = RepresentationKind> extends Module {
  /** The type of inputs. */
  abstract readonly inType: FieldType;
  /** The type of outputs. */
  abstract readonly outType: FieldType<K>;

  /** The module's result. Throws {@linkcode FieldTypeError} when the input is not of type `inType`. */
  abstract forward(input: GeometricTensor): GeometricTensor;

  /** The output's shape for an input of this shape; nothing is computed. Throws ShapeError for one that does not fit. */
  evaluateOutputShape(inputShape: Shape): number[] {
    this.checkShape(inputShape);
    return [inputShape[0], this.outType.size, ...inputShape.slice(2)];
  }

  /** Throws ShapeError unless a shape has the rank and the channels of `inType`. */
  protected checkShape(inputShape: Shape): void {
    checkShapeOf(`${this.constructor.name}.evaluateOutputShape`, this.inType, inputShape);
  }

  /**
   * The element of the input's group that acts on inputs when `element`, of the output's group, acts on outputs: the same one, unless the
   * module restricts the symmetry to a subgroup.
   */
  inclusion(element: GroupElement): GroupElement {
    return element;
  }

  /**
   * Compares f(g x) with g f(x) for elements g of the group, see {@linkcode checkEquivariance}.
   *
   * @throws EquivarianceError when an element that maps the grid to itself gives a greater error than the tolerance.
   */
  checkEquivariance(options: EquivarianceOptions = {}): Promise<EquivarianceReport> {
    return checkEquivariance(this, options);
  }

  /**
   * A plain layer with the same options that computes the same numbers, in train mode or eval mode as this module is. Its tensors are
   * copies. A module of your own overrides it and builds a `plain.Layer` of its parts' exports.
   *
   * @param _options Of sequences, which fold batch normalizations when asked; other modules have nothing to fold.
   * @throws ExportError when there is none.
   */
  export(_options?: ExportOptions): Layer {
    throw new ExportError({
      op: `${this.constructor.name}.export`,
      expected: "a module with a plain counterpart",
      actual: `${this.constructor.name}(${this.describe()})`,
      hint:
        "Run it as it is, replace it by a module that can be exported, or override export() in it to give a plain layer",
    });
  }

  /** Throws {@linkcode FieldTypeError} naming both types unless the input is of type `inType`, DTypeError unless it holds floats. */
  protected checkInput(input: GeometricTensor): void {
    requireInput(this.constructor.name, this.inType, input);
  }

  /** The same for modules with windows or masks, which need a grid: throws ShapeError for a point cloud. */
  protected checkGridInput(input: GeometricTensor): void {
    this.checkInput(input);
    if (input.coords === undefined) return;
    throw new ShapeError({
      op: this.constructor.name,
      expected: `features on a grid, with ${2 + this.inType.gspace.dimensionality} axes`,
      actual: `points ${input}`,
      hint: "Point clouds take R2PointConv, R3PointConv and the modules that act on each point by itself",
    });
  }
}

/** Throws ShapeError unless a shape has the rank and the channels of a type's feature maps. */
export function checkShapeOf(op: string, type: FieldType, shape: Shape): void {
  const rank = 2 + type.gspace.dimensionality;
  if (shape.length === rank && shape[1] === type.size) return;
  throw new ShapeError({
    op,
    expected: `a shape with ${rank} axes and ${type.size} channels`,
    actual: formatShape(shape),
  });
}

/** Throws {@linkcode FieldTypeError} naming both types unless an input is of a type, DTypeError unless it holds floats. */
export function requireInput(op: string, expected: FieldType, input: GeometricTensor): void {
  if (input?.type === undefined) {
    throw new FieldTypeError({
      op,
      expected: `a GeometricTensor of type ${expected}`,
      actual: input instanceof Tensor ? input.describe() : String(input),
      hint: "Give a tensor its type: new GeometricTensor(tensor, module.inType)",
    });
  }
  requireType(op, expected, input.type);
  if (isFloat(input.tensor.dtype)) return;
  throw new DTypeError({
    op,
    expected: "features of a float type",
    actual: String(input.tensor.dtype),
    hint: 'Convert them: x.with(x.tensor.cast("float32"))',
  });
}

/** Throws {@linkcode FieldTypeError} naming both types unless they are equal. */
export function requireType(op: string, expected: FieldType, actual: FieldType): void {
  if (expected.equals(actual)) return;
  const hint = differenceOf(expected, actual);
  throw new FieldTypeError({ op, expected: `an input of type ${expected}`, actual: String(actual), hint });
}
