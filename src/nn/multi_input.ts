/**
 * The base of equivariant modules with several inputs, each of a type of its own.
 */

import type { RepresentationKind } from "../group/types.ts";
import type { Shape } from "../tensor/layout.ts";
import { ArgumentError } from "../tensor/errors.ts";
import { checkJoint, type EquivarianceOptions, type EquivarianceReport } from "./check_equivariance.ts";
import { ExportError } from "./errors.ts";
import { checkShapeOf, requireInput } from "./equivariant_module.ts";
import type { FieldType } from "./field_type.ts";
import type { GeometricTensor } from "./geometric_tensor.ts";
import type { MultiInputLayer } from "./plain/layer.ts";
import { Module } from "./plain/module.ts";

/** A module from several feature maps at the same positions to one that commutes with the group. */
export abstract class MultiInputModule<K extends RepresentationKind = RepresentationKind> extends Module {
  /** The types of inputs, in order. */
  abstract readonly inTypes: readonly FieldType[];
  /** The type of outputs. */
  abstract readonly outType: FieldType<K>;

  /** The module's result. Throws FieldTypeError when an input is not of its type. */
  abstract forward(...inputs: GeometricTensor[]): GeometricTensor;

  /** The output's shape for inputs of these shapes. Throws ShapeError for one that does not fit, ArgumentError for too few or many. */
  evaluateOutputShape(...inputShapes: readonly Shape[]): number[] {
    const op = `${this.constructor.name}.evaluateOutputShape`, [first] = inputShapes;
    this.#checkCount(op, inputShapes.length);
    inputShapes.forEach((shape, i) => checkShapeOf(`${op}, input ${i}`, this.inTypes[i], shape));
    return [first[0], this.outType.size, ...first.slice(2)];
  }

  /**
   * Compares f(g x, g y) with g f(x, y) for elements g of the group, as modules of one input do; an input of the options holds the fields of
   * all inputs, one after the other.
   */
  checkEquivariance(options: EquivarianceOptions = {}): Promise<EquivarianceReport> {
    return checkJoint(this, this.inTypes, (parts) => this.forward(...parts), options);
  }

  /** A plain layer that computes the same numbers. Throws ExportError when there is none. */
  export(): MultiInputLayer {
    throw new ExportError({
      op: `${this.constructor.name}.export`,
      expected: "a module with a plain counterpart",
      actual: this.toString(),
    });
  }

  #checkCount(op: string, count: number): void {
    if (count === this.inTypes.length) return;
    throw new ArgumentError({ op, expected: `${this.inTypes.length} inputs`, actual: String(count) });
  }

  /** Throws unless there is one input of each type, all at the same positions. */
  protected checkInputs(inputs: readonly GeometricTensor[]): void {
    const op = this.constructor.name;
    this.#checkCount(op, inputs.length);
    inputs.forEach((input, i) => {
      requireInput(`${op}, input ${i}`, this.inTypes[i], input);
      const [first] = inputs;
      const fits = input.coords === first.coords &&
        input.shape.every((size, axis) => axis === 1 || size === first.shape[axis]);
      if (fits) return;
      throw new ArgumentError({
        op,
        expected: "inputs at the same positions and of equal batch",
        actual: `${first} and ${input}`,
      });
    });
  }
}
