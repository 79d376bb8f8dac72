// Rows of the table of modules: convolutions, differential operators and linear maps.

import * as nn from "../../../src/nn/mod.ts";
import { trivial } from "../support.ts";
import {
  c4,
  d3,
  fields,
  ico,
  LINE,
  option,
  otherFields,
  otherSpace,
  PLANE,
  POINT,
  row,
  type Rows,
  SPACE,
  TINY,
} from "./rows.ts";

/** Convolutions, differential operators and linear maps. */
export const LINEAR: Rows = [
  [
    nn.R1Conv,
    row(
      LINE,
      { spatial: 7, small: 4 },
      (t, dtype) => new nn.R1Conv(t, t, 3, { padding: "same", stride: 2, dtype }),
      otherSpace((t) => new nn.R1Conv(t, t, 3), 1),
      option(() => new nn.R1Conv(LINE[0], LINE[0], 3, { stride: 0 }), "stride"),
    ),
  ],
  [
    nn.R1ConvTransposed,
    row(
      LINE,
      { spatial: 5, small: 3 },
      (t, dtype) => new nn.R1ConvTransposed(t, t, 3, { stride: 2, padding: 1, dtype }),
      option(() => new nn.R1ConvTransposed(LINE[0], LINE[0], 3, { outputPadding: 1 }), "less than stride"),
    ),
  ],
  [
    nn.R2Conv,
    row(
      PLANE,
      TINY,
      (t, dtype) => new nn.R2Conv(t, t, 3, { padding: 1, dtype }),
      otherSpace((t) => new nn.R2Conv(t, t, 3), 2),
      option(() => new nn.R2Conv(PLANE[0], PLANE[0], 3, { groups: 3 }), "groups that divide"),
      option(() => new nn.R2Conv(PLANE[0], PLANE[0], 3, { rings: [-1] }), "radii of 0 or more", "KernelError"),
      option(() => new nn.R2Conv(trivial(c4), fields(c4, c4.irrep(1)), 1), "kernel", "EmptyBasisError"),
    ),
  ],
  [
    nn.R2ConvTransposed,
    row(
      PLANE,
      { spatial: 3, small: 1 },
      (t, dtype) => new nn.R2ConvTransposed(t, t, 3, { stride: 2, padding: 1, dtype }),
      otherSpace((t) => new nn.R2ConvTransposed(t, t, 3), 2),
    ),
  ],
  [
    nn.R3Conv,
    row(
      SPACE,
      { spatial: 3, small: 1 },
      (t, dtype) => new nn.R3Conv(t, t, 3, { padding: 1, dtype }),
      otherSpace((t) => new nn.R3Conv(t, t, 3), 3),
      option(() => new nn.R3Conv(SPACE[0], SPACE[0], [3, 3, 5]), "equal sides"),
    ),
  ],
  [
    nn.R3ConvTransposed,
    row(
      SPACE,
      { spatial: 3, small: 1 },
      (t, dtype) => new nn.R3ConvTransposed(t, t, 3, { stride: 2, padding: 1, dtype }),
      option(() => new nn.R3ConvTransposed(SPACE[0], SPACE[0], 3, { padding: -1 }), "padding"),
    ),
  ],
  [
    nn.R3IcoConv,
    row(
      [fields(ico, ico.trivialRepr, ico.irrep(1)), fields(ico, ico.irrep(2))],
      { spatial: 3, small: 1 },
      (t, dtype) => new nn.R3IcoConv(t, t, 3, { points: 20, padding: 1, dtype }),
      otherFields(() => new nn.R3IcoConv(SPACE[0], SPACE[0], 3), "icoOnR3()"),
    ),
  ],
  [
    nn.R3IcoConvTransposed,
    row(
      [fields(ico, ico.trivialRepr, ico.irrep(1)), fields(ico, ico.irrep(2))],
      { spatial: 3, small: 1 },
      (t, dtype) => new nn.R3IcoConvTransposed(t, t, 3, { points: 30, stride: 2, dtype }),
      otherFields(() => new nn.R3IcoConvTransposed(SPACE[0], SPACE[0], 3), "icoOnR3()"),
    ),
  ],
  [
    nn.R1Diffop,
    row(
      LINE,
      { spatial: 5, small: 3 },
      (t, dtype) => new nn.R1Diffop(t, t, 2, { padding: "same", dtype }),
      option(() => new nn.R1Diffop(LINE[0], LINE[0], -1), "maximumOrder", "KernelError"),
    ),
  ],
  [
    nn.R2Diffop,
    row(
      PLANE,
      { spatial: 5, small: 2 },
      (t, dtype) => new nn.R2Diffop(t, t, 2, { padding: "same", dtype }),
      otherSpace((t) => new nn.R2Diffop(t, t, 2), 2),
    ),
  ],
  [
    nn.R3Diffop,
    row(
      SPACE.slice(0, 2),
      { spatial: 3, small: 1 },
      (t, dtype) => new nn.R3Diffop(t, t, 1, { padding: "same", dtype }),
      otherSpace((t) => new nn.R3Diffop(t, t, 2), 3),
    ),
  ],
  [
    nn.Linear,
    row(
      POINT,
      TINY,
      (t, dtype) => new nn.Linear(t, t, { dtype }),
      otherFields(() => new nn.Linear(PLANE[0], PLANE[0]), "dimension 0"),
      option(() => new nn.Linear(fields(d3, d3.irrep(1, 1)), fields(d3, d3.irrep(1, 0))), "", "EmptyBasisError"),
    ),
  ],
];
