// Rows of the table of modules: non-linearities, and what acts on channels by itself.

import { directSum } from "../../../src/group/mod.ts";
import { rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import * as nn from "../../../src/nn/mod.ts";
import type { FloatDType } from "../../../src/tensor/mod.ts";
import { awayFromZero, regular, trivial } from "../support.ts";
import { cut, Inside } from "./inside.ts";
import {
  ANY,
  ANY_PERMUTATIONS,
  ball,
  c4,
  c6,
  circle,
  cube,
  d3,
  d4,
  fields,
  type FieldType,
  INDUCED,
  type ModuleClass,
  noPermutation,
  o2,
  option,
  otherFields,
  type Pointwise,
  row,
  type Rows,
  SMALL,
  VECTORS,
} from "./rows.ts";

/** As many trivial fields as gates before the fields. */
const gated = (type: FieldType): FieldType =>
  new nn.FieldType(type.gspace, type.gspace.trivialRepr, type.length).concat(type);

function gatedNonLinearity2(type: FieldType, dtype: FloatDType): nn.EquivariantModule {
  const gates = new nn.FieldType(type.gspace, type.gspace.trivialRepr, type.length), count = type.length;
  const module = new nn.GatedNonLinearity2([gates, type], { dtype });
  return new Inside(
    module,
    gates.concat(type),
    type,
    (x) => module.forward(x.slice(0, count), x.slice(count)),
    () => {
      const layer = module.export();
      return (x) => layer.forward(...cut(x, count));
    },
  );
}

const GRID = { type: "regular", N: 24 } as const;

/** Non-linearities, and what acts on channels by itself. */
export const NONLINEARITY: Rows = [
  ...([
    [nn.ReLU, (t) => new nn.ReLU(t)],
    [nn.ELU, (t) => new nn.ELU(t, { alpha: 0.5 })],
    [nn.LeakyReLU, (t) => new nn.LeakyReLU(t, { negativeSlope: 0.2 })],
    [nn.PointwiseNonLinearity, (t) => new nn.PointwiseNonLinearity(t, { function: "p_tanh" })],
    [nn.PointwiseDropout, (t) => new nn.PointwiseDropout(t)],
    [nn.GroupPooling, (t) => new nn.GroupPooling(t)],
  ] satisfies readonly (readonly [ModuleClass, (type: Pointwise) => nn.EquivariantModule])[]).map(
    ([module, make]) =>
      [
        module,
        row(
          ANY_PERMUTATIONS,
          { ...SMALL, awayFrom: awayFromZero },
          (t) => make(t.requirePointwise()),
          noPermutation(make),
        ),
      ] as const,
  ),
  [
    nn.NormNonLinearity,
    row(
      ANY,
      SMALL,
      (t, dtype) => new nn.NormNonLinearity(t, { dtype }),
      option(() => new nn.NormNonLinearity(ANY[0], { function: "relu" as "n_relu" }), "n_relu"),
    ),
  ],
  [
    nn.InducedNormNonLinearity,
    row(
      INDUCED,
      SMALL,
      (t, dtype) => new nn.InducedNormNonLinearity(t, { dtype }),
      otherFields(() => new nn.InducedNormNonLinearity(VECTORS[0]), "induced from an irrep"),
    ),
  ],
  [
    nn.SoftThresholdingNonLinearity,
    row(
      ANY,
      SMALL,
      (t, dtype) => new nn.SoftThresholdingNonLinearity(t, { dtype }),
      option(() => new nn.SoftThresholdingNonLinearity(ANY[0], { threshold: -1 }), "at least 0"),
    ),
  ],
  [
    nn.GatedNonLinearity1,
    row(
      ANY.map(gated),
      SMALL,
      (t, dtype) => new nn.GatedNonLinearity1(t, { dtype }),
      otherFields(() => new nn.GatedNonLinearity1(VECTORS[0]), "trivial representation"),
    ),
  ],
  [
    nn.GatedNonLinearity2,
    row(
      ANY,
      SMALL,
      gatedNonLinearity2,
      otherFields(() => new nn.GatedNonLinearity2([trivial(d4), ANY[0]]), "3 gates"),
    ),
  ],
  [
    nn.GatedNonLinearityUniform,
    row(
      [
        fields(circle, directSum([circle.trivialRepr, circle.trivialRepr, circle.irrep(1), circle.irrep(2)])),
        fields(ball, directSum([ball.trivialRepr, ball.irrep(1)])),
      ],
      SMALL,
      (t, dtype) => new nn.GatedNonLinearityUniform(t, { dtype }),
      otherFields(() => new nn.GatedNonLinearityUniform(ANY[0]), "m trivial irreps"),
    ),
  ],
  [
    nn.InducedGatedNonLinearity1,
    row(
      [
        fields(d4, d4.quotientRepr([null, 4]), d4.inducedRepr([null, 4], [1])),
        fields(o2, o2.inducedRepr([null, -1], [0]), o2.inducedRepr([null, -1], [1])),
      ],
      SMALL,
      (t, dtype) => new nn.InducedGatedNonLinearity1(t, { dtype }),
      otherFields(() => new nn.InducedGatedNonLinearity1(gated(VECTORS[0])), "induced"),
    ),
  ],
  [
    nn.ConcatenatedNonLinearity,
    row(
      [fields(d4, d4.irrep(1, 1), d4.regularRepr), fields(c6, c6.irrep(3)), fields(cube, cube.irrep(3))],
      { ...SMALL, awayFrom: awayFromZero, tolerance: 1e-8 },
      (t) => new nn.ConcatenatedNonLinearity(t),
      otherFields(() => new nn.ConcatenatedNonLinearity(VECTORS[1]), "finite group"),
    ),
  ],
  [
    nn.VectorFieldNonLinearity,
    row(
      [regular(c4), regular(c6), regular(rot2dOnR2(8))],
      SMALL,
      (t) => new nn.VectorFieldNonLinearity(t),
      otherFields(() => new nn.VectorFieldNonLinearity(regular(d4)), "cyclic group"),
    ),
  ],
  ...([nn.FourierPointwise, nn.FourierELU] as const).map((Fourier) =>
    [
      Fourier,
      row(
        [trivial(circle), trivial(d3), trivial(cube)],
        { ...SMALL, awayFrom: awayFromZero, tolerance: 1e-7 },
        (t) => {
          const finite = !t.fibergroup.isContinuous;
          const irreps = finite ? t.fibergroup.irreps().map(({ id }) => id) : [[0], [1], [2]];
          return new Fourier(t.gspace, 1, irreps, finite ? {} : { grid: GRID });
        },
        option(() => new Fourier(circle, 1, [[0], [1]]), "grid"),
      ),
    ] as const
  ),
  ...([nn.QuotientFourierPointwise, nn.QuotientFourierELU] as const).map((Fourier) =>
    [
      Fourier,
      row(
        [trivial(d4), trivial(cube)],
        { ...SMALL, awayFrom: awayFromZero, tolerance: 1e-7 },
        (t) => {
          const id = t.gspace === d4 ? [null, 2] : [false, 4];
          return new Fourier(t.gspace, id, 1, t.fibergroup.irreps().map((irrep) => irrep.id));
        },
        option(() => new Fourier(circle, 1, 1, [[0], [1]]), "grid"),
      ),
    ] as const
  ),
  [
    nn.TensorProductModule,
    row(
      [fields(circle, circle.irrep(1), circle.irrep(1)), fields(ball, ball.irrep(1)), fields(cube, cube.irrep(1))],
      SMALL,
      (t, dtype) =>
        new nn.TensorProductModule(t, new nn.FieldType(t.gspace, t.gspace.trivialRepr, t.length), { dtype }),
      otherFields(() => new nn.TensorProductModule(VECTORS[0], trivial(d4)), "equal fields"),
    ),
  ],
];
