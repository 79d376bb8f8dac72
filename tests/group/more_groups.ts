// The rows of groups.ts for finite groups of space, groups of the user's own, and products.

import { finiteGroup, matrixGroup } from "../../src/group/finite_group.ts";
import { cyclicGroup } from "../../src/group/groups/cyclic.ts";
import { dihedralGroup } from "../../src/group/groups/dihedral.ts";
import { doubleGroup } from "../../src/group/groups/double.ts";
import { fullTetrahedralGroup } from "../../src/group/groups/full_tetrahedral.ts";
import { icosahedralGroup } from "../../src/group/groups/icosahedral.ts";
import { o2Group } from "../../src/group/groups/o2.ts";
import { octahedralGroup } from "../../src/group/groups/octahedral.ts";
import { directProduct } from "../../src/group/groups/product.ts";
import { so2Group } from "../../src/group/groups/so2.ts";
import { so3Group } from "../../src/group/groups/so3.ts";
import { tetrahedralGroup } from "../../src/group/groups/tetrahedral.ts";
import type { Group, SubgroupId } from "../../src/group/types.ts";

interface Row {
  readonly group: Group;
  readonly frequency: number;
  readonly subgroups: readonly SubgroupId[];
}

function row(group: Group, subgroups: readonly SubgroupId[], frequency = Infinity): Row {
  return { group, frequency, subgroups };
}

/** The permutations of 0 … n − 1 by insertion of the last. */
export function permutations(n: number): readonly (readonly number[])[] {
  if (n === 0) return [[]];
  return permutations(n - 1).flatMap((p) =>
    Array.from({ length: n }, (_, i) => [...p.slice(0, i), n - 1, ...p.slice(i)])
  );
}

/** The multiplication table of the permutations of n things. */
export function symmetricTable(n: number): number[][] {
  const list = permutations(n);
  const positions = new Map(list.map((p, i) => [p.join(), i]));
  return list.map((a) => list.map((b) => positions.get(b.map((x) => a[x]).join()) ?? -1));
}

/** Left multiplication by the quaternion x i + y j + z k + w on (x, y, z, w). */
export function quaternionMatrix(x: number, y: number, z: number, w: number): Float64Array {
  return Float64Array.of(w, -z, y, x, z, w, -x, y, -y, x, w, z, -x, -y, -z, w);
}

/** The quaternion group of ±1, ±i, ±j, ±k. */
export const quaternionGroup = matrixGroup([quaternionMatrix(1, 0, 0, 0), quaternionMatrix(0, 1, 0, 0)], 4, {
  name: "Q8",
});

/** The binary tetrahedral group, whose irreps have all three types. */
export const binaryTetrahedralGroup = matrixGroup(
  [quaternionMatrix(1, 0, 0, 0), quaternionMatrix(0.5, 0.5, 0.5, 0.5)],
  4,
  { name: "2T" },
);

/** The permutations of four things. */
export const symmetricGroup4 = finiteGroup(symmetricTable(4), { name: "S4" });

const [tetra, octa, ico, full] = [tetrahedralGroup(), octahedralGroup(), icosahedralGroup(), fullTetrahedralGroup()];
const QUARTER = Math.PI / 2;

