/**
 * Clebsch-Gordan coefficients of SO(3) between real irreps: those of angular momenta, with both bases turned from complex
 * to real spherical harmonics. The real or the imaginary part is what remains, by the parity of the three frequencies;
 * signs are escnn's.
 */

import type { ClebschGordan } from "./types.ts";
import { clebschGordanTable } from "./wigner_symbols.ts";

const H = Math.sqrt(0.5);

// The coefficient of the complex harmonic c = ±m in the real harmonic m: its real and its imaginary part.
function realPart(m: number, c: number): number {
  if (m < 0) return 0;
  if (m === 0) return 1;
  return c === m && m % 2 !== 0 ? -H : H;
}
function imaginaryPart(m: number, c: number): number {
  if (m >= 0) return 0;
  return c === m || m % 2 !== 0 ? -H : H;
}

/**
 * The coefficients C of D^m ⊗ D^n → D^j with (D^m ⊗ D^n) C = C D^j, [2m+1, 2n+1, copies, 2j+1]: one copy if
 * |m − n| ≤ j ≤ m + n, else none.
 */
export function clebschGordanRotations(m: number, n: number, j: number): ClebschGordan {
  if (j < Math.abs(m - n) || j > m + n) return { copies: 0, coefficients: new Float64Array(0) };
  const [rows, width] = [2 * n + 1, 2 * j + 1];
  const coefficients = new Float64Array((2 * m + 1) * rows * width);
  const imaginary = (m + n + j) % 2 !== 0;
  const table = clebschGordanTable(m, n, j);
  for (let a = -m; a <= m; a++) {
    for (let b = -n; b <= n; b++) {
      const row = ((a + m) * rows + b + n) * width;
      for (let m1 = a;; m1 = -a) {
        const [re1, im1] = [realPart(a, m1), imaginaryPart(a, m1)];
        for (let m2 = b;; m2 = -b) {
          const sum = m1 + m2;
          const c = Math.abs(sum) > j ? 0 : table[(m1 + m) * rows + m2 + n];
          if (c !== 0) {
            const [re2, im2] = [realPart(b, m2), imaginaryPart(b, m2)];
            const [re, im] = [c * (re1 * re2 - im1 * im2), c * (re1 * im2 + im1 * re2)];
            for (let target = sum;; target = -sum) {
              const [re3, im3] = [realPart(target, sum), imaginaryPart(target, sum)];
              coefficients[row + target + j] += imaginary ? im * re3 - re * im3 : re * re3 + im * im3;
              if (target === -sum) break;
            }
          }
          if (m2 === -b) break;
        }
        if (m1 === -a) break;
      }
    }
  }
  return { copies: 1, coefficients };
}
