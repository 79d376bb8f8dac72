/**
 * Small dense float64 matrices in row-major `Float64Array`s: products, inverses, and null spaces and orthonormal bases
 * in a canonical form that depends on the space alone, so that every machine finds the same basis. Dimensions are
 * passed beside the data. Nothing here is meant for matrices beyond some thousand rows.
 */

/** The n × n identity. */
export function identityMatrix(n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) out[i * n + i] = 1;
  return out;
}

/** The product of `a` [n, m] and `b` [m, p]: [n, p]. Zeros in `a` are skipped, so sparse matrices are cheap. */
export function multiplyMatrices(a: Float64Array, b: Float64Array, n: number, m: number, p: number): Float64Array {
  const out = new Float64Array(n * p);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < m; k++) {
      const v = a[i * m + k];
      if (v === 0) continue;
      for (let j = 0; j < p; j++) out[i * p + j] += v * b[k * p + j];
    }
  }
  return out;
}

/** The transpose of `a` [rows, columns]: [columns, rows]. */
export function transposeMatrix(a: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = a[i * columns + j];
  return out;
}

/** The block-diagonal matrix of square blocks of the given sizes. */
export function blockDiagonal(blocks: readonly Float64Array[], sizes: readonly number[]): Float64Array {
  let n = 0;
  for (const s of sizes) n += s;
  const out = new Float64Array(n * n);
  let at = 0;
  for (let b = 0; b < blocks.length; b++) {
    const s = sizes[b];
    for (let i = 0; i < s; i++) for (let j = 0; j < s; j++) out[(at + i) * n + at + j] = blocks[b][i * s + j];
    at += s;
  }
  return out;
}

/** The Kronecker product of square matrices `a` [n, n] and `b` [m, m]: [n m, n m], `a` major. */
export function kronecker(a: Float64Array, b: Float64Array, n: number, m: number): Float64Array {
  const size = n * m;
  const out = new Float64Array(size * size);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const v = a[i * n + j];
      if (v === 0) continue;
      for (let k = 0; k < m; k++) {
        for (let l = 0; l < m; l++) out[(i * m + k) * size + j * m + l] = v * b[k * m + l];
      }
    }
  }
  return out;
}

/** The largest absolute difference of the entries of two arrays of equal length; NaN where an entry is NaN. */
export function maximumDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs(a[i] - b[i]);
    if (!(d <= largest)) largest = d;
  }
  return largest;
}

/** Whether `qᵀ q` is the identity to within `tolerance`, for `q` [n, n]. */
export function isOrthogonal(q: Float64Array, n: number, tolerance = 1e-9): boolean {
  return maximumDifference(multiplyMatrices(transposeMatrix(q, n, n), q, n, n, n), identityMatrix(n)) <= tolerance;
}

/**
 * Solves `a x = b` for `a` [n, n] and `b` [n, columns] by Gaussian elimination with partial pivoting; `undefined` when
 * `a` is singular (a pivot below 1e-13 of the largest entry of `a`).
 */
export function solveLinear(
  a: Float64Array,
  b: Float64Array,
  n: number,
  columns: number,
): Float64Array | undefined {
  const m = a.slice();
  const x = b.slice();
  let scale = 0;
  for (const v of m) scale = Math.max(scale, Math.abs(v));
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(m[i * n + k]) > Math.abs(m[pivot * n + k])) pivot = i;
    const p = m[pivot * n + k];
    if (!(Math.abs(p) > 1e-13 * scale)) return undefined;
    if (pivot !== k) {
      for (let j = 0; j < n; j++) [m[k * n + j], m[pivot * n + j]] = [m[pivot * n + j], m[k * n + j]];
      for (let j = 0; j < columns; j++) {
        [x[k * columns + j], x[pivot * columns + j]] = [x[pivot * columns + j], x[k * columns + j]];
      }
    }
    for (let i = k + 1; i < n; i++) {
      const f = m[i * n + k] / p;
      if (f === 0) continue;
      for (let j = k; j < n; j++) m[i * n + j] -= f * m[k * n + j];
      for (let j = 0; j < columns; j++) x[i * columns + j] -= f * x[k * columns + j];
    }
  }
  for (let k = n - 1; k >= 0; k--) {
    for (let j = 0; j < columns; j++) {
      let v = x[k * columns + j];
      for (let i = k + 1; i < n; i++) v -= m[k * n + i] * x[i * columns + j];
      x[k * columns + j] = v / m[k * n + k];
    }
  }
  return x;
}

/** The inverse of `a` [n, n], or `undefined` when it is singular. */
export function invertMatrix(a: Float64Array, n: number): Float64Array | undefined {
  return solveLinear(a, identityMatrix(n), n, n);
}

/**
 * An orthonormal basis [rank, columns] of the row space of `a` [rows, columns]: modified Gram-Schmidt, twice, taking
 * the longest remaining row first. Rows shorter than `tolerance` times the longest one count as zero.
 */
