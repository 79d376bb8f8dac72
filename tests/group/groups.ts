// The groups that the tests of this folder go through, with subgroups of each. A new group is one row.

import { cyclicGroup } from "../../src/group/groups/cyclic.ts";
import { dihedralGroup } from "../../src/group/groups/dihedral.ts";
import { o2Group } from "../../src/group/groups/o2.ts";
import { o3Group } from "../../src/group/groups/o3.ts";
import { so2Group } from "../../src/group/groups/so2.ts";
import { so3Group } from "../../src/group/groups/so3.ts";
import { finiteTestGroups, productTestGroups } from "./more_groups.ts";
import type { Group, IrreducibleRepresentation, SubgroupId } from "../../src/group/types.ts";

/** A group with what tests need to know about it. */
export interface TestGroup {
  readonly group: Group;
  /** Up to which frequency irreps are tested. */
  readonly frequency: number;
  /** Ids of subgroups. */
  readonly subgroups: readonly SubgroupId[];
}

function divisors(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i + 1).filter((m) => n % m === 0);
}

/** C_N with all its subgroups. */
function cyclic(n: number): TestGroup {
  return { group: cyclicGroup(n), frequency: n, subgroups: divisors(n).map((m) => [m]) };
}

/** D_N with all its subgroups. */
function dihedral(n: number): TestGroup {
  const ids = divisors(n).flatMap((m): SubgroupId[] => [
    [null, m],
    ...Array.from({ length: n / m }, (_, k): SubgroupId => [k, m]),
  ]);
  return { group: dihedralGroup(n), frequency: n, subgroups: ids };
}

// A conjugating rotation about no axis of symmetry.
const TILT = [0.4, -0.2, 0.5, Math.sqrt(0.55)];

/** All groups. */
export const testGroups: readonly TestGroup[] = [
  ...[1, 2, 3, 4, 5, 6, 8, 12].map(cyclic),
  ...[1, 2, 3, 4, 5, 6, 8].map(dihedral),
  { group: so2Group(), frequency: 4, subgroups: [[-1], [1], [2], [3], [4], [6], [7]] },
  {
    group: o2Group(),
    frequency: 4,
    subgroups: [
      [null, -1],
      [null, 1],
      [null, 2],
      [null, 5],
      [0, -1],
      [1.3, -1],
      [0, 1],
      [2.1, 1],
      [0, 2],
      [0.7, 3],
      [0, 4],
      [5.1, 4],
      [3.9, 6],
    ],
  },
  {
    group: so3Group(),
    frequency: 4,
    subgroups: [
      ["so3"],
      ["so3", so3Group().element(TILT)],
      [false, -1],
      [false, 1],
      [false, 2],
      [false, 5],
      [false, 3, so3Group().element(TILT)],
      [true, -1],
      [1.3, -1],
      [true, 1],
      [2.1, 1],
      [true, 2],
      [true, 3],
      [0.7, 4],
      [true, 5, so3Group().element(TILT)],
      ["tetra"],
      ["octa", so3Group().element(TILT)],
      ["ico"],
    ],
  },
  {
    group: o3Group(),
    frequency: 3,
    subgroups: [
      ["o3"],
      ["so3"],
      ["so3", o3Group().element([1, TILT])],
      [false, false, 1],
      [false, false, -1],
      [false, false, 4, o3Group().element([0, TILT])],
      [false, true, -1],
      [false, 0.9, 3],
      [true, false, 1],
      ["cone", -1],
      ["cone", 1],
      ["cone", 4],
      ["cone", 1.4, 3],
      ["cone", -1, o3Group().element([0, TILT])],
      ["fulltetra"],
      ["fulltetra", o3Group().element([0, TILT])],
      ["fulltetra", [false, 4], o3Group().element([0, TILT])],
      ["fulltetra", [true, 4]],
      [false, "ico"],
      [true, "tetra"],
      [true, "octa", o3Group().element([0, TILT])],
      [true, false, -1],
      [true, false, 3],
      [true, true, -1],
      [true, 2.3, 2],
      [true, true, 1],
    ],
  },
  ...finiteTestGroups,
  ...productTestGroups,
];

/** The irreps of a group that are tested. */
export function irrepsOf({ group, frequency }: TestGroup): readonly IrreducibleRepresentation[] {
  return group.irreps(frequency);
}
