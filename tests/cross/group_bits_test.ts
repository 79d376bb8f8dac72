// Bit identity of the theory: changes of basis and Clebsch-Gordan tensors are the same to the last bit in Deno, Bun and Node,
// and in every process, because nothing but IEEE arithmetic and the library's own functions make them. The test command runs
// this file in each runtime; the numbers below were written down once.

import { assertEquals } from "@std/assert";
import { finiteGroup, matrixGroup } from "../../src/group/finite_group.ts";
import { cyclicGroup } from "../../src/group/groups/cyclic.ts";
import { dihedralGroup } from "../../src/group/groups/dihedral.ts";
import { fullTetrahedralGroup } from "../../src/group/groups/full_tetrahedral.ts";
import { icosahedralGroup } from "../../src/group/groups/icosahedral.ts";
import { o3Group } from "../../src/group/groups/o3.ts";
import { octahedralGroup } from "../../src/group/groups/octahedral.ts";
import { directProduct } from "../../src/group/groups/product.ts";
import { so3Group } from "../../src/group/groups/so3.ts";
import { tetrahedralGroup } from "../../src/group/groups/tetrahedral.ts";
import type { Group, SubgroupId } from "../../src/group/types.ts";
import { runtime } from "../../src/runtime/mod.ts";
import { quaternionMatrix, symmetricTable } from "../group/more_groups.ts";
import { test, testRuntime } from "../support/test.ts";

/** FNV-1a of the bits of numbers, in two words of 32 bits. */
class BitHash {
  #low = 0x84222325;
  #high = 0xcbf29ce4;

  add(values: Float64Array): void {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    for (const byte of bytes) {
      // Times 2⁴⁰ + 0x1b3, modulo 2⁶⁴.
      const low = (this.#low ^ byte) >>> 0;
      const product = (low & 0xffff) * 0x1b3;
      const middle = (low >>> 16) * 0x1b3 + Math.floor(product / 65536);
      this.#high = (Math.imul(this.#high, 0x1b3) + (low << 8) + Math.floor(middle / 65536)) >>> 0;
      this.#low = ((middle & 0xffff) * 65536 + (product & 0xffff)) >>> 0;
    }
  }

  get hex(): string {
    return [this.#high, this.#low].map((word) => word.toString(16).padStart(8, "0")).join("");
  }
}

function hashOf(group: Group, frequency: number, subgroups: readonly SubgroupId[]): string {
  const hash = new BitHash();
  const irreps = group.irreps(frequency);
  for (const psi of irreps) {
    for (const g of group.testingElements) hash.add(psi.matrix(g));
    for (const id of subgroups) hash.add(group.restrictIrrep(id, psi.id).changeOfBasis);
  }
  if (!group.isContinuous) {
    hash.add(group.regularRepresentation.changeOfBasis);
    for (const id of subgroups) hash.add(group.quotientRepresentation(id).changeOfBasis);
  }
  for (const m of irreps) {
    for (const n of irreps) {
      for (const { irrep } of group.tensorProductIrreps(m.id, n.id)) {
        hash.add(group.clebschGordan(m.id, n.id, irrep).coefficients);
      }
    }
  }
  return hash.hex;
}

const binaryTetrahedral = matrixGroup([quaternionMatrix(1, 0, 0, 0), quaternionMatrix(0.5, 0.5, 0.5, 0.5)], 4, {
  name: "2T",
});

const cases: readonly (readonly [Group, number, readonly SubgroupId[], string])[] = [
  [tetrahedralGroup(), Infinity, [[false, 3], [true, 2]], "44c77ce4f2292533"],
  [octahedralGroup(), Infinity, [[false, 4], [true, 3], ["tetra"]], "3fedb94456d7a998"],
  [icosahedralGroup(), Infinity, [[false, 5], [true, 5], ["tetra"]], "157286f01636e2fe"],
  [fullTetrahedralGroup(), Infinity, [[false, 4], [true, 3]], "23434e4611495c3c"],
  [dihedralGroup(5), Infinity, [[2, 1], [null, 5]], "5a84905b519490a6"],
  [directProduct(cyclicGroup(2), octahedralGroup()), Infinity, [[[2], ["tetra"]]], "d72f4043914b6acd"],
  [directProduct(cyclicGroup(3), cyclicGroup(5)), Infinity, [[[3], [1]]], "4b0040edf8d7b717"],
  [binaryTetrahedral, Infinity, [[1], [4]], "f6edf9fe18ddfa3d"],
  [finiteGroup(symmetricTable(4), { name: "S4" }), Infinity, [[1], [5]], "3f84cd37024473e8"],
  [so3Group(), 4, [["ico"], ["octa"], ["tetra"], [true, 5]], "41b24c0cd5fa77b7"],
  [o3Group(), 3, [["cone", 3], [true, "ico"], [true, true, 4]], "8746242006ec35e5"],
];

test(`bit identity is tested in the runtime that it names: ${testRuntime}`, () => {
  assertEquals(runtime.name, testRuntime);
  const empty = new BitHash();
  assertEquals(empty.hex, "cbf29ce484222325");
  empty.add(Float64Array.of(1));
  assertEquals(empty.hex, "aab1693229ba1db8");
});

for (const [group, frequency, subgroups, expected] of cases) {
  test(`changes of basis and Clebsch-Gordan tensors of ${group.name} have the same bits in ${testRuntime}`, () => {
    assertEquals(hashOf(group, frequency, subgroups), expected);
  });
}