export function rowSpace(a: Float64Array, rows: number, columns: number, tolerance = 1e-9): Float64Array {
  const rest = a.slice();
  const basis: Float64Array[] = [];
  const used = new Uint8Array(rows);
  let largest = 0;
  for (let step = 0; step < Math.min(rows, columns); step++) {
    let best = -1;
    let bestNorm = 0;
    for (let i = 0; i < rows; i++) {
      if (used[i]) continue;
      const norm = dot(rest, i * columns, rest, i * columns, columns);
      if (norm > bestNorm) {
        bestNorm = norm;
        best = i;
      }
    }
    if (step === 0) largest = Math.sqrt(bestNorm);
    if (best < 0 || Math.sqrt(bestNorm) <= tolerance * largest) break;
    used[best] = 1;
    const v = rest.slice(best * columns, (best + 1) * columns);
    for (const q of basis) {
      const c = dot(q, 0, v, 0, columns);
      for (let j = 0; j < columns; j++) v[j] -= c * q[j];
    }
    const norm = Math.sqrt(dot(v, 0, v, 0, columns));
    for (let j = 0; j < columns; j++) v[j] /= norm;
    basis.push(v);
    for (let i = 0; i < rows; i++) {
      if (used[i]) continue;
      const c = dot(v, 0, rest, i * columns, columns);
      for (let j = 0; j < columns; j++) rest[i * columns + j] -= c * v[j];
    }
  }
  const out = new Float64Array(basis.length * columns);
  basis.forEach((v, i) => out.set(v, i * columns));
  return out;
}

/**
 * The canonical orthonormal basis [dimension, n] of the subspace of Rⁿ that the symmetric projector `p` [n, n] projects
 * onto: the projections of the coordinate axes in order, orthonormalized, those that add nothing left out. It depends on
 * the subspace alone; the first component of each vector that is free to be chosen is positive.
 */
export function canonicalBasis(p: Float64Array, n: number): Float64Array {
  const basis: Float64Array[] = [];
  for (let axis = 0; axis < n; axis++) {
    const v = new Float64Array(n);
    for (let j = 0; j < n; j++) v[j] = p[j * n + axis];
    for (let pass = 0; pass < 2; pass++) {
      for (const q of basis) {
        const c = dot(q, 0, v, 0, n);
        for (let j = 0; j < n; j++) v[j] -= c * q[j];
      }
      const norm = Math.sqrt(dot(v, 0, v, 0, n));
      if (pass === 0 && norm < 1e-6) break;
      for (let j = 0; j < n; j++) v[j] /= norm;
      if (pass === 1) {
        for (let j = 0; j < n; j++) if (Math.abs(v[j]) < 1e-14) v[j] = 0;
        basis.push(v);
      }
    }
  }
  const out = new Float64Array(basis.length * n);
  basis.forEach((v, i) => out.set(v, i * n));
  return out;
}

/**
 * The canonical orthonormal basis [dimension, columns] of the null space of `a` [rows, columns] (see
 * {@link canonicalBasis}); directions that `a` shrinks below `tolerance` of its longest row count as null.
 */
export function nullSpace(a: Float64Array, rows: number, columns: number, tolerance = 1e-9): Float64Array {
  const range = rowSpace(a, rows, columns, tolerance);
  const p = identityMatrix(columns);
  for (let k = 0; k < range.length / columns; k++) {
    for (let i = 0; i < columns; i++) {
      const v = range[k * columns + i];
      if (v === 0) continue;
      for (let j = 0; j < columns; j++) p[i * columns + j] -= v * range[k * columns + j];
    }
  }
  return canonicalBasis(p, columns);
}

/**
 * Eigenvalues, ascending, and orthonormal eigenvectors (rows of `vectors` [n, n]) of the symmetric matrix `a` [n, n], by
 * cyclic Jacobi rotations.
 */
export function symmetricEigen(a: Float64Array, n: number): { values: Float64Array; vectors: Float64Array } {
  const m = a.slice();
  const v = identityMatrix(n);
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    let total = 0;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        total += m[i * n + j] * m[i * n + j];
        if (i !== j) off += m[i * n + j] * m[i * n + j];
      }
    }
    if (off <= 1e-30 * total) break;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const apq = m[p * n + q];
        if (apq === 0) continue;
        const theta = (m[q * n + q] - m[p * n + p]) / (2 * apq);
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        for (let k = 0; k < n; k++) {
          const x = m[k * n + p];
          const y = m[k * n + q];
          m[k * n + p] = c * x - s * y;
          m[k * n + q] = s * x + c * y;
        }
        for (let k = 0; k < n; k++) {
          const x = m[p * n + k];
          const y = m[q * n + k];
          m[p * n + k] = c * x - s * y;
          m[q * n + k] = s * x + c * y;
          const vx = v[p * n + k];
          const vy = v[q * n + k];
          v[p * n + k] = c * vx - s * vy;
          v[q * n + k] = s * vx + c * vy;
        }
      }
    }
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => m[i * n + i] - m[j * n + j] || i - j);
  const values = new Float64Array(n);
  const vectors = new Float64Array(n * n);
  order.forEach((from, to) => {
    values[to] = m[from * n + from];
    vectors.set(v.subarray(from * n, (from + 1) * n), to * n);
  });
  return { values, vectors };
}

function dot(a: Float64Array, aAt: number, b: Float64Array, bAt: number, n: number): number {
  let s = 0;
  for (let i = 0; i < n; i++) s += a[aAt + i] * b[bAt + i];
  return s;
}