/** Finite groups of space and of the user's own. */
export const finiteTestGroups: readonly Row[] = [
  row(tetra, [
    [false, 1],
    [false, 2],
    [false, 3],
    [true, 1],
    [true, 2],
    [false, 3, tetra.elements[5]],
    ["tetra"],
    ["tetra", tetra.elements[9]],
  ]),
  row(octa, [
    ...[1, 2, 3, 4].map((n): SubgroupId => [false, n]),
    ...[1, 2, 3, 4].map((n): SubgroupId => [true, n]),
    [QUARTER, 1],
    [QUARTER, 2],
    [2 * QUARTER, 2],
    [3 * QUARTER, 4],
    [false, 3, octa.elements[18]],
    [false, 4, octa.elements[7]],
    [true, 3, octa.elements[14]],
    [QUARTER, 2, octa.elements[20]],
    ["tetra"],
    ["tetra", octa.elements[13]],
    ["octa"],
  ]),
  row(ico, [
    ...[1, 2, 3, 5].map((n): SubgroupId => [false, n]),
    ...[1, 2, 3, 5].map((n): SubgroupId => [true, n]),
    [false, 5, ico.elements[17]],
    [true, 3, ico.elements[40]],
    [true, 5, ico.elements[11]],
    ["tetra"],
    ["tetra", ico.elements[33]],
    ["ico"],
  ]),
  row(full, [
    ...[1, 2, 3, 4].map((n): SubgroupId => [false, n]),
    ...[1, 2, 3, 4].map((n): SubgroupId => [true, n]),
    [QUARTER, 1],
    [QUARTER, 2],
    [QUARTER, 4],
    [true, 4, full.elements[17]],
    ["tetra"],
    ["tetra", full.elements[14]],
    ["fulltetra"],
  ]),
  row(quaternionGroup, [[0], [1], [1, 2], [3]]),
  row(binaryTetrahedralGroup, [[0], [1], [2], [4], [1, 2], [3, 5], [4, binaryTetrahedralGroup.elements[2]]]),
  row(symmetricGroup4, [[0], [1], [2], [5], [1, 2], [3, 7], [9, 14], [4, symmetricGroup4.elements[6]]]),
];

/** Products. */
export const productTestGroups: readonly Row[] = [
  row(directProduct(cyclicGroup(2), cyclicGroup(4)), [[[2], [4]], [[1], [2]], [[2], [1]], [[1], [1]]]),
  row(directProduct(cyclicGroup(3), cyclicGroup(5)), [[[3], [5]], [[1], [5]], [[3], [1]]]),
  row(directProduct(cyclicGroup(2), dihedralGroup(3)), [
    [[2], [null, 3]],
    [[2], [1, 1]],
    [[1], [0, 3]],
    [[2], [null, 1]],
  ]),
  row(directProduct(dihedralGroup(4), cyclicGroup(3)), [[[0, 2], [3]], [[null, 4], [3]], [[1, 1], [1]]]),
  row(directProduct(cyclicGroup(2), octa), [
    [[2], ["tetra"]],
    [[1], [true, 4]],
    [[2], [false, 3, octa.elements[13]]],
    [[2], [true, 3]],
  ]),
  row(directProduct(cyclicGroup(3), quaternionGroup), [[[3], [1]], [[1], [1, 2]], [[3], [1, 2]]]),
  row(directProduct(quaternionGroup, quaternionGroup), [[[1], [2]], [[1, 2], [0]], ["diagonal"], ["diagonal", [1]]]),
  row(doubleGroup(cyclicGroup(4)), [["diagonal"], ["diagonal", [2]], [[2], [4]]]),
  row(doubleGroup(dihedralGroup(3)), [["diagonal"], ["diagonal", [1, 1]], [[null, 3], [null, 3]], [[0, 3], [1, 1]]]),
  row(directProduct(cyclicGroup(2), so2Group()), [[[2], [-1]], [[1], [-1]], [[2], [4]], [[1], [1]]], 2),
  row(directProduct(cyclicGroup(4), so2Group()), [[[4], [-1]], [[2], [3]], [[4], [1]]], 2),
  row(directProduct(so2Group(), so2Group()), [[[-1], [-1]], [[3], [-1]], ["diagonal"], ["diagonal", [4]]], 2),
  row(directProduct(cyclicGroup(2), o2Group()), [[[2], [null, -1]], [[1], [0, 4]], [[2], [0.9, 3]]], 2),
  row(directProduct(dihedralGroup(3), so3Group()), [[[0, 3], [false, -1]], [[null, 3], [true, 2]]], 1),
  row(doubleGroup(so3Group()), [["diagonal"], [["so3"], [false, 3]], ["diagonal", [true, -1]]], 1),
];
