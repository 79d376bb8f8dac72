/**
 * Pooling by norms, which an orthogonal representation keeps: invariant norms of fields, and of each window the field of the largest norm.
 */

import type { RepresentationKind } from "../../group/types.ts";
import type { PerAxis } from "../../tensor/conv_geometry.ts";
import type { Shape } from "../../tensor/layout.ts";
import { poolGeometry, type PoolOptions } from "../../tensor/pool_geometry.ts";
import { FieldTypeError } from "../errors.ts";
import { FieldType } from "../field_type.ts";
import { GeometricTensor } from "../geometric_tensor.ts";
import { LayerModule } from "../layer_module.ts";
import * as plain from "../plain/norm_pooling.ts";
import { requireInduced, requireOrthogonal } from "../requirements.ts";
import { checkWindow } from "./pointwise_pool.ts";

function trivialFields(type: FieldType): FieldType<"pointwise"> {
  return new FieldType(type.gspace, type.gspace.trivialRepr, type.length);
}

/**
 * ‖v‖ of each field: as many trivial fields.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { FieldType, GeometricTensor, gspaces, NormPool, tensor, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const space = gspaces.rot2dOnR2();
 * const type = new FieldType(space, [space.irrep(1), space.trivialRepr]);
 * const y = new NormPool(type).forward(new GeometricTensor(tensor([[[[3]], [[-4]], [[-2]]]]), type));
 * assertEquals([...y.tensor.dataSync()], [5, 2]);
 * ```
 */
export class NormPool extends LayerModule<"pointwise", plain.NormPool> {
  /** A pooling of fields of `inType`. Throws FieldTypeError unless their representations are orthogonal. */
  constructor(inType: FieldType) {
    requireOrthogonal("NormPool", inType);
    const fields = inType.sizes.map((size) => ({ parts: 1, size }));
    super(inType, trivialFields(inType), () => new plain.NormPool(fields));
  }
}

/** The largest norm of the sub-vectors of each induced field: as many trivial fields. */
export class InducedNormPool extends LayerModule<"pointwise", plain.NormPool> {
  /** A pooling of fields of `inType`. Throws FieldTypeError unless they are induced from irreps of subgroups. */
  constructor(inType: FieldType) {
    const fields = requireInduced("InducedNormPool", inType);
    requireOrthogonal("InducedNormPool", inType);
    super(inType, trivialFields(inType), () => new plain.NormPool(fields));
  }
}

/** For each field and window the vector of the largest norm; 1 to 3 spatial axes. */
export class NormMaxPool<K extends RepresentationKind = RepresentationKind> extends LayerModule<K, plain.NormMaxPool> {
  /** A pooling with windows of `kernelSize`. Throws FieldTypeError unless the representations are orthogonal. */
  constructor(inType: FieldType<K>, kernelSize: PerAxis, options: PoolOptions = {}) {
    const { dimensionality } = inType.gspace;
    if (dimensionality === 0) {
      throw new FieldTypeError({ op: "NormMaxPool", expected: "a type on a grid", actual: String(inType) });
    }
    requireOrthogonal("NormMaxPool", inType);
    checkWindow("NormMaxPool", dimensionality, kernelSize, options);
    super(inType, inType, () => new plain.NormMaxPool(inType.sizes, kernelSize, options));
  }

  /** The pooled feature map. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkGridInput(input);
    return new GeometricTensor(this.layer.forward(input.tensor), this.outType);
  }

  /** The output's shape for an input of this shape. */
  override evaluateOutputShape(inputShape: Shape): number[] {
    this.checkShape(inputShape);
    const geometry = poolGeometry(inputShape, this.layer.kernelSize, this.layer.options, "NormMaxPool");
    return [inputShape[0], this.outType.size, ...geometry.outputSize];
  }
}
