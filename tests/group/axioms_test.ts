// covers: src/group/group.ts
// covers: src/group/types.ts
// covers: src/group/irrep.ts
// The properties that make groups groups and representations representations, for every group of groups.ts.

import { assert, assertEquals } from "@std/assert";
import type { GroupElement } from "../../src/group/types.ts";
import { identityMatrix, isOrthogonal, maximumDifference, multiplyMatrices } from "../../src/math/linear_algebra.ts";
import { test } from "../support/test.ts";
import { irrepsOf, testGroups } from "./groups.ts";

for (const entry of testGroups) {
  const { group } = entry;
  const elements = group.testingElements;
  const some = elements.filter((_, i) => i % Math.ceil(elements.length / 9) === 0);

  test(`identity: ${group.name}`, () => {
    assert(group.identity.isIdentity());
    for (const g of elements) {
      assert(g.multiply(group.identity).equals(g));
      assert(group.identity.multiply(g).equals(g));
    }
  });

  test(`inverse: ${group.name}`, () => {
    for (const g of elements) {
      assert(g.multiply(g.inverse()).isIdentity());
      assert(g.inverse().multiply(g).isIdentity());
    }
  });

  test(`associativity: ${group.name}`, () => {
    for (const a of some) {
      for (const b of some) {
        for (const c of some) assert(a.multiply(b).multiply(c).equals(a.multiply(b.multiply(c))));
      }
    }
  });

  if (!group.isContinuous) {
    test(`elements: ${group.name} are distinct, in order, and generated`, () => {
      assertEquals(elements.length, group.order);
      elements.forEach((g, i) => assertEquals(group.indexOf(g), i));
      const reached: GroupElement[] = [group.identity];
      for (const g of reached) {
        for (const s of group.generators) {
          const next = g.multiply(s);
          if (!reached.some((r) => r.equals(next))) reached.push(next);
        }
      }
      assertEquals(reached.length, group.order);
    });
  }

  test(`isAbelian: ${group.name}`, () => {
    const commutes = elements.every((a) => elements.every((b) => a.multiply(b).equals(b.multiply(a))));
    assertEquals(commutes, group.isAbelian);
  });

  test(`parametrizations: ${group.name} converts back and forth`, () => {
    for (const g of elements) {
      for (const p of group.parametrizations) assert(group.element(g.to(p), p).equals(g), `${g} in ${p}`);
    }
  });

  test(`homomorphism: irreps of ${group.name} to 1e-12`, () => {
    for (const psi of irrepsOf(entry)) {
      assertEquals([...psi.matrix(group.identity)], [...identityMatrix(psi.size)]);
      for (const a of some) {
        assert(isOrthogonal(psi.matrix(a), psi.size, 1e-12));
        for (const b of elements) {
          const product = multiplyMatrices(psi.matrix(a), psi.matrix(b), psi.size, psi.size, psi.size);
          assert(maximumDifference(product, psi.matrix(a.multiply(b))) < 1e-12, `${psi} at ${a}, ${b}`);
        }
      }
    }
  });

  test(`character: irreps of ${group.name} is the trace`, () => {
    for (const psi of irrepsOf(entry)) {
      for (const g of elements) {
        const m = psi.matrix(g);
        let trace = 0;
        for (let i = 0; i < psi.size; i++) trace += m[i * psi.size + i];
        assert(Math.abs(psi.character(g) - trace) < 1e-13);
      }
    }
  });

  test(`endomorphisms: irreps of ${group.name} commute, first the identity, as many as the type says`, () => {
    for (const psi of irrepsOf(entry)) {
      const d = psi.size;
      assertEquals(psi.endomorphisms.length, { R: 1, C: 2, H: 4 }[psi.type]);
      assertEquals(psi.endomorphismCount, psi.endomorphisms.length);
      assertEquals([...psi.endomorphisms[0]], [...identityMatrix(d)]);
      for (const e of psi.endomorphisms) {
        for (const g of elements) {
          const m = psi.matrix(g);
          assert(maximumDifference(multiplyMatrices(e, m, d, d, d), multiplyMatrices(m, e, d, d, d)) < 1e-14);
        }
      }
    }
  });

  if (!group.isContinuous) {
    test(`Schur: characters of ${group.name} are orthogonal and complete to 1e-11`, () => {
      const irreps = group.irreps();
      let squares = 0;
      for (const a of irreps) {
        squares += a.size * a.size / a.endomorphismCount;
        for (const b of irreps) {
          let sum = 0;
          for (const g of elements) sum += a.character(g) * b.character(g);
          const expected = a === b ? group.order * a.endomorphismCount : 0;
          assert(Math.abs(sum - expected) < 1e-11, `${a} and ${b}: ${sum}`);
        }
      }
      assertEquals(squares, group.order);
    });

    test(`regularRepresentation: ${group.name} permutes elements and decomposes to 1e-12`, () => {
      const rho = group.regularRepresentation;
      const n = group.order;
      assertEquals([rho.kind, rho.size], ["pointwise", n]);
      assert(isOrthogonal(rho.changeOfBasis, n, 1e-12));
      for (const g of some) {
        const expected = new Float64Array(n * n);
        elements.forEach((h, j) => expected[group.indexOf(g.multiply(h)) * n + j] = 1);
        assertEquals([...rho.matrix(g)], [...expected]);
        const left = multiplyMatrices(rho.matrix(g), rho.changeOfBasis, n, n, n);
        const middle = new Float64Array(n * n);
        let at = 0;
        for (const psi of rho.constituents) {
          const m = psi.matrix(g);
          for (let i = 0; i < psi.size; i++) {
            middle.set(m.subarray(i * psi.size, (i + 1) * psi.size), (at + i) * n + at);
          }
          at += psi.size;
        }
        assert(maximumDifference(left, multiplyMatrices(rho.changeOfBasis, middle, n, n, n)) < 1e-12);
      }
    });
  }

  test(`subgroups of ${group.name}: inclusion is a homomorphism that restriction inverts`, () => {
    for (const id of entry.subgroups) {
      const { subgroup, inclusion, restriction } = group.subgroup(id);
      const inner = subgroup.testingElements;
      for (const a of inner) {
        assert(restriction(inclusion(a))?.equals(a), `${id} at ${a}`);
        for (const b of inner) assert(inclusion(a).multiply(inclusion(b)).equals(inclusion(a.multiply(b))));
      }
      for (const g of elements) {
        const h = restriction(g);
        if (h !== undefined) assert(inclusion(h).equals(g));
        else if (!subgroup.isContinuous) assert(!inner.some((a) => inclusion(a).equals(g)), `${g} lies in ${id}`);
      }
    }
  });

  test(`restrictIrrep: irreps of ${group.name} decompose to 1e-12 in every subgroup`, () => {
    for (const id of entry.subgroups) {
      const { subgroup, inclusion } = group.subgroup(id);
      for (const psi of irrepsOf(entry)) {
        const d = psi.size;
        const { irreps, changeOfBasis } = group.restrictIrrep(id, psi.id);
        assert(isOrthogonal(changeOfBasis, d, 1e-14));
        for (const h of subgroup.testingElements) {
          const middle = new Float64Array(d * d);
          let at = 0;
          for (const part of irreps.map((i) => subgroup.irrep(...i))) {
            const m = part.matrix(h);
            for (let i = 0; i < part.size; i++) {
              middle.set(m.subarray(i * part.size, (i + 1) * part.size), (at + i) * d + at);
            }
            at += part.size;
          }
          assertEquals(at, d);
          const left = multiplyMatrices(psi.matrix(inclusion(h)), changeOfBasis, d, d, d);
          const right = multiplyMatrices(changeOfBasis, middle, d, d, d);
          assert(maximumDifference(left, right) < 1e-12, `${psi} in ${id}`);
        }
      }
    }
  });

  test(`combineSubgroups: in ${group.name} its inclusion is the composition`, () => {
    for (const outer of entry.subgroups) {
      const first = group.subgroup(outer);
      const inners = testGroups.find((t) => t.group === first.subgroup)?.subgroups ?? [];
      for (const inner of inners) {
        const second = first.subgroup.subgroup(inner);
        const combined = group.subgroup(group.combineSubgroups(outer, inner));
        assert(combined.subgroup === second.subgroup, `${outer} then ${inner}`);
        for (const h of combined.subgroup.testingElements) {
          assert(combined.inclusion(h).equals(first.inclusion(second.inclusion(h))), `${outer} then ${inner} at ${h}`);
        }
      }
    }
  });

  test(`clebschGordan: ${group.name} intertwines, is orthonormal and complete, to 1e-12`, () => {
    const irreps = irrepsOf(entry);
    for (const m of irreps) {
      for (const n of irreps) {
        const rows = m.size * n.size;
        let columns = 0;
        const all: Float64Array[] = [];
        for (const { irrep, copies } of group.tensorProductIrreps(m.id, n.id)) {
          const j = group.irrep(...irrep);
          const { coefficients, copies: got } = group.clebschGordan(m.id, n.id, irrep);
          assertEquals(got, copies);
          const width = copies * j.size;
          columns += width;
          assertEquals(coefficients.length, rows * width);
          for (let c = 0; c < width; c++) {
            all.push(Float64Array.from({ length: rows }, (_, r) => coefficients[r * width + c]));
          }
          for (const g of some) {
            const [x, y, z] = [m.matrix(g), n.matrix(g), j.matrix(g)];
            for (let a = 0; a < m.size; a++) {
              for (let b = 0; b < n.size; b++) {
                for (let s = 0; s < copies; s++) {
                  for (let c = 0; c < j.size; c++) {
                    let left = 0;
                    let right = 0;
                    for (let p = 0; p < m.size; p++) {
                      for (let q = 0; q < n.size; q++) {
                        left += x[a * m.size + p] * y[b * n.size + q] *
                          coefficients[(p * n.size + q) * width + s * j.size + c];
                      }
                    }
                    for (let k = 0; k < j.size; k++) {
                      right += coefficients[(a * n.size + b) * width + s * j.size + k] * z[k * j.size + c];
                    }
                    assert(Math.abs(left - right) < 1e-12, `${m} ⊗ ${n} → ${j}`);
                  }
                }
              }
            }
          }
        }
        assertEquals(columns, rows);
        const c = Float64Array.from({ length: rows * rows }, (_, i) => all[i % rows][Math.floor(i / rows)]);
        assert(isOrthogonal(c, rows, 1e-12), `${m} ⊗ ${n}`);
        assertEquals(
          group.clebschGordan(m.id, n.id, m.id).copies,
          group.tensorProductIrreps(m.id, n.id)
            .filter(({ irrep }) => JSON.stringify(irrep) === JSON.stringify(m.id))
            .reduce((sum, { copies }) => sum + copies, 0),
        );
      }
    }
  });
}
