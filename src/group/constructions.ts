/**
 * New representations from old: direct sums, changes of basis, induced (regular, quotient) and band-limited
 * representations in closed form by Frobenius reciprocity, and what two representations have in common.
 */

import { blockDiagonal, invertMatrix, multiplyMatrices } from "../math/linear_algebra.ts";
import { GroupError } from "./errors.ts";
import { HomogeneousSpace } from "./homogeneous_space.ts";
import { irrepKey, sameId, subgroupKey } from "./ids.ts";
import { MatrixRepresentation } from "./representation.ts";
import type {
  Group,
  IrreducibleRepresentation,
  IrrepId,
  Representation,
  RepresentationKind,
  SubgroupId,
  SubgroupIdPart,
} from "./types.ts";

/**
 * The direct sum of representations of one group: block-diagonal matrices, in the order given.
 *
 * @param representations At least one.
 * @param name For people; default `[a]_[b]`.
 * @throws {@linkcode GroupError} for no representations, or those of different groups.
 *
 * @example
 * ```ts
 * import { cyclicGroup, directSum } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const c4 = cyclicGroup(4);
 * const rho = directSum([c4.trivialRepresentation, c4.irrep(1)]);
 * assertEquals([rho.size, rho.kind], [3, "general"]);
 * ```
 */
export function directSum<K extends RepresentationKind>(
  representations: readonly Representation<K>[],
  name?: string,
): Representation<K> {
  const first = representations[0];
  if (first === undefined || representations.some((r) => r.group !== first.group)) {
    throw new GroupError({
      op: "directSum",
      expected: "one or more representations of one group",
      actual: first === undefined ? "none" : representations.map((r) => r.group.name).join(", "),
      hint: "Restrict them to a common subgroup first.",
    });
  }
  const group = first.group;
  const sizes = representations.map((r) => r.size);
  const tags = [...first.supportedNonlinearities].filter((tag) =>
    representations.every((r) => r.supportedNonlinearities.has(tag))
  );
  const general = representations.find((r) => r.kind === "general");
  return new MatrixRepresentation<K>({
    group,
    name: name ?? representations.map((r) => `[${r.name}]`).join("_"),
    size: sizes.reduce((a, b) => a + b, 0),
    irreps: representations.flatMap((r) => r.irreps),
    kind: (general ?? first).kind,
    supportedNonlinearities: tags,
    changeOfBasis: representations.every((r) => r.isIrrepBasis)
      ? undefined
      : () => blockDiagonal(representations.map((r) => r.changeOfBasis), sizes),
    matrix: (g) => blockDiagonal(representations.map((r) => r.matrix(g)), sizes),
  });
}

function rowsOf(q: Float64Array, n: number): string {
  return JSON.stringify(Array.from({ length: n }, (_, i) => [...q.subarray(i * n, (i + 1) * n)]));
}

/**
 * The representation Q ρ(g) Q⁻¹. No non-linearity is known to commute with it unless it is named.
 *
 * @param representation ρ.
 * @param q Q, row-major [size, size], invertible.
 * @param name For people.
 * @param supportedNonlinearities escnn's tags of the non-linearities that commute with it.
 * @throws {@linkcode GroupError} for a matrix of another size or a singular one.
 */
export function changeBasis(
  representation: Representation,
  q: Float64Array,
  name: string,
  supportedNonlinearities: Iterable<string> = [],
): Representation {
  const n = representation.size;
  if (q.length !== n * n) {
    throw new GroupError({
      op: "changeBasis",
      expected: `a matrix of ${n} × ${n} = ${n * n} numbers`,
      actual: `${q.length} numbers`,
    });
  }
  if (invertMatrix(q, n) === undefined) {
    throw new GroupError({
      op: "changeBasis",
      expected: "an invertible matrix",
      actual: n <= 6 ? `the singular one ${rowsOf(q, n)}` : `a singular one of ${n} × ${n} numbers`,
      hint: "Its columns must be linearly independent.",
    });
  }
  const tags = new Set(supportedNonlinearities);
  return new MatrixRepresentation({
    group: representation.group,
    name,
    size: n,
    irreps: representation.irreps,
    changeOfBasis: multiplyMatrices(q, representation.changeOfBasis, n, n, n),
    kind: tags.has("pointwise") ? "pointwise" : "general",
    supportedNonlinearities: tags,
  });
}

/**
 * The representation of a group induced from an irrep ψ of a subgroup H of finite index: axes are (coset, component of ψ),
 * cosets represented by their first element, and where g r_j = r_i h the block (i, j) of ρ(g) is ψ(h). Its change of
 * basis is orthogonal, in closed form.
 */
