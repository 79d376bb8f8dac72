/**
 * Decomposition of a representation that is given by its matrices: ρ(g) = Q (⊕ ψ(g)) Q⁻¹ with the irreps in the group's
 * order and a Q in a normal form (see intertwiners.ts). Finite groups sum over their elements; for continuous ones the
 * intertwiners are the null space of ρ(g) B = B ψ(g) over topological generators.
 */

import { maximumDifference, multiplyMatrices, nullSpace } from "../math/linear_algebra.ts";
import { GroupError } from "./errors.ts";
import { embedIrrep, independentCopies } from "./intertwiners.ts";
import { MatrixRepresentation } from "./representation.ts";
import type {
  Decomposition,
  Group,
  GroupElement,
  IrreducibleRepresentation,
  IrrepId,
  Representation,
} from "./types.ts";

/** How far a representation may miss its own laws (ρ(g) ρ(h) = ρ(gh), whole multiplicities). */
const TOLERANCE = 1e-6;

// Up to which frequency irreps of a continuous group are looked for.
const HIGHEST_FREQUENCY = 64;

interface Part {
  readonly irrep: IrreducibleRepresentation;
  readonly copies: readonly Float64Array[];
}

/**
 * The irreps of a representation and the basis in which it is their sum. Canonical: it depends on the matrices alone, and
 * is the same to the bit on every machine. Irreps come in the order of `group.irreps()`, copies by the axes they lie
 * closest to; Q is orthogonal when ρ is.
 *
 * @param group The group.
 * @param matrix ρ(g), row-major [size, size].
 * @param size The dimension of ρ.
 * @throws {@linkcode GroupError} when the matrices are not of that size or no representation.
 */
export function decomposeRepresentation(
  group: Group,
  matrix: (g: GroupElement) => Float64Array,
  size: number,
): Decomposition {
  const wrong = [group.identity, ...group.generators].map(matrix).find((m) => m.length !== size * size);
  if (!Number.isInteger(size) || size < 1 || wrong !== undefined) {
    throw new GroupError({
      op: `decomposeRepresentation of ${group.name}`,
      expected: `matrices of ${size} × ${size} numbers`,
      actual: wrong === undefined ? `the dimension ${size}` : `${wrong.length} numbers`,
    });
  }
  const parts = group.isContinuous ? continuousParts(group, matrix, size) : finiteParts(group, matrix, size);
  const irreps: IrrepId[] = [];
  const changeOfBasis = new Float64Array(size * size);
  let column = 0;
  for (const { irrep, copies } of parts) {
    const d = irrep.size;
    for (const b of copies) {
      for (let i = 0; i < size; i++) {
        for (let c = 0; c < d && column + c < size; c++) changeOfBasis[i * size + column + c] = b[i * d + c];
      }
      irreps.push(irrep.id);
      column += d;
    }
  }
  if (column !== size) {
    throw notARepresentation(group, `irreps of dimension ${column} in a space of dimension ${size}`);
  }
  requireIntertwining(group, matrix, size, irreps, changeOfBasis);
  return { irreps, changeOfBasis };
}

function notARepresentation(group: Group, actual: string): GroupError {
  return new GroupError({
    op: `decomposeRepresentation of ${group.name}`,
    expected: "a homomorphism into invertible matrices, ρ(g) ρ(h) = ρ(g h)",
    actual,
    hint: "Check the matrices at products of generators.",
  });
}

function requireIntertwining(
  group: Group,
  matrix: (g: GroupElement) => Float64Array,
  n: number,
  irreps: readonly IrrepId[],
  q: Float64Array,
): void {
  for (const g of group.generators) {
    const left = multiplyMatrices(matrix(g), q, n, n, n);
    const right = new Float64Array(n * n);
    let offset = 0;
    for (const id of irreps) {
      const irrep = group.irrep(...id);
      const [d, m] = [irrep.size, irrep.matrix(g)];
      for (let i = 0; i < n; i++) {
        for (let k = 0; k < d; k++) {
          const v = q[i * n + offset + k];
          if (v !== 0) { for (let c = 0; c < d; c++) right[i * n + offset + c] += v * m[k * d + c]; }
        }
      }
      offset += d;
    }
    const error = maximumDifference(left, right);
    if (!(error <= TOLERANCE)) throw notARepresentation(group, `a matrix of ${g} that is off by ${error}`);
  }
}

function finiteParts(group: Group, matrix: (g: GroupElement) => Float64Array, size: number): Part[] {
  const elements = group.elements;
  const rho = elements.map(matrix);
  const traces = rho.map((m) => {
    let trace = 0;
    for (let i = 0; i < size; i++) trace += m[i * size + i];
    return trace;
  });
  const parts: Part[] = [];
  for (const irrep of group.irreps()) {
    let inner = 0;
    elements.forEach((g, i) => inner += traces[i] * irrep.character(g));
    const copies = inner / (elements.length * irrep.endomorphismCount);
    const count = Math.floor(copies + 0.5);
    if (!(Math.abs(copies - count) <= TOLERANCE)) {
      throw notARepresentation(group, `${copies} copies of ${irrep.name}`);
    }
    if (count === 0) continue;
    const { endomorphisms } = irrep;
    const psi = { size: irrep.size, endomorphisms, matrices: elements.map((g) => irrep.matrix(g)) };
    const found = embedIrrep(psi, rho, size, count);
    if (found === undefined) throw notARepresentation(group, `fewer than ${count} copies of ${irrep.name}`);
    parts.push({ irrep, copies: found });
  }
  return parts;
}

