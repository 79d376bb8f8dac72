// Norms of elements under changes of basis that are not orthogonal.

import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { changeBasis, directSum, type Representation } from "../../src/group/mod.ts";
import { rot2dOnR2, rot3dOnR3 } from "../../src/gspaces/mod.ts";
import type { GSpace } from "../../src/gspaces/mod.ts";
import { basisChangeFactors, KernelError, type WeightLayout, weightLayout } from "../../src/kernels/mod.ts";
import { test } from "../support/test.ts";

function skewed(space: GSpace, parts: readonly Representation[], slope: number): Representation {
  const rho = directSum(parts);
  const n = rho.size;
  const q = Float64Array.from(
    { length: n * n },
    (_, i) => i % (n + 1) === 0 ? 1 + slope * Math.floor(i / n) : slope * ((7 * i) % 5 - 2),
  );
  return changeBasis(rho, q, `skewed ${slope} of ${space}`, []);
}

// Σ over taps and entries of the square of the filter of one weight, by hand: Q_out (the element at its place) Q_in⁻¹.
function squares(layout: WeightLayout, entry: number, source: Representation[], target: Representation[]): number {
  for (const { copies, offset, columns, blocks } of layout.matrices) {
    const row = Math.floor((entry - offset) / columns);
    if (entry < offset || row >= copies.length) continue;
    const column = (entry - offset) % columns;
    const block = blocks.find((b) =>
      column >= b.columnOffset && column < b.columnOffset + b.copies.length * b.table.pathCount
    )!;
    const { table } = block;
    const input = block.copies[Math.floor((column - block.columnOffset) / table.pathCount)];
    const path = (column - block.columnOffset) % table.pathCount;
    const [rhoOut, rhoIn] = [target[copies[row].field], source[input.field]];
    const start = (rho: Representation, position: number): number =>
      rho.constituents.slice(0, position).reduce((s, psi) => s + psi.size, 0);
    const [o, i] = [start(rhoOut, copies[row].position), start(rhoIn, input.position)];
    const sampled = table.sampled();
    const points = sampled.length / (table.pathCount * table.outSize * table.inSize);
    let sum = 0;
    for (let x = 0; x < points; x++) {
      for (let a = 0; a < rhoOut.size; a++) {
        for (let b = 0; b < rhoIn.size; b++) {
          let v = 0;
          for (let k = 0; k < table.outSize; k++) {
            for (let l = 0; l < table.inSize; l++) {
              v += rhoOut.changeOfBasis[a * rhoOut.size + o + k] *
                sampled[((path * table.outSize + k) * table.inSize + l) * points + x] *
                rhoIn.changeOfBasisInverse[(i + l) * rhoIn.size + b];
            }
          }
          sum += v * v;
        }
      }
    }
    return sum;
  }
  throw new TypeError(`no entry ${entry}`);
}

for (const space of [rot2dOnR2(4), rot3dOnR3()]) {
  test(`basisChangeFactors on ${space}: with them Σ K² of every weight is the size of its output irrep, to 1e-12`, () => {
    const [zero, one] = space.irreps(1);
    const source = [skewed(space, [zero, one], 0.3), zero];
    const target = [skewed(space, [one, one], 0.2), skewed(space, [one, zero], -0.15)];
    const irreps = (fields: readonly Representation[]) => fields.map((rho) => rho.irreps);
    const layout = weightLayout(space.kernelTables({ kernelSize: 3 }), irreps(source), irreps(target));
    const factors = basisChangeFactors(layout, source, target)!;
    assertEquals(factors.length, layout.size);
    for (const { copies, columns, offset, blocks } of layout.matrices) {
      const { outSize } = blocks[0].table;
      for (let entry = offset; entry < offset + copies.length * columns; entry++) {
        assertAlmostEquals(squares(layout, entry, source, target) * factors[entry] ** 2, outSize, 1e-11);
      }
    }
  });
}

test("basisChangeFactors: none for orthogonal changes of basis, those of kept entries under a filter", () => {
  const space = rot2dOnR2(4);
  const { regularRepr } = space;
  const layout = weightLayout(space.kernelTables({ kernelSize: 3 }), [regularRepr.irreps], [regularRepr.irreps]);
  assertEquals(basisChangeFactors(layout, [regularRepr], [regularRepr]), undefined);
  const rho = skewed(space, [space.irrep(0), space.irrep(0)], 0.3);
  const filtered = space.kernelTables({ kernelSize: 3, basisFilter: (a) => a.inPosition === a.outPosition });
  const [part, whole] = [filtered, space.kernelTables({ kernelSize: 3 })].map((tables) => {
    const made = weightLayout(tables, [rho.irreps], [rho.irreps]);
    return { made, factors: basisChangeFactors(made, [rho], [rho])! };
  });
  assertEquals([...part.factors], [...part.made.kept!].map((entry) => whole.factors[entry]));
  assertThrows(() => basisChangeFactors(layout, [space.irrep(1)], [regularRepr]), KernelError, "layout was made for");
});
