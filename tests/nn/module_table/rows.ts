// The table of modules: for each a small case for the whole contract of modules, cases over further groups, and constructions that it refuses.
// What its rows are made of.

import { dihedralGroup, o2Group, octahedralGroup, so3Group } from "../../../src/group/mod.ts";
import {
  conicalOnR3,
  flip2dOnR2,
  flipOnR1,
  flipRot2dOnR2,
  icoOnR3,
  noBaseSpace,
  octaOnR3,
  rot2dOnR2,
  rot3dOnR3,
  trivialOnR1,
} from "../../../src/gspaces/mod.ts";
import * as nn from "../../../src/nn/mod.ts";
import type { FloatDType } from "../../../src/tensor/mod.ts";
import type { ContractOptions } from "../module_contract.ts";
import { regular, trivial } from "../support.ts";

export type FieldType = nn.FieldType;
export type Pointwise = nn.FieldType<"pointwise">;

/** How a module is made: of a type, with parameters of an element type. */
export type Make = (type: FieldType, dtype: FloatDType) => nn.EquivariantModule;

/** A construction that is refused: the error's name and a part of its message. */
export type Refused = readonly [make: () => unknown, error: string, part: string];

/** A module's row. */
export interface Row {
  /** How it is made. */
  readonly make: Make;
  /** Its types: the first for the whole contract, the others for equivariance and exports. */
  readonly types: readonly FieldType[];
  /** How it is checked. */
  readonly options: ContractOptions;
  /** What it refuses. */
  readonly refused: readonly Refused[];
}

export const line = flipOnR1(), plainLine = trivialOnR1();
export const c4 = rot2dOnR2(4), c6 = rot2dOnR2(6), d4 = flipRot2dOnR2(4), flip = flip2dOnR2(), circle = rot2dOnR2();
export const octa = octaOnR3(), so3 = rot3dOnR3(), ico = icoOnR3(), cone = conicalOnR3(4);
export const d3 = noBaseSpace(dihedralGroup(3)), o2 = noBaseSpace(o2Group()), ball = noBaseSpace(so3Group());
export const cube = noBaseSpace(octahedralGroup());

/** Fields of these representations. */
export const fields = (space: nn.FieldType["gspace"], ...representations: nn.FieldType["representations"]): FieldType =>
  new nn.FieldType(space, representations);

export const LINE = [fields(line, line.trivialRepr, line.regularRepr, line.irrep(1)), trivial(plainLine, 2)];
export const PLANE = [
  fields(c4, c4.regularRepr, c4.irrep(1)),
  fields(c6, c6.trivialRepr, c6.irrep(1), c6.irrep(3)),
  fields(d4, d4.irrep(1, 1), d4.quotientRepr([null, 2]), d4.irrep(1, 0)),
  fields(circle, circle.trivialRepr, circle.irrep(2)),
  fields(flip, flip.regularRepr),
];
export const SPACE = [
  fields(so3, so3.irrep(0), so3.irrep(1)),
  fields(octa, octa.irrep(2), octa.irrep(1)),
  fields(cone, cone.irrep(1, 1), cone.trivialRepr),
];
export const POINT = [
  fields(d3, d3.regularRepr, d3.irrep(1, 1)),
  fields(o2, o2.irrep(1, 1), o2.irrep(0, 0), o2.irrep(1, 2)),
  fields(ball, ball.irrep(0), ball.irrep(2), ball.irrep(1)),
  fields(cube, cube.irrep(1), cube.irrep(3)),
];
export const VECTORS = [
  fields(d4, d4.irrep(1, 1), d4.irrep(1, 2)),
  fields(circle, circle.irrep(1), circle.irrep(2)),
  fields(ball, ball.irrep(1), ball.irrep(2)),
];
/** Fields of any kind, for modules that take every type on any space. */
export const ANY = [PLANE[2], PLANE[3], POINT[2], SPACE[1], LINE[0]];
export const INDUCED = [
  fields(d4, d4.inducedRepr([null, 4], [1]), d4.inducedRepr([null, 2], [1])),
  fields(o2, o2.inducedRepr([null, -1], [1]), o2.inducedRepr([null, -1], [2])),
];
export const LINE_PERMUTATIONS = [regular(line, 2), trivial(plainLine)];
export const PERMUTATIONS = [
  fields(d4, d4.regularRepr, d4.trivialRepr, d4.quotientRepr([null, 2])),
  regular(c6),
  trivial(circle),
];
export const SPACE_PERMUTATIONS = [fields(octa, octa.trivialRepr, octa.quotientRepr([false, 4])), regular(cone)];
export const ANY_PERMUTATIONS = [...PERMUTATIONS, regular(cube), SPACE_PERMUTATIONS[0], LINE_PERMUTATIONS[0]];

export const TINY = { spatial: 3, small: 2 }, POOLED = { spatial: 5, small: 3 }, SMALL = { spatial: 4, small: 1 };
export const TRAINED = { ...SMALL, differentiableInTraining: true };
export const D = { differentiateStatistics: true } as const;

/** A row; sizes are those of all axes of the first type's space. */
export function row(
  types: readonly FieldType[],
  sizes: Omit<ContractOptions, "spatial" | "small"> & { readonly spatial: number; readonly small: number },
  make: Make,
  ...refused: Refused[]
): Row {
  const axes = (size: number): number[] => new Array<number>(types[0].gspace.dimensionality).fill(size);
  const { spatial, small, ...others } = sizes;
  return { types, make, options: { ...others, spatial: axes(spatial), small: axes(small) }, refused };
}

/** Refuses types on a space of another dimension. */
export const otherSpace = (make: (type: FieldType) => unknown, dimension: number): Refused => [
  () => make(dimension === 2 ? SPACE[0] : PLANE[0]),
  "FieldTypeError",
  `dimension ${dimension}`,
];
/** Refuses types that are not permutations. */
export const noPermutation = (make: (type: Pointwise) => unknown, type: FieldType = VECTORS[0]): Refused => [
  () => make(type as Pointwise),
  "FieldTypeError",
  "permutation representation",
];
/** Refuses an option. */
export const option = (make: () => unknown, part: string, error = "ArgumentError"): Refused => [make, error, part];
/** Refuses another kind of fields. */
export const otherFields = (make: () => unknown, part: string): Refused => [make, "FieldTypeError", part];

/** A class of modules. */
export type ModuleClass = { readonly prototype: nn.Module };

/** Modules and their rows. */
export type Rows = readonly (readonly [module: ModuleClass, row: Row])[];
