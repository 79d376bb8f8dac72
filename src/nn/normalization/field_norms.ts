/**
 * Normalizations of fields of any type: by norms, by irreps, or by one variance for each field; over batches, or each sample by itself.
 * escnn takes the statistics as constants in the gradient, and so do these unless `differentiateStatistics` is set.
 */

import type { Representation, RepresentationKind } from "../../group/types.ts";
import { multiplyMatrices } from "../../math/linear_algebra.ts";
import type { FieldType } from "../field_type.ts";
import { LayerModule } from "../layer_module.ts";
import type { PlainMatrix } from "../plain/fiber_nonlinearity.ts";
import * as plain from "../plain/field_norm.ts";
import type { FieldBatchNormOptions, FieldNormOptions } from "../plain/field_statistics.ts";
import { type BlockClass, GNormBatchNorm as PlainGNormBatchNorm } from "../plain/gnorm_batch_norm.ts";
import * as norms from "../plain/norm_batch_norm.ts";
import { requireDimension, requireFields, requireInduced, requireOrthogonal } from "../requirements.ts";
import { classNames, classOfFields } from "../state_names.ts";

/**
 * Each field is divided by the root of the running mean of ‖v‖² / size, which in train mode takes the batch in first. For types without
 * trivial irreps, which would need a mean. State: `s_weight`, `s_running_var` [1, fields of size s, 1], `num_batches_tracked`.
 *
 * @example
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { FieldType, GeometricTensor, gspaces, NormBatchNorm, randn, seed, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * seed(0);
 * const space = gspaces.rot2dOnR2();
 * const type = new FieldType(space, [space.irrep(1), space.irrep(2)]);
 * const norm = new NormBatchNorm(type, { momentum: null });
 * const y = norm.forward(new GeometricTensor(randn([8, 4, 9, 9]).mul(5), type));
 * assertAlmostEquals(y.tensor.square().mean().itemSync(), 1, 1e-2);
 * ```
 */
export class NormBatchNorm<K extends RepresentationKind = RepresentationKind>
  extends LayerModule<K, norms.NormBatchNorm> {
  /** A normalization of `inType`. Throws FieldTypeError for trivial irreps or representations that are not orthogonal. */
  constructor(inType: FieldType<K>, options: norms.NormBatchNormOptions = {}) {
    requireOrthogonal("NormBatchNorm", inType);
    requireNoTrivial("NormBatchNorm", inType, (rho) => !rho.containsTrivial());
    super(inType, inType, () => new norms.NormBatchNorm(inType.sizes, options));
  }
}

/**
 * The same for fields induced from irreps of subgroups, whose sub-vectors count as samples. State: `(s, d)_weight`,
 * `(s, d)_running_var` [1, fields, 1, 1] for fields of size s with sub-vectors of size d, `num_batches_tracked`.
 */
export class InducedNormBatchNorm<K extends RepresentationKind = RepresentationKind>
  extends LayerModule<K, norms.InducedNormBatchNorm> {
  /** A normalization of `inType`. Throws FieldTypeError unless its fields are induced and without trivial irreps. */
  constructor(inType: FieldType<K>, options: norms.NormBatchNormOptions = {}) {
    const fields = requireInduced("InducedNormBatchNorm", inType);
    requireOrthogonal("InducedNormBatchNorm", inType);
    requireNoTrivial("InducedNormBatchNorm", inType, (rho) => !rho.containsTrivial());
    super(inType, inType, () => new norms.InducedNormBatchNorm(fields, options));
  }
}

function requireNoTrivial(op: string, type: FieldType, holds: (rho: Representation) => boolean): void {
  const hint = "Use IIDBatchNorm, GNormBatchNorm or InnerBatchNorm, which subtract a mean";
  requireFields(op, type, "fields without trivial irreps", holds, hint);
}

/** The columns of Q that belong to trivial irreps, and the rows of Q⁻¹: what the group holds fixed. */
function invariantBases(rho: Representation): { readonly columns: PlainMatrix; readonly rows: PlainMatrix } {
  const n = rho.size, q = rho.changeOfBasis, inverse = rho.changeOfBasisInverse;
  const positions: number[] = [];
  let start = 0;
  for (const psi of rho.constituents) {
    if (psi.isTrivial()) positions.push(start);
    start += psi.size;
  }
  const count = positions.length, columns = new Float64Array(n * count), rows = new Float64Array(count * n);
  positions.forEach((position, j) => {
    for (let i = 0; i < n; i++) {
      columns[i * count + j] = q[i * n + position];
      rows[j * n + i] = inverse[position * n + i];
    }
  });
  return { columns: { rows: n, columns: count, data: columns }, rows: { rows: count, columns: n, data: rows } };
}

function normalizedFields(type: FieldType): plain.NormalizedFields {
  const names = classNames(type);
  const classes = type.classes.map(({ representation }, i): plain.NormalizedClass => {
    const { columns, rows } = invariantBases(representation), n = representation.size;
    const data = multiplyMatrices(columns.data, rows.data, n, columns.columns, n);
    return { name: names[i], size: n, invariants: columns, projection: { rows: n, columns: n, data } };
  });
  return { classes, kinds: classOfFields(type) };
}

