// What the tests of kernels in all spaces share: every space, kernels between whole representations, and the independent count
// of kernels from characters.

import { changeBasis, directSum } from "../../src/group/constructions.ts";
import { cyclicGroup } from "../../src/group/groups/cyclic.ts";
import { directProduct } from "../../src/group/groups/product.ts";
import { o2Group } from "../../src/group/groups/o2.ts";
import { o3Group } from "../../src/group/groups/o3.ts";
import { so2Group } from "../../src/group/groups/so2.ts";
import { so3Group } from "../../src/group/groups/so3.ts";
import type { Group, GroupElement, IrrepId, Representation } from "../../src/group/types.ts";
import * as gspaces from "../../src/gspaces/mod.ts";
import type { EuclideanSpace } from "../../src/gspaces/mod.ts";
import type { KernelTables } from "../../src/kernels/mod.ts";
import { multiplyMatrices } from "../../src/math/linear_algebra.ts";

const tilted = o3Group().element([1, [0.1, 0.7, -0.3, 0.6403124237]]);

/** A space of every kind, in 1, 2 and 3 dimensions. */
export const SPACES: readonly EuclideanSpace[] = [
  gspaces.trivialOnR1(),
  gspaces.flipOnR1(),
  gspaces.trivialOnR2(),
  gspaces.rot2dOnR2(3),
  gspaces.rot2dOnR2(4),
  gspaces.rot2dOnR2(),
  gspaces.flip2dOnR2({ axis: 0.4 }),
  gspaces.flipRot2dOnR2(3, { axis: 1.1 }),
  gspaces.flipRot2dOnR2(4),
  gspaces.flipRot2dOnR2(-1, { axis: 0.7 }),
  gspaces.trivialOnR3(),
  gspaces.invOnR3(),
  gspaces.mirOnR3({ axis: 0.3 }),
  gspaces.mirOnR3({ adjoint: tilted }),
  gspaces.rot2dOnR3(3, { adjoint: tilted }),
  gspaces.rot2dOnR3(4),
  gspaces.rot2dOnR3(),
  gspaces.dihedralOnR3(2),
  gspaces.dihedralOnR3(3, { axis: 0.5, adjoint: tilted }),
  gspaces.dihedralOnR3(-1, { axis: 1.2 }),
  gspaces.conicalOnR3(4),
  gspaces.conicalOnR3(3, { axis: 0.2, adjoint: tilted }),
  gspaces.conicalOnR3(),
  gspaces.cylindricalOnR3(3),
  gspaces.cylindricalOnR3(),
  gspaces.fullCylindricalOnR3(2, { axis: 0.8 }),
  gspaces.fullCylindricalOnR3(3),
  gspaces.fullCylindricalOnR3(),
  gspaces.tetraOnR3(),
  gspaces.fullTetraOnR3(),
  gspaces.pyritoOnR3(),
  gspaces.octaOnR3(),
  gspaces.fullOctaOnR3(),
  gspaces.icoOnR3(),
  gspaces.fullIcoOnR3(),
  gspaces.rot3dOnR3(),
  gspaces.flipRot3dOnR3(),
];

/** Irreps to try: those of low frequency, at most `count` of them. */
export function someIrreps(group: Group, count: number): readonly IrrepId[] {
  return group.irreps(group.isContinuous ? 2 : undefined).slice(0, count).map((psi) => psi.id);
}

/** A representation of one or two random irreps in a random basis, orthogonal or not. */
export function randomRepresentation(group: Group, random: () => number, orthogonal = true): Representation {
  const ids = someIrreps(group, 8);
  const pick = (): Representation => group.irrep(...ids[Math.floor(random() * ids.length)]);
  const sum = directSum(random() < 0.5 ? [pick()] : [pick(), pick()]);
  const n = sum.size;
  const q = Float64Array.from({ length: n * n }, (_, i) => random() - 0.5 + (i % (n + 1) === 0 ? 1 : 0));
  if (orthogonal) orthogonalize(q, n);
  return changeBasis(sum, q, `random of ${group.name}`, ["norm"]);
}