export function inducedRepresentation<K extends RepresentationKind>(
  group: Group,
  subgroupId: SubgroupId | SubgroupIdPart,
  irrep: IrreducibleRepresentation<K>,
  name: string,
  supportedNonlinearities: Iterable<string>,
): Representation<K> {
  const space = new HomogeneousSpace(group, subgroupId);
  const representatives = space.representatives;
  const width = irrep.size;
  const size = representatives.length * width;
  const irreps: IrrepId[] = [];
  const parts: { readonly rho: IrreducibleRepresentation; readonly basis: readonly Float64Array[] }[] = [];
  for (const rho of group.irreps(group.isContinuous ? irrep.frequency : undefined)) {
    const basis = space.intertwiners(rho, irrep);
    if (basis.length === 0) continue;
    parts.push({ rho, basis });
    for (let m = 0; m < basis.length; m++) irreps.push(rho.id);
  }
  return new MatrixRepresentation<K>({
    group,
    name,
    size,
    irreps,
    kind: irrep.kind,
    supportedNonlinearities,
    changeOfBasis: () => {
      const q = new Float64Array(size * size);
      let column = 0;
      for (const { rho, basis } of parts) {
        const d = rho.size;
        const scale = Math.sqrt(d / size);
        representatives.forEach((r, i) => {
          const matrix = rho.matrix(r);
          basis.forEach((b, m) => {
            const moved = multiplyMatrices(matrix, b, d, d, width);
            for (let c = 0; c < width; c++) {
              const row = (i * width + c) * size + column + m * d;
              for (let k = 0; k < d; k++) q[row + k] = scale * moved[k * width + c];
            }
          });
        });
        column += basis.length * d;
      }
      return q;
    },
    matrix: (g) => {
      const out = new Float64Array(size * size);
      representatives.forEach((r, j) => {
        const { index, rest } = space.locate(g.multiply(r));
        const block = irrep.matrix(rest);
        for (let a = 0; a < width; a++) {
          for (let b = 0; b < width; b++) {
            out[(index * width + a) * size + j * width + b] = block[a * width + b];
          }
        }
      });
      return out;
    },
  });
}

/**
 * Functions on G/H band-limited to some irreps: each irrep of G in the order given, as often as it occurs in functions on
 * G/H; the change of basis is the identity. The trivial subgroup gives the band-limited regular representation.
 */
export function spectralQuotientRepresentation(
  group: Group,
  subgroupId: SubgroupId | SubgroupIdPart,
  irreps: readonly IrrepId[],
  name?: string,
): Representation {
  const space = new HomogeneousSpace(group, subgroupId);
  const trivial = space.subgroup.subgroup.trivialRepresentation;
  const ids: IrrepId[] = [];
  let size = 0;
  for (const id of irreps) {
    const rho = group.irrep(...id);
    const count = space.intertwiners(rho, trivial).length;
    for (let m = 0; m < count; m++) ids.push(rho.id);
    size += count * rho.size;
  }
  if (size === 0) {
    throw new GroupError({
      op: "spectralQuotientRepresentation",
      expected: `irreps of ${group.name} that occur in functions on its quotient by ${subgroupKey(space.subgroup.id)}`,
      actual: irreps.map(irrepKey).join(", ") || "none",
    });
  }
  return new MatrixRepresentation({
    group,
    name: name ?? `quotient${subgroupKey(space.subgroup.id)}_[${irreps.map(irrepKey).join("|")}]`,
    size,
    irreps: ids,
    kind: "general",
    supportedNonlinearities: ["norm", "gated", "concatenated"],
  });
}

/** Functions on G band-limited to some irreps, see {@linkcode spectralQuotientRepresentation}. */
export function spectralRegularRepresentation(
  group: Group,
  irreps: readonly IrrepId[],
  name?: string,
): Representation {
  return spectralQuotientRepresentation(
    group,
    group.subgroupTrivialId,
    irreps,
    name ?? `regular_[${irreps.map(irrepKey).join("|")}]`,
  );
}

/** Functions on G band-limited to all irreps of frequency up to `maximumFrequency`. */
export function bandlimitedRegularRepresentation(group: Group, maximumFrequency: number): Representation {
  const irreps = group.irreps(group.isContinuous ? maximumFrequency : undefined)
    .filter((psi) => psi.frequency <= maximumFrequency);
  return spectralRegularRepresentation(group, irreps.map((psi) => psi.id), `regular_${maximumFrequency}`);
}

/**
 * The finest splitting of the axes of ρ into sets that no ρ(g) mixes: the connected components of the generators'
 * patterns, each in ascending order, by their first axis.
 */
export function disentangle(representation: Representation): readonly (readonly number[])[] {
  const n = representation.size;
  const owner = Array.from({ length: n }, (_, i) => i);
  const find = (i: number): number => owner[i] === i ? i : (owner[i] = find(owner[i]));
  for (const g of representation.group.generators) {
    const m = representation.matrix(g);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        if (Math.abs(m[i * n + j]) <= 1e-9) continue;
        const [a, b] = [find(i), find(j)];
        owner[Math.max(a, b)] = Math.min(a, b);
      }
    }
  }
  const parts = new Map<number, number[]>();
  for (let i = 0; i < n; i++) {
    const root = find(i);
    const part = parts.get(root);
    if (part === undefined) parts.set(root, [i]);
    else part.push(i);
  }
  return [...parts.values()];
}

/**
 * A basis of the intertwiners {A : target(g) A = A source(g)}, each row-major [target size, source size]: by Schur's lemma
 * one endomorphism for each pair of equal irreps. Orthogonal when both changes of basis are.
 */
export function homomorphismSpace(source: Representation, target: Representation): readonly Float64Array[] {
  const [n, m] = [target.size, source.size];
  const basis: Float64Array[] = [];
  let row = 0;
  for (const to of target.constituents) {
    let column = 0;
    for (const from of source.constituents) {
      if (source.group === target.group && sameId(to.id, from.id)) {
        for (const e of to.endomorphisms) {
          const block = new Float64Array(n * m);
          for (let i = 0; i < to.size; i++) {
            for (let j = 0; j < from.size; j++) block[(row + i) * m + column + j] = e[i * to.size + j];
          }
          const left = target.isIrrepBasis ? block : multiplyMatrices(target.changeOfBasis, block, n, n, m);
          basis.push(source.isIrrepBasis ? left : multiplyMatrices(left, source.changeOfBasisInverse, n, m, m));
        }
      }
      column += from.size;
    }
    row += to.size;
  }
  return basis;
}
