// Laws that hold for every finite group, by fast-check over all groups of groups.ts: Frobenius reciprocity, restriction after
// induction (Mackey), Schur's relations between matrix entries, sums of squares, tensor products by characters.

import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { homomorphismSpace } from "../../src/group/constructions.ts";
import { HomogeneousSpace } from "../../src/group/homogeneous_space.ts";
import { induceRepresentation } from "../../src/group/induction.ts";
import type { Representation } from "../../src/group/types.ts";
import { maximumDifference, multiplyMatrices, transposeMatrix } from "../../src/math/linear_algebra.ts";
import { test } from "../support/test.ts";
import { testGroups } from "./groups.ts";

const finite = testGroups.filter(({ group }) => !group.isContinuous);
const anyGroup = fc.constantFrom(...finite);

function innerProduct(a: Representation, b: Representation): number {
  let sum = 0;
  for (const g of a.group.elements) sum += a.character(g) * b.character(g);
  return sum / a.group.order;
}

test("Frobenius reciprocity: maps from an induced irrep are as many as from the irrep to the restriction, to 1e-10", () => {
  fc.assert(
    fc.property(anyGroup, fc.nat(), fc.nat(), fc.nat(), ({ group, subgroups }, i, j, k) => {
      const id = subgroups[i % subgroups.length];
      const { subgroup } = group.subgroup(id);
      const psi = subgroup.irreps()[j % subgroup.irreps().length];
      const rho = group.irreps()[k % group.irreps().length];
      const induced = group.inducedRepresentation(id, psi.id);
      const [up, down] = [innerProduct(induced, rho), innerProduct(psi, rho.restrict(id))];
      assert(Math.abs(up - down) < 1e-10, `${group.name} ${id} ${psi} ${rho}: ${up}, ${down}`);
      assertEquals(homomorphismSpace(induced, rho).length, Math.round(up));
    }),
    { numRuns: 200 },
  );
});

test("restriction of an induced representation contains the irrep it was induced from, in the axes of its own coset", () => {
  fc.assert(
    fc.property(anyGroup, fc.nat(), fc.nat(), ({ group, subgroups }, i, j) => {
      const id = subgroups[i % subgroups.length];
      const { subgroup, inclusion } = group.subgroup(id);
      const space = new HomogeneousSpace(group, id);
      const psi = subgroup.irreps()[j % subgroup.irreps().length];
      const induced = induceRepresentation(group, id, psi);
      const back = induced.restrict(id);
      assert(back.multiplicity(psi.id) >= 1);
      for (const h of subgroup.generators) {
        // The coset of H is represented by its first element r, so that h acts there as r⁻¹ h r.
        const { index, rest } = space.locate(group.identity);
        const m = induced.matrix(inclusion(h));
        const corner = Float64Array.from({ length: psi.size * psi.size }, (_, e) => {
          const [row, column] = [Math.floor(e / psi.size), e % psi.size];
          return m[(index * psi.size + row) * induced.size + index * psi.size + column];
        });
        assert(maximumDifference(corner, psi.matrix(rest.multiply(h).multiply(rest.inverse()))) < 1e-10);
        const n = induced.size;
        const plain = multiplyMatrices(back.matrix(h), back.changeOfBasis, n, n, n);
        const inner = multiplyMatrices(transposeMatrix(back.changeOfBasis, n, n), plain, n, n, n);
        let column = 0;
        for (const part of back.constituents) {
          for (let a = 0; a < part.size; a++) {
            for (let b = 0; b < n; b++) {
              const inside = b >= column && b < column + part.size;
              const expected = inside ? part.matrix(h)[a * part.size + b - column] : 0;
              assert(Math.abs(inner[(column + a) * n + b] - expected) < 1e-10);
            }
          }
          column += part.size;
        }
      }
    }),
    { numRuns: 60 },
  );
});

test("Schur: averages of products of matrix entries are those of the commutant's basis, to 1e-10", () => {
  fc.assert(
    fc.property(
      anyGroup,
      fc.nat(),
      fc.nat(),
      fc.array(fc.nat(), { minLength: 4, maxLength: 4 }),
      ({ group }, p, q, at) => {
        const irreps = group.irreps();
        const [psi, phi] = [irreps[p % irreps.length], irreps[q % irreps.length]];
        const [a, b, c, d] = [at[0] % psi.size, at[1] % psi.size, at[2] % phi.size, at[3] % phi.size];
        let sum = 0;
        for (const g of group.elements) sum += psi.matrix(g)[a * psi.size + b] * phi.matrix(g)[c * phi.size + d];
        let expected = 0;
        if (psi === phi) {
          for (const e of psi.endomorphisms) expected += e[a * psi.size + c] * e[b * psi.size + d] / psi.size;
        }
        assert(Math.abs(sum / group.order - expected) < 1e-10, `${psi} and ${phi}`);
      },
    ),
    { numRuns: 300 },
  );
});

test("tensorProductIrreps agrees with characters, and restriction commutes with tensor products", () => {
  fc.assert(
    fc.property(anyGroup, fc.nat(), fc.nat(), fc.nat(), ({ group, subgroups }, p, q, i) => {
      const irreps = group.irreps();
      const [m, n] = [irreps[p % irreps.length], irreps[q % irreps.length]];
      const found = group.tensorProductIrreps(m.id, n.id);
      let dimension = 0;
      for (const { irrep, copies } of found) {
        const j = group.irrep(...irrep);
        dimension += copies * j.size;
        let inner = 0;
        for (const g of group.elements) inner += m.character(g) * n.character(g) * j.character(g);
        assert(Math.abs(inner / group.order - copies * j.endomorphismCount) < 1e-10);
      }
      assertEquals(dimension, m.size * n.size);
      const id = subgroups[i % subgroups.length];
      const { subgroup } = group.subgroup(id);
      const [one, two] = [m.tensor(n).restrict(id), m.restrict(id).tensor(n.restrict(id))];
      for (const psi of subgroup.irreps()) assertEquals(one.multiplicity(psi.id), two.multiplicity(psi.id));
    }),
    { numRuns: 150 },
  );
});

test("sums of squares of dimensions over the commutant's dimension are the order, for every group and subgroup", () => {
  for (const { group, subgroups } of finite) {
    for (const g of [group, ...subgroups.map((id) => group.subgroup(id).subgroup)]) {
      const sum = g.irreps().reduce((total, psi) => total + psi.size * psi.size / psi.endomorphismCount, 0);
      assertEquals(sum, g.order);
    }
  }
});
