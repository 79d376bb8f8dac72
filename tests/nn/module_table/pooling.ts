// Rows of the table of modules: pooling, upsampling and masks.

import { flipRot2dOnR2, rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import * as nn from "../../../src/nn/mod.ts";
import { regular, trivial } from "../support.ts";
import {
  ANY,
  c4,
  INDUCED,
  LINE,
  LINE_PERMUTATIONS,
  noPermutation,
  option,
  otherFields,
  otherSpace,
  PERMUTATIONS,
  PLANE,
  POINT,
  POOLED,
  row,
  type Rows,
  SMALL,
  SPACE,
  SPACE_PERMUTATIONS,
  TINY,
  VECTORS,
} from "./rows.ts";

const REGULAR_4 = [regular(c4, 2), regular(flipRot2dOnR2(2)), regular(rot2dOnR2(8))];

/** Pooling, upsampling and masks. */
export const POOLING: Rows = [
  ...([
    [nn.PointwiseMaxPool1D, 1, nn.PointwiseAvgPool1D],
    [nn.PointwiseMaxPool2D, 2, nn.PointwiseAvgPool2D],
    [nn.PointwiseMaxPool3D, 3, nn.PointwiseAvgPool3D],
  ] as const).flatMap(([Max, dimension, Average]) => {
    const types = [LINE_PERMUTATIONS, PERMUTATIONS, SPACE_PERMUTATIONS][dimension - 1];
    const any = [LINE, PLANE, SPACE][dimension - 1];
    const sizes = dimension === 3 ? { spatial: 3, small: 3 } : POOLED;
    const options = { stride: 2, padding: 1 };
    return [
      [
        Max,
        row(
          types,
          sizes,
          (t) => new Max(t.requirePointwise(), 3, options),
          noPermutation((t) => new Max(t, 3), any[0]),
          option(() => new Max(trivial(any[0].gspace), 2, { padding: 2 }), "half the window"),
        ),
      ],
      [
        Average,
        row(any, sizes, (t) => new Average(t, 3, options), otherSpace((t) => new Average(t, 3), dimension)),
      ],
    ] as const;
  }),
  ...([
    [nn.PointwiseMaxPoolAntialiased1D, 1, nn.PointwiseAvgPoolAntialiased1D],
    [nn.PointwiseMaxPoolAntialiased2D, 2, nn.PointwiseAvgPoolAntialiased2D],
    [nn.PointwiseMaxPoolAntialiased3D, 3, nn.PointwiseAvgPoolAntialiased3D],
  ] as const).flatMap(([Max, dimension, Average]) => {
    const types = [LINE_PERMUTATIONS, PERMUTATIONS, SPACE_PERMUTATIONS][dimension - 1];
    const any = [LINE, PLANE, SPACE][dimension - 1];
    const sizes = dimension === 3 ? { spatial: 3, small: 3 } : POOLED;
    return [
      [
        Max,
        row(
          types,
          sizes,
          (t) => new Max(t.requirePointwise(), 3, { stride: 2, padding: 1, sigma: 0.4 }),
          noPermutation((t) => new Max(t, 3), any[0]),
          option(() => new Max(trivial(any[0].gspace), 3, { sigma: 0 }), "sigma"),
        ),
      ],
      [
        Average,
        row(
          any,
          sizes,
          (t) => new Average(t, 0.6, 2),
          otherSpace((t) => new Average(t, 0.6, 2), dimension),
          option(() => new Average(any[0], -1, 2), "sigma"),
        ),
      ],
    ] as const;
  }),
  ...([
    [nn.PointwiseAdaptiveMaxPool1D, 1, nn.PointwiseAdaptiveAvgPool1D],
    [nn.PointwiseAdaptiveMaxPool2D, 2, nn.PointwiseAdaptiveAvgPool2D],
    [nn.PointwiseAdaptiveMaxPool3D, 3, nn.PointwiseAdaptiveAvgPool3D],
  ] as const).flatMap(([Max, dimension, Average]) => {
    const types = [LINE_PERMUTATIONS, PERMUTATIONS, SPACE_PERMUTATIONS][dimension - 1];
    const any = [LINE, PLANE, SPACE][dimension - 1];
    const sizes = dimension === 3 ? { spatial: 3, small: 2 } : POOLED;
    return [
      [Max, row(types, sizes, (t) => new Max(t.requirePointwise(), 2), noPermutation((t) => new Max(t, 2), any[0]))],
      [
        Average,
        row(
          any,
          sizes,
          (t) => new Average(t, 2),
          otherSpace((t) => new Average(t, 2), dimension),
          option(() => new Average(any[0], 0), "outputSize"),
        ),
      ],
    ] as const;
  }),
  [
    nn.NormMaxPool,
    row(
      [PLANE[3], PLANE[2], SPACE[1]],
      POOLED,
      (t) => new nn.NormMaxPool(t, 3, { stride: 2, padding: 1 }),
      otherFields(() => new nn.NormMaxPool(POINT[0], 2), "on a grid"),
    ),
  ],
  [
    nn.NormPool,
    row(ANY, SMALL, (t) => new nn.NormPool(t)),
  ],
  [
    nn.InducedNormPool,
    row(
      INDUCED,
      SMALL,
      (t) => new nn.InducedNormPool(t),
      otherFields(() => new nn.InducedNormPool(VECTORS[0]), "induced"),
    ),
  ],
  [
    nn.QuotientPooling,
    row(
      REGULAR_4,
      SMALL,
      (t) => new nn.QuotientPooling(t.requirePointwise(), t.gspace.fibergroup.name.startsWith("D") ? [null, 2] : 2),
      otherFields(() => new nn.QuotientPooling(PERMUTATIONS[0].requirePointwise(), [null, 2]), "regular fields"),
    ),
  ],
  [
    nn.SubgroupPooling,
    row(
      REGULAR_4,
      SMALL,
      (t) => new nn.SubgroupPooling(t.requirePointwise(), t.gspace.fibergroup.name.startsWith("D") ? [0, 1] : 2),
      otherFields(() => new nn.SubgroupPooling(PERMUTATIONS[0].requirePointwise(), [null, 2]), "regular"),
    ),
  ],
  ...([
    [nn.R1Upsampling, LINE, { scaleFactor: 2 }],
    [nn.R2Upsampling, PLANE, { size: 5, alignCorners: true }],
    [nn.R3Upsampling, SPACE, { scaleFactor: 2, mode: "nearest" }],
  ] as const).map(([Upsampling, types, options]) =>
    [
      Upsampling,
      row(
        types,
        TINY,
        (t) => new Upsampling(t, options),
        otherSpace((t) => new Upsampling(t, { scaleFactor: 2 }), types[0].gspace.dimensionality),
        option(() => new Upsampling(types[0], {}), "scaleFactor"),
      ),
    ] as const
  ),
  [
    nn.MaskModule,
    row(
      [PLANE[0], PLANE[4]],
      { spatial: 4, small: 4 },
      (t) => new nn.MaskModule(t, 4, { margin: 10, sigma: 1 }),
      option(() => new nn.MaskModule(PLANE[0], 4, { sigma: 0 }), "sigma"),
    ),
  ],
];