/** What the three batch normalizations by one variance for each field share. */
export abstract class IIDBatchNorm<K extends RepresentationKind> extends LayerModule<K, plain.IIDBatchNorm> {
  /** A module called `op`. Throws FieldTypeError unless the representations are orthogonal. */
  constructor(op: string, inType: FieldType<K>, options: FieldBatchNormOptions) {
    requireOrthogonal(op, inType);
    const fields = normalizedFields(inType);
    super(inType, inType, () => new plain.IIDBatchNorm(fields, options));
  }
}

/**
 * Batch normalization by one variance for each field, on a point or a line. The mean is what the group holds fixed of a field's mean, the
 * variance the mean over its channels of their unbiased variances. State, for each representation: `NAME_weight` [fields, 1], `NAME_bias`
 * [fields, trivial irreps], `NAME_running_mean` [fields, size], `NAME_running_var` [fields, 1]; `num_batches_tracked`.
 */
export class IIDBatchNorm1d<K extends RepresentationKind = RepresentationKind> extends IIDBatchNorm<K> {
  /** A normalization of `inType`, on a space of dimension 0 or 1. */
  constructor(inType: FieldType<K>, options: FieldBatchNormOptions = {}) {
    if (inType.gspace.dimensionality !== 0) requireDimension("IIDBatchNorm1d", inType, 1);
    super("IIDBatchNorm1d", inType, options);
  }
}

/** {@linkcode IIDBatchNorm1d} on the plane. */
export class IIDBatchNorm2d<K extends RepresentationKind = RepresentationKind> extends IIDBatchNorm<K> {
  /** A normalization of `inType`, on the plane. */
  constructor(inType: FieldType<K>, options: FieldBatchNormOptions = {}) {
    requireDimension("IIDBatchNorm2d", inType, 2);
    super("IIDBatchNorm2d", inType, options);
  }
}

/** {@linkcode IIDBatchNorm1d} in space. */
export class IIDBatchNorm3d<K extends RepresentationKind = RepresentationKind> extends IIDBatchNorm<K> {
  /** A normalization of `inType`, in space. */
  constructor(inType: FieldType<K>, options: FieldBatchNormOptions = {}) {
    requireDimension("IIDBatchNorm3d", inType, 3);
    super("IIDBatchNorm3d", inType, options);
  }
}

/**
 * Batch normalization of each irrep of each field: a variance for each, a mean for the trivial ones, in the basis of irreps. State, for
 * each representation: `NAME_weight`, `NAME_running_var` [fields, irreps], `NAME_bias`, `NAME_running_mean` [fields, trivial irreps];
 * `num_batches_tracked`.
 */
export class GNormBatchNorm<K extends RepresentationKind = RepresentationKind>
  extends LayerModule<K, PlainGNormBatchNorm> {
  /** A normalization of `inType`; any fields on any space. */
  constructor(inType: FieldType<K>, options: FieldBatchNormOptions = {}) {
    const names = classNames(inType);
    const classes = inType.classes.map(({ representation: rho }, i): BlockClass => {
      const n = rho.size;
      return {
        name: names[i],
        size: n,
        blocks: rho.constituents.map((psi) => psi.size),
        fixed: rho.constituents.map((psi) => psi.isTrivial()),
        bases: rho.isIrrepBasis ? undefined : {
          to: { rows: n, columns: n, data: rho.changeOfBasisInverse },
          from: { rows: n, columns: n, data: rho.changeOfBasis },
        },
      };
    });
    super(inType, inType, () => new PlainGNormBatchNorm(classes, classOfFields(inType), options));
  }
}

/** What the normalizations of each sample by itself share. */
export abstract class SampleNorm<K extends RepresentationKind> extends LayerModule<K, plain.FieldNorm> {
  /** A module called `op`. Throws FieldTypeError unless the representations are orthogonal. */
  constructor(op: string, inType: FieldType<K>, scope: plain.NormScope, options: FieldNormOptions) {
    requireOrthogonal(op, inType);
    const fields = normalizedFields(inType);
    super(inType, inType, () => new plain.FieldNorm(fields, scope, options));
  }
}

/**
 * Normalization of each field at each position of each sample: its mean is what the group holds fixed, its variance the mean square of the
 * rest. No running statistics. State, for each representation: `NAME_weight` [fields, 1], `NAME_bias` [fields, trivial irreps].
 */
export class FieldNorm<K extends RepresentationKind = RepresentationKind> extends SampleNorm<K> {
  /** A normalization of `inType`. Throws FieldTypeError unless its representations are orthogonal. */
  constructor(inType: FieldType<K>, options: FieldNormOptions = {}) {
    super("FieldNorm", inType, "field", options);
  }
}

/** {@linkcode FieldNorm} with mean and variance over all positions of a sample (Ulyanov et al. 2016). */
export class EquivariantInstanceNorm<K extends RepresentationKind = RepresentationKind> extends SampleNorm<K> {
  /** A normalization of `inType`. Throws FieldTypeError unless its representations are orthogonal. */
  constructor(inType: FieldType<K>, options: FieldNormOptions = {}) {
    super("EquivariantInstanceNorm", inType, "instance", options);
  }
}

/** {@linkcode FieldNorm} with mean and variance over all fields of a representation (Ba et al. 2016). */
export class EquivariantLayerNorm<K extends RepresentationKind = RepresentationKind> extends SampleNorm<K> {
  /** A normalization of `inType`. Throws FieldTypeError unless its representations are orthogonal. */
  constructor(inType: FieldType<K>, options: FieldNormOptions = {}) {
    super("EquivariantLayerNorm", inType, "layer", options);
  }
}
