/**
 * Non-linearities of norms: every orthogonal representation keeps the norm of a field, so a function of it may scale the field
 * (Worrall et al. 2017). Induced fields have several norms, which the group permutes.
 */

import type { RepresentationKind } from "../../group/types.ts";
import type { FieldType } from "../field_type.ts";
import { LayerModule } from "../layer_module.ts";
import * as plain from "../plain/norm_nonlinearity.ts";
import { requireInduced, requireOrthogonal } from "../requirements.ts";

/**
 * Each field v becomes v · f(‖v‖ − e^b) / ‖v‖, with b trained for each field from 0. Options: `function` (`"n_relu"`,
 * `"n_sigmoid"`, `"n_softplus"`, `"squash"`), `bias` (default true, never with `squash`). State: `log_bias` [1, fields, 1, 1], in
 * the order of the fields' sizes.
 *
 * @example
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { FieldType, GeometricTensor, gspaces, NormNonLinearity, tensor, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const space = gspaces.rot2dOnR2();
 * const type = new FieldType(space, [space.irrep(1)]);
 * const y = new NormNonLinearity(type).forward(new GeometricTensor(tensor([[[[3]], [[4]]]]), type));
 * assertAlmostEquals(y.tensor.dataSync()[0], 3 * (5 - 1) / 5, 1e-6);
 * ```
 */
export class NormNonLinearity<K extends RepresentationKind = RepresentationKind>
  extends LayerModule<K, plain.NormNonLinearity> {
  /** A non-linearity of fields of `inType`. Throws FieldTypeError unless their representations are orthogonal. */
  constructor(inType: FieldType<K>, options: plain.NormLayerOptions = {}) {
    requireOrthogonal("NormNonLinearity", inType);
    super(inType, inType, () => new plain.NormNonLinearity(inType.sizes, options));
  }
}

/**
 * The same for each of the sub-vectors of fields induced from an irrep of a subgroup, which the group permutes and turns; one
 * bias for each field. State: `log_bias` [fields], in the order of sizes.
 */
export class InducedNormNonLinearity<K extends RepresentationKind = RepresentationKind>
  extends LayerModule<K, plain.InducedNormNonLinearity> {
  /** A non-linearity of fields of `inType`. Throws FieldTypeError unless they are induced. */
  constructor(inType: FieldType<K>, options: plain.NormLayerOptions = {}) {
    const fields = requireInduced("InducedNormNonLinearity", inType);
    requireOrthogonal("InducedNormNonLinearity", inType);
    super(inType, inType, () => new plain.InducedNormNonLinearity(fields, options));
  }
}

/**
 * Soft thresholding: each field v becomes v · max(1 − |t| / ‖v‖, 0) with a threshold t for each field, so that weak fields
 * vanish. Options: `threshold` (the start, default 0.1), `trainable` (default true). State: `threshold` [fields].
 */
export class SoftThresholdingNonLinearity<K extends RepresentationKind = RepresentationKind>
  extends LayerModule<K, plain.SoftThresholding> {
  /** A non-linearity of fields of `inType`. Throws FieldTypeError unless their representations are orthogonal. */
  constructor(inType: FieldType<K>, options: plain.SoftThresholdingOptions = {}) {
    requireOrthogonal("SoftThresholdingNonLinearity", inType);
    super(inType, inType, () => new plain.SoftThresholding(inType.sizes, options));
  }
}
