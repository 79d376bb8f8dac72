// The groups that the tests of this folder go through, with subgroups of each. A new group is one row.

import { cyclicGroup } from "../../src/group/groups/cyclic.ts";
import { dihedralGroup } from "../../src/group/groups/dihedral.ts";
import { o2Group } from "../../src/group/groups/o2.ts";
import { so2Group } from "../../src/group/groups/so2.ts";
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
];

/** The irreps of a group that are tested. */
export function irrepsOf({ group, frequency }: TestGroup): readonly IrreducibleRepresentation[] {
  return group.irreps(frequency);
}