function orthogonalize(q: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) {
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) {
        let dot = 0;
        for (let k = 0; k < n; k++) dot += q[i * n + k] * q[j * n + k];
        for (let k = 0; k < n; k++) q[i * n + k] -= dot * q[j * n + k];
      }
      const norm = Math.sqrt(q.subarray(i * n, (i + 1) * n).reduce((s, v) => s + v * v, 0));
      for (let k = 0; k < n; k++) q[i * n + k] /= norm;
    }
  }
}

/** A random combination of the basis kernels between two representations at the points of the tables: [points][out, in]. */
export function randomKernel(
  tables: KernelTables,
  source: Representation,
  target: Representation,
  random: () => number,
): readonly Float64Array[] {
  const [n, m, points] = [target.size, source.size, tables.points];
  const kernels = Array.from({ length: points }, () => new Float64Array(n * m));
  let row = 0;
  for (const out of target.constituents) {
    let column = 0;
    for (const input of source.constituents) {
      const table = tables.pair(input.id, out.id);
      const sampled = table.sampled();
      for (let p = 0; p < table.pathCount; p++) {
        const weight = random() - 0.5;
        for (let a = 0; a < out.size; a++) {
          for (let b = 0; b < input.size; b++) {
            const from = ((p * out.size + a) * input.size + b) * points;
            for (let x = 0; x < points; x++) kernels[x][(row + a) * m + column + b] += weight * sampled[from + x];
          }
        }
      }
      column += input.size;
    }
    row += out.size;
  }
  return kernels.map((k) =>
    multiplyMatrices(multiplyMatrices(target.changeOfBasis, k, n, n, m), source.changeOfBasisInverse, n, m, m)
  );
}

/** Elements with weights whose sum integrates characters over a group exactly, up to frequencies of about 10. */
export function quadrature(group: Group): readonly (readonly [GroupElement, number])[] {
  if (!group.isContinuous) return group.elements.map((g) => [g, 1 / group.order] as const);
  const steps = 64;
  const angles = Array.from({ length: steps }, (_, i) => 2 * Math.PI * i / steps);
  if (group === so2Group()) return angles.map((a) => [group.element(a), 1 / steps] as const);
  if (group === o2Group()) {
    return angles.flatMap((a) => [0, 1].map((f) => [group.element([f, a]), 0.5 / steps] as const));
  }
  // Classes of rotations by their angle, with the density (1 − cos θ) / 2π of Weyl's formula.
  const rotations = angles.map((a) => [[0, 0, Math.sin(a / 2), Math.cos(a / 2)], (1 - Math.cos(a)) / steps] as const);
  if (group === so3Group()) return rotations.map(([q, w]) => [group.element(q), w] as const);
  if (group === o3Group()) {
    return rotations.flatMap(([q, w]) => [0, 1].map((i) => [group.element([i, q]), w / 2] as const));
  }
  for (const factor of [so2Group(), o2Group()]) {
    if (group !== directProduct(cyclicGroup(2), factor)) continue;
    return quadrature(factor).flatMap(([h, w]) => [0, 1].map((i) => [group.element([i, h.value]), w / 2] as const));
  }
  throw new TypeError(`no quadrature for ${group.name}`);
}

/** The trace of the harmonics of a frequency under an orthogonal matrix. */
export function harmonicCharacter(d: number, m: Float64Array, frequency: number): number {
  if (d === 1) return frequency === 0 ? 1 : m[0];
  if (d === 2) {
    if (frequency === 0) return 1;
    return m[0] * m[3] - m[1] * m[2] < 0 ? 0 : 2 * Math.cos(frequency * Math.atan2(m[2], m[0]));
  }
  const [a, b, c, e, f, g, h, i, j] = m;
  const sign = a * (f * j - g * i) - b * (e * j - g * h) + c * (e * i - f * h) < 0 ? -1 : 1;
  const angle = Math.acos(Math.max(-1, Math.min(1, (sign * (a + f + j) - 1) / 2)));
  let sum = 1;
  for (let k = 1; k <= frequency; k++) sum += 2 * Math.cos(k * angle);
  return sign < 0 && frequency % 2 === 1 ? -sum : sum;
}
