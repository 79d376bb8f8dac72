/**
 * Intertwiners in a normal form. For a finite group the copies of an irrep in a representation are found by its projection
 * operators Σ ψ(g)_ab ρ(g) (Serre, Linear Representations of Finite Groups, 2.7); copies that are given in another way are
 * made orthogonal over the irrep's division algebra. Pivots are chosen by size, then by position: the result depends on
 * the representation alone, and its bits on nothing but IEEE arithmetic.
 */

/** An irrep on all elements of a group, in one fixed order. */
export interface IrrepMatrices {
  /** The dimension d. */
  readonly size: number;
  /** A basis of the commutant, each row-major [d, d], the identity first. */
  readonly endomorphisms: readonly Float64Array[];
  /** ψ(g), row-major [d, d], for each element g. */
  readonly matrices: readonly Float64Array[];
}

// Rounding that would otherwise decide between 0 and a number without meaning.
const NEGLIGIBLE = 1e-14;

/**
 * The copies of an irrep in a representation: `copies` matrices B [size, d] with ρ(g) B = B ψ(g) whose columns together are
 * linearly independent; orthonormal when ρ is orthogonal. `undefined` when there are fewer copies.
 *
 * @param psi The irrep ψ.
 * @param rho ρ(g), row-major [size, size], for each element in the same order.
 * @param size The dimension of ρ.
 * @param copies How many copies of ψ there are in ρ.
 */
export function embedIrrep(
  psi: IrrepMatrices,
  rho: readonly Float64Array[],
  size: number,
  copies: number,
): readonly Float64Array[] | undefined {
  if (copies === 0) return [];
  const d = psi.size;
  const scale = d / rho.length;
  // Row k holds the k-th column of the projection onto what the first axes of all copies span.
  const rest = new Float64Array(size * size);
  rho.forEach((m, g) => {
    const weight = scale * psi.matrices[g][0];
    if (weight === 0) return;
    for (let i = 0; i < size; i++) {
      for (let k = 0; k < size; k++) rest[k * size + i] += weight * m[i * size + k];
    }
  });
  const span: Float64Array[] = [];
  const found: Float64Array[] = [];
  for (let s = 0; s < copies; s++) {
    const first = pivot(rest, size, span);
    if (first === undefined) return undefined;
    const b = moveFirstAxis(psi, rho, size, first);
    found.push(b);
    for (const e of psi.endomorphisms) {
      const v = new Float64Array(size);
      for (let i = 0; i < size; i++) {
        for (let c = 0; c < d; c++) v[i] += b[i * d + c] * e[c * d];
      }
      if (!removeSpan(v, span)) return undefined;
      span.push(v);
      for (let k = 0; k < size; k++) removeDirection(rest, k * size, v);
    }
  }
  return found;
}

// The longest row, the first of those that are as long to 1e-6, scaled to norm 1.
function pivot(rows: Float64Array, size: number, span: readonly Float64Array[]): Float64Array | undefined {
  const norms = new Float64Array(size);
  let largest = 0;
  for (let k = 0; k < size; k++) {
    let norm = 0;
    for (let i = 0; i < size; i++) norm += rows[k * size + i] * rows[k * size + i];
    norms[k] = norm;
    if (norm > largest) largest = norm;
  }
  if (!(largest > 1e-8)) return undefined;
  const best = norms.findIndex((norm) => norm >= largest * (1 - 1e-6));
  const v = rows.slice(best * size, (best + 1) * size);
  return removeSpan(v, span) ? v : undefined;
}

function removeDirection(rows: Float64Array, offset: number, unit: Float64Array): void {
  let c = 0;
  for (let i = 0; i < unit.length; i++) c += unit[i] * rows[offset + i];
  if (c !== 0) { for (let i = 0; i < unit.length; i++) rows[offset + i] -= c * unit[i]; }
}

// Makes a vector orthogonal to orthonormal ones and of norm 1; false when nothing is left of it.
function removeSpan(v: Float64Array, span: readonly Float64Array[]): boolean {
  for (let pass = 0; pass < 2; pass++) {
    for (const u of span) removeDirection(v, 0, u);
    let norm = 0;
    for (let i = 0; i < v.length; i++) norm += v[i] * v[i];
    norm = Math.sqrt(norm);
    if (!(norm > 1e-4)) return false;
    for (let i = 0; i < v.length; i++) v[i] /= norm;
  }
  return true;
}

// The copy of ψ whose first axis is at v: its other axes are the images of v under the operators Σ ψ(g)_a0 ρ(g).
function moveFirstAxis(
  psi: IrrepMatrices,
  rho: readonly Float64Array[],
  size: number,
  v: Float64Array,
): Float64Array {
  const d = psi.size;
  const b = new Float64Array(size * d);
  const moved = new Float64Array(size);
  rho.forEach((m, g) => {
    for (let i = 0; i < size; i++) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += m[i * size + k] * v[k];
      moved[i] = sum;
    }
    const matrix = psi.matrices[g];
    for (let a = 0; a < d; a++) {
      const weight = matrix[a * d];
      if (weight === 0) continue;
      for (let i = 0; i < size; i++) b[i * d + a] += weight * moved[i];
    }
  });
  const scale = d / rho.length;
  for (let i = 0; i < b.length; i++) b[i] = Math.abs(b[i] * scale) < NEGLIGIBLE ? 0 : b[i] * scale;
  return b;
}

/**
 * Of intertwiners B [rows, d] from one irrep into an orthogonal representation those that add a copy, in order, made
 * orthonormal: a copy K K^T is taken out of each, what is left is a multiple of an isometry by Schur's lemma.
 *
 * @param candidates Intertwiners, each row-major [rows, d].
 * @param rows The dimension of the representation.
 * @param d The dimension of the irrep.
 */
export function independentCopies(
  candidates: Iterable<Float64Array>,
  rows: number,
  d: number,
): readonly Float64Array[] {
  const kept: Float64Array[] = [];
  const inner = new Float64Array(d * d);
  for (const candidate of candidates) {
    const b = candidate.slice();
    let scale = 0;
    for (const v of b) scale += v * v;
    if (!(scale > 1e-12)) continue;
    let isNew = true;
    for (let pass = 0; pass < 2 && isNew; pass++) {
      for (const k of kept) {
        inner.fill(0);
        for (let r = 0; r < rows; r++) {
          for (let i = 0; i < d; i++) {
            const v = k[r * d + i];
            if (v !== 0) { for (let j = 0; j < d; j++) inner[i * d + j] += v * b[r * d + j]; }
          }
        }
        for (let r = 0; r < rows; r++) {
          for (let i = 0; i < d; i++) {
            const v = k[r * d + i];
            if (v !== 0) { for (let j = 0; j < d; j++) b[r * d + j] -= v * inner[i * d + j]; }
          }
        }
      }
      let norm = 0;
      for (const v of b) norm += v * v;
      if (norm < 1e-8 * scale) {
        isNew = false;
      } else {
        const factor = Math.sqrt(d / norm);
        for (let i = 0; i < b.length; i++) b[i] = Math.abs(b[i] * factor) < NEGLIGIBLE ? 0 : b[i] * factor;
        scale = d;
      }
    }
    if (isNew) kept.push(b);
  }
  return kept;
}
