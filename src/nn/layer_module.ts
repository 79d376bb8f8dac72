/**
 * Equivariant modules whose work is done by a plain layer: the module knows the types, the layer the numbers. The layer's
 * parameters are the module's own, and the export is a copy of the layer.
 */

import type { RepresentationKind } from "../group/types.ts";
import { noGrad } from "../tensor/mod.ts";
import { EquivariantModule } from "./equivariant_module.ts";
import type { FieldType } from "./field_type.ts";
import { GeometricTensor } from "./geometric_tensor.ts";
import type { Module } from "./plain/module.ts";
import type { Layer } from "./plain/layer.ts";
import { assign } from "./plain/persistent.ts";

/** Copies parameters and buffers to a module of the same form. */
export function copyState<M extends Module>(from: Module, to: M): M {
  const source = from.stateDict().tensors;
  noGrad(() => assign([...to.stateDict().tensors].map(([name, target]) => [target, source.get(name)!])));
  return to.train(from.training);
}

/** Gives an exported layer the mode of its module; parts below it keep their own. */
export function inMode<L extends Module>(layer: L, training: boolean): L {
  const parts = layer.namedModules().slice(1).map(([, part]): [Module, boolean] => [part, part.training]);
  layer.train(training);
  // Parents come first, so that each part's own mode is what remains.
  for (const [part, mode] of parts) part.train(mode);
  return layer;
}

/** The base of modules that act at each position by a plain layer, which leaves positions as they are. */
export abstract class LayerModule<K extends RepresentationKind = RepresentationKind, L extends Layer = Layer>
  extends EquivariantModule<K> {
  /** The type of inputs. */
  readonly inType: FieldType;
  /** The type of outputs. */
  readonly outType: FieldType<K>;
  /** The plain layer that does the work. */
  readonly layer: L;
  readonly #make: () => L;

  /** A module that runs the layer that `make` makes; the function is called again for each export. */
  constructor(inType: FieldType, outType: FieldType<K>, make: () => L) {
    super();
    this.inType = inType;
    this.outType = outType;
    this.layer = this.wrap(make());
    this.#make = make;
  }

  /** The module's result; positions stay. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkInput(input);
    const result = this.layer.forward(input.tensor);
    if (result === input.tensor && this.outType === this.inType) return input;
    return new GeometricTensor(result, this.outType, input.coords);
  }

  /** A copy of the plain layer. */
  override export(): L {
    return copyState(this.layer, this.#make());
  }

  /** The types as text. */
  protected override describe(): string {
    return this.outType === this.inType ? String(this.inType) : `${this.inType} -> ${this.outType}`;
  }
}