function continuousParts(group: Group, matrix: (g: GroupElement) => Float64Array, size: number): Part[] {
  const generators = group.generators.map((g) => ({ g, rho: matrix(g) }));
  const parts: Part[] = [];
  let [known, total] = [0, 0];
  for (let frequency = 0; frequency <= HIGHEST_FREQUENCY && total < size; frequency++) {
    const irreps = group.irreps(frequency);
    // The list of a higher frequency extends that of a lower one, but not always at its end.
    const news = irreps.filter((irrep) => irrep.frequency === frequency);
    known += news.length;
    if (known !== irreps.length) throw new TypeError(`${group.name} lists irreps without order of frequency.`);
    for (const irrep of news) {
      const d = irrep.size;
      if (total + d > size) continue;
      const candidates = intertwiners(generators.map(({ g, rho }) => [rho, irrep.matrix(g)]), size, d);
      const copies = independentCopies(candidates, size, d);
      if (copies.length > 0) parts.push({ irrep, copies });
      total += copies.length * d;
    }
  }
  return parts;
}

// A basis of {B [n, d] : ρ(g) B = B ψ(g)} over the given pairs of ρ(g) and ψ(g).
function* intertwiners(pairs: readonly (readonly Float64Array[])[], n: number, d: number): Generator<Float64Array> {
  const columns = n * d;
  const rows = pairs.length * columns;
  const system = new Float64Array(rows * columns);
  pairs.forEach(([rho, psi], p) => {
    for (let i = 0; i < n; i++) {
      for (let c = 0; c < d; c++) {
        const row = (p * columns + i * d + c) * columns;
        for (let k = 0; k < n; k++) system[row + k * d + c] += rho[i * n + k];
        for (let k = 0; k < d; k++) system[row + i * d + k] -= psi[k * d + c];
      }
    }
  });
  const basis = nullSpace(system, rows, columns, 1e-8);
  for (let b = 0; b < basis.length; b += columns) yield basis.subarray(b, b + columns);
}

/** Options of {@linkcode representationFromFunction} and {@linkcode representationFromGenerators}. */
export interface RepresentationOptions {
  /** For people. Default: `"custom"`. */
  readonly name?: string;
  /** escnn's tags of the non-linearities that commute with it. Default: none. */
  readonly supportedNonlinearities?: Iterable<string>;
}

/**
 * The representation with given matrices, decomposed into irreps.
 *
 * @param group The group.
 * @param size The dimension.
 * @param matrix ρ(g), row-major [size, size].
 * @throws {@linkcode GroupError} when the matrices are no representation.
 *
 * @example
 * ```ts
 * import { octahedralGroup, representationFromFunction } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * // Symmetric matrices of space: the scalars, and two kinds of traceless ones.
 * const octa = octahedralGroup();
 * const vector = octa.standardRepresentation;
 * const rho = representationFromFunction(octa, 9, (g) => vector.tensor(vector).matrix(g));
 * assertEquals(rho.irreps, [[0], [1], [-1], [2]]);
 * ```
 */
export function representationFromFunction(
  group: Group,
  size: number,
  matrix: (g: GroupElement) => Float64Array,
  options: RepresentationOptions = {},
): Representation {
  const { irreps, changeOfBasis } = decomposeRepresentation(group, matrix, size);
  const tags = new Set(options.supportedNonlinearities ?? []);
  return new MatrixRepresentation({
    group,
    name: options.name ?? "custom",
    size,
    irreps,
    changeOfBasis,
    kind: tags.has("pointwise") ? "pointwise" : "general",
    supportedNonlinearities: tags,
  });
}

/**
 * The representation of a finite group with given matrices at its generators.
 *
 * @param group A finite group.
 * @param matrices ρ(g), row-major [size, size], for each g of `group.generators` in order.
 * @param size The dimension.
 * @throws {@linkcode GroupError} for a continuous group, a wrong number of matrices, and matrices that violate a relation
 * between the generators: then they are those of no homomorphism.
 */
export function representationFromGenerators(
  group: Group,
  matrices: readonly Float64Array[],
  size: number,
  options: RepresentationOptions = {},
): Representation {
  const op = `representationFromGenerators of ${group.name}`;
  if (group.isContinuous) {
    throw new GroupError({
      op,
      expected: "a finite group",
      actual: group.name,
      hint: "Give its matrices as a function: representationFromFunction.",
    });
  }
  const generators = group.generators;
  if (matrices.length !== generators.length || matrices.some((m) => m.length !== size * size)) {
    throw new GroupError({
      op,
      expected: `${generators.length} matrices of ${size} × ${size} numbers, one for each of ${generators.join(", ")}`,
      actual: `matrices of ${matrices.map((m) => m.length).join(", ")} numbers`,
    });
  }
  const rho = extendToGroup(group, matrices, size, op);
  return representationFromFunction(group, size, (g) => rho[group.indexOf(g)], options);
}

function extendToGroup(group: Group, matrices: readonly Float64Array[], n: number, op: string): Float64Array[] {
  const { elements, generators } = group;
  const start = group.indexOf(group.identity);
  const found: Float64Array[] = new Array(elements.length);
  const identity = new Float64Array(n * n);
  for (let i = 0; i < n; i++) identity[i * n + i] = 1;
  found[start] = identity;
  const queue = [start];
  for (const at of queue) {
    generators.forEach((g, k) => {
      const next = group.indexOf(g.multiply(elements[at]));
      const m = multiplyMatrices(matrices[k], found[at], n, n, n);
      if (found[next] === undefined) {
        found[next] = m;
        queue.push(next);
        return;
      }
      const error = maximumDifference(found[next], m);
      if (!(error <= TOLERANCE)) {
        throw new GroupError({
          op,
          expected: "matrices that satisfy the relations of the generators",
          actual: `two matrices of ${elements[next]} that differ by ${error}`,
        });
      }
    });
  }
  return found;
}
