/**
 * Sums and differences of mirrored taps. A function that is even or odd under reflection of an axis needs only one of the two
 * for each pair of taps: for the circular harmonics on 5 × 5 taps 63 multiplications are left of 275, for the spherical ones on
 * 5 × 5 × 5 taps 319 of 2375. Functions without symmetry come out right too, without gain.
 */

/** What stands at one place of a folded axis: a tap, or the sum or difference of two mirrored ones. */
export type Fold =
  | { readonly kind: "tap"; readonly tap: number }
  | { readonly kind: "sum" | "difference"; readonly low: number; readonly high: number };

/** The folds of an axis with `size` taps, as many as taps: the middle one, sums outwards, differences `high − low` outwards. */
export function foldsOf(size: number): Fold[] {
  const half = Math.floor(size / 2), odd = size % 2 === 1;
  const folds: Fold[] = odd ? [{ kind: "tap", tap: half }] : [];
  for (const kind of ["sum", "difference"] as const) {
    for (let q = 1; q <= half; q++) folds.push({ kind, low: half - q, high: odd ? half + q : half + q - 1 });
  }
  return folds;
}

/** A coefficient of a function on folded taps. */
export interface FoldedTerm {
  /** The fold of the depth axis. */
  readonly z: number;
  /** Of the vertical axis. */
  readonly y: number;
  /** Of the horizontal axis. */
  readonly x: number;
  /** Its factor. */
  readonly value: number;
}

/** Weights with which a fold takes part in Σ φ x: taps and factors whose sum over φ is the coefficient. */
function parts(fold: Fold): readonly (readonly [tap: number, factor: number])[] {
  if (fold.kind === "tap") return [[fold.tap, 1]];
  return [[fold.low, fold.kind === "sum" ? 0.5 : -0.5], [fold.high, 0.5]];
}

/** The functions `[count, depth, height, width]` as coefficients of folded taps; those that vanish are left out. */
export function foldedTerms(functions: Float64Array, size: readonly [number, number, number]): FoldedTerm[][] {
  const [depth, height, width] = size, taps = depth * height * width;
  const [foldsZ, foldsY, foldsX] = size.map((length) => foldsOf(length).map(parts));
  const result: FoldedTerm[][] = [];
  for (let f = 0; f < functions.length / taps; f++) {
    const greatest = functions.subarray(f * taps, (f + 1) * taps).reduce((m, value) => Math.max(m, Math.abs(value)), 0);
    const terms: FoldedTerm[] = [];
    foldsZ.forEach((partsZ, z) =>
      foldsY.forEach((partsY, y) =>
        foldsX.forEach((partsX, x) => {
          let value = 0;
          for (const [tapZ, factorZ] of partsZ) {
            for (const [tapY, factorY] of partsY) {
              for (const [tapX, factorX] of partsX) {
                value += factorZ * factorY * factorX * functions[f * taps + (tapZ * height + tapY) * width + tapX];
              }
            }
          }
          // What symmetry makes vanish is a rounding error of this size.
          if (Math.abs(value) > 1e-14 * greatest) terms.push({ z, y, x, value });
        })
      )
    );
    result.push(terms);
  }
  return result;
}
