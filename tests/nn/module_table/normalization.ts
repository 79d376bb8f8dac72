// Rows of the table of modules: normalizations.

import * as nn from "../../../src/nn/mod.ts";
import { regular } from "../support.ts";
import {
  ANY,
  ANY_PERMUTATIONS,
  c4,
  D,
  INDUCED,
  LINE,
  noPermutation,
  option,
  otherFields,
  otherSpace,
  PLANE,
  POINT,
  row,
  type Rows,
  SPACE,
  TRAINED,
  VECTORS,
} from "./rows.ts";

/** Normalizations. */
export const NORMALIZATION: Rows = [
  [
    nn.InnerBatchNorm,
    row(
      ANY_PERMUTATIONS,
      TRAINED,
      (t, dtype) => new nn.InnerBatchNorm(t.requirePointwise(), { dtype }),
      noPermutation((t) => new nn.InnerBatchNorm(t)),
      option(() => new nn.InnerBatchNorm(regular(c4), { momentum: 2 }), "momentum"),
    ),
  ],
  [
    nn.NormBatchNorm,
    row(
      VECTORS,
      TRAINED,
      (t, dtype) => new nn.NormBatchNorm(t, { dtype, ...D }),
      otherFields(() => new nn.NormBatchNorm(ANY[0]), "without trivial irreps"),
    ),
  ],
  [
    nn.InducedNormBatchNorm,
    row(
      INDUCED.map((type) => type.indexSelect([type.length - 1])),
      TRAINED,
      (t, dtype) => new nn.InducedNormBatchNorm(t, { dtype, ...D }),
      otherFields(() => new nn.InducedNormBatchNorm(VECTORS[0]), "induced"),
    ),
  ],
  [
    nn.IIDBatchNorm1d,
    row(
      [LINE[0], POINT[0], POINT[2]],
      { ...TRAINED, small: 2 },
      (t, dtype) => new nn.IIDBatchNorm1d(t, { dtype, ...D }),
      otherSpace((t) => new nn.IIDBatchNorm1d(t), 1),
    ),
  ],
  [
    nn.IIDBatchNorm2d,
    row(
      PLANE.slice(1, 4),
      TRAINED,
      (t, dtype) => new nn.IIDBatchNorm2d(t, { dtype, ...D }),
      otherSpace((t) => new nn.IIDBatchNorm2d(t), 2),
    ),
  ],
  [
    nn.IIDBatchNorm3d,
    row(
      SPACE.slice(0, 2),
      { ...TRAINED, spatial: 3 },
      (t, dtype) => new nn.IIDBatchNorm3d(t, { dtype, ...D }),
      otherSpace((t) => new nn.IIDBatchNorm3d(t), 3),
    ),
  ],
  [
    nn.GNormBatchNorm,
    row(
      ANY.slice(1),
      TRAINED,
      (t, dtype) => new nn.GNormBatchNorm(t, { dtype, ...D }),
      option(() => new nn.GNormBatchNorm(ANY[0], { eps: -1 }), "eps"),
    ),
  ],
  ...([nn.FieldNorm, nn.EquivariantLayerNorm, nn.EquivariantInstanceNorm] as const).map((Norm) =>
    [
      Norm,
      row(
        ANY.slice(0, 4),
        { spatial: 3, small: 2, differentiableInTraining: true },
        (t, dtype) => new Norm(t, { dtype, ...D }),
        option(() => new Norm(ANY[0], { eps: -1 }), "eps"),
      ),
    ] as const
  ),
];
