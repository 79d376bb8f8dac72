// Steerable differential operators: exact on polynomials, orders of accuracy on Gaussians, the constraint on the grid.
// covers: src/kernels/radial_derivatives.ts

import { assert, assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import * as gspaces from "../../src/gspaces/mod.ts";
import type { GSpace } from "../../src/gspaces/mod.ts";
import {
  DiffopBasis,
  diffopGrid,
  type DiffopOptions,
  functionCount,
  harmonicPolynomialsByDegree,
  KernelError,
  type Polynomial,
  subgroupAction,
} from "../../src/kernels/mod.ts";
import { multiplyMatrices } from "../../src/math/linear_algebra.ts";
import { test } from "../support/test.ts";

type Monomial = readonly number[];

function basisOf(d: 1 | 2 | 3, options: DiffopOptions): DiffopBasis {
  return new DiffopBasis(subgroupAction(d, d === 1 ? [2] : d === 2 ? [null, 4] : [false, "octa"]), options);
}

function exponents(key: string): number[] {
  return key.split(",").map(Number);
}

// The symbols in the order of the functions: harmonic polynomials times powers of Σ x².
function symbolsOf(basis: DiffopBasis): Polynomial[] {
  const d = basis.dimensionality;
  const square = (p: Polynomial): Polynomial => {
    const out = new Map<string, number>();
    for (const [key, v] of p) {
      for (let axis = 0; axis < d; axis++) {
        const raised = exponents(key).map((e, i) => i === axis ? e + 2 : e).join(",");
        out.set(raised, (out.get(raised) ?? 0) + v);
      }
    }
    return out;
  };
  return basis.harmonics.flatMap(({ frequency, rings }) =>
    rings.flatMap((k) =>
      harmonicPolynomialsByDegree(d, frequency)[frequency].map((p) => {
        let symbol: Polynomial = p;
        for (let i = 0; i < k; i++) symbol = square(symbol);
        return symbol;
      })
    )
  );
}

function factorial(n: number): number {
  return n <= 1 ? 1 : n * factorial(n - 1);
}

function monomials(d: number, degree: number): Monomial[] {
  if (d === 0) return [[]];
  return Array.from({ length: degree + 1 }, (_, e) => monomials(d - 1, degree - e).map((rest) => [e, ...rest])).flat();
}

// The largest error of the stencils on monomials up to a degree, against the derivatives at the origin.
function errorOnMonomials(d: 1 | 2 | 3, options: DiffopOptions, degree: number): number {
  const basis = basisOf(d, options);
  const points = diffopGrid(d, options);
  const stencils = basis.sample(points);
  const taps = points.length / d;
  let worst = 0;
  symbolsOf(basis).forEach((symbol, row) => {
    for (const monomial of monomials(d, degree)) {
      const exact = (symbol.get(monomial.join(",")) ?? 0) * monomial.reduce((p, e) => p * factorial(e), 1);
      let got = 0;
      for (let t = 0; t < taps; t++) {
        got += stencils[row * taps + t] * monomial.reduce((p, e, i) => p * points[t * d + i] ** e, 1);
      }
      worst = Math.max(worst, Math.abs(got - exact));
    }
  });
  return worst;
}

for (const d of [1, 2, 3] as const) {
  test(`finite differences in ${d} dimensions are exact on polynomials of degree accuracy − 1 to 1e-9`, () => {
    for (const maximumOrder of d === 3 ? [1, 2] : [1, 2, 3, 4]) {
      for (const accuracy of [2, 4]) {
        // An operator of order n is exact to degree n + accuracy − 1: all of them to that of order 0.
        assert(errorOnMonomials(d, { maximumOrder, accuracy }, accuracy - 1) < 1e-9, `${maximumOrder} ${accuracy}`);
      }
    }
  });

  test(`RBF stencils in ${d} dimensions are exact on the polynomials that they are asked for to 1e-8`, () => {
    const options = { maximumOrder: 2, discretization: "rbf" as const, kernelSize: 5 };
    assert(errorOnMonomials(d, options, 2) < 1e-8);
    assert(errorOnMonomials(d, { ...options, polynomialDegree: 3 }, 3) < 1e-8);
    assert(errorOnMonomials(d, { ...options, radialFunction: "gaussian", polynomialDegree: 2 }, 2) < 1e-8);
  });
}

test("finite differences of order n are exact on monomials of degree n + accuracy − 1 of the same axis", () => {
  for (const [order, accuracy] of [[1, 2], [2, 2], [3, 4], [4, 2]]) {
    const basis = basisOf(1, { maximumOrder: order, accuracy });
    const points = diffopGrid(1, { maximumOrder: order, accuracy });
    const stencils = basis.sample(points);
    const last = basis.harmonics.flatMap((h) => h.orders!).indexOf(order);
    for (let degree = 0; degree <= order + accuracy - 1; degree++) {
      const got = points.reduce((sum, x, t) => sum + stencils[last * points.length + t] * x ** degree, 0);
      assertAlmostEquals(got, degree === order ? factorial(order) : 0, 1e-8);
    }
  }
});

// The error of all operators on exp(−|x − c|²/2) sampled with a distance h, against its exact derivatives at the origin.
function errorOnGaussian(d: 1 | 2 | 3, options: DiffopOptions, h: number): number {
  const basis = basisOf(d, options);
  const points = diffopGrid(d, options);
  const taps = points.length / d;
  const stencils = basis.sample(points);
  const centre = [0.3, -0.5, 0.2].slice(0, d);
  const hermite = (n: number, x: number): number => {
    let [previous, current] = [0, 1];
    for (let k = 0; k < n; k++) [previous, current] = [current, x * current - k * previous];
    return current;
  };
  // ∂^n exp(−x²/2) = (−1)^n He_n(x) exp(−x²/2)
  const derivative = (n: number, x: number): number => (n % 2 === 0 ? 1 : -1) * hermite(n, x) * Math.exp(-x * x / 2);
  let worst = 0;
  symbolsOf(basis).forEach((symbol, row) => {
    let exact = 0;
    let order = 0;
    for (const [key, v] of symbol) {
      const e = exponents(key);
      order = e.reduce((a, b) => a + b, 0);
      exact += v * e.reduce((p, n, i) => p * derivative(n, -centre[i]), 1);
    }
    let got = 0;
    for (let t = 0; t < taps; t++) {
      let rr = 0;
      for (let i = 0; i < d; i++) rr += (h * points[t * d + i] - centre[i]) ** 2;
      got += stencils[row * taps + t] * Math.exp(-rr / 2);
    }
    worst = Math.max(worst, Math.abs(got / h ** order - exact));
  });
  return worst;
}

test("finite differences of a Gaussian converge with the accuracy that is asked for", () => {
  for (const d of [1, 2, 3] as const) {
    for (const accuracy of [2, 4]) {
      const options = { maximumOrder: 2, accuracy };
      const rate = Math.log2(errorOnGaussian(d, options, 0.1) / errorOnGaussian(d, options, 0.05));
      assert(Math.abs(rate - accuracy) < 0.15, `dimension ${d}, accuracy ${accuracy}: rate ${rate}`);
    }
  }
});

test("RBF stencils of a Gaussian converge at least with the second power of the distance", () => {
  const options = { maximumOrder: 2, discretization: "rbf" as const, kernelSize: 5, polynomialDegree: 4 };
  for (const d of [1, 2] as const) {
    const rate = Math.log2(errorOnGaussian(d, options, 0.1) / errorOnGaussian(d, options, 0.05));
    assert(rate > 1.8, `dimension ${d}: rate ${rate}`);
  }
});

test("Gaussian stencils differentiate the blurred field: exact on polynomials to 1e-6", () => {
  // The blur of x² is x² + σ²; derivatives commute with it.
  const options = { maximumOrder: 2, discretization: "gaussian" as const, kernelSize: 17, smoothing: 1.3 };
  const points = diffopGrid(2, options);
  const basis = basisOf(2, options);
  const stencils = basis.sample(points);
  const rows = symbolsOf(basis);
  const apply = (row: number, f: (x: number, y: number) => number): number => {
    let sum = 0;
    for (let t = 0; t < 289; t++) sum += stencils[row * 289 + t] * f(points[2 * t], points[2 * t + 1]);
    return sum;
  };
  // Functions: 1, Δ, ∂x, ∂y, ∂x² − ∂y², 2∂x∂y.
  assertEquals(rows.length, 6);
  const f = (x: number, y: number): number => 2 + 3 * x - y + x * x + 5 * x * y - 2 * y * y;
  const expected = [2 + 1.69 * (1 - 2), -2, 3, -1, 6, 10];
  expected.forEach((v, row) => assertAlmostEquals(apply(row, f), v, 1e-6));
});

const DISCRETIZATIONS: readonly DiffopOptions[] = [
  { maximumOrder: 3 },
  { maximumOrder: 3, discretization: "gaussian", kernelSize: 5 },
  { maximumOrder: 3, discretization: "rbf", kernelSize: 5 },
];
const SPACES: readonly GSpace[] = [
  gspaces.flipOnR1(),
  gspaces.flipRot2dOnR2(4),
  gspaces.rot2dOnR2(4),
  gspaces.octaOnR3(),
  gspaces.fullOctaOnR3(),
];

for (const options of DISCRETIZATIONS) {
  const name = options.discretization ?? "finiteDifference";
  test(`diffopTables (${name}): K(gx) = ρ_out(g) K(x) ρ_in(g)⁻¹ to 1e-9 on grids that the group maps onto themselves`, () => {
    for (const space of SPACES) {
      const d = space.dimensionality as 1 | 2 | 3;
      const limited = d === 3 ? { ...options, maximumOrder: 2, kernelSize: 3, accuracy: 2 } : options;
      const tables = space.diffopTables(limited);
      const points = diffopGrid(d, limited);
      const taps = tables.points;
      const irreps = space.irreps(1).slice(0, 4).map((psi) => psi.id);
      for (const g of space.fibergroup.generators) {
        const moved = Array.from({ length: taps }, (_, t) => {
          const x = multiplyMatrices(space.baseSpaceAction(g), points.slice(t * d, t * d + d), d, d, 1);
          return Array.from({ length: taps }, (_, s) => s).find((s) =>
            x.every((v, i) => Math.abs(v - points[s * d + i]) < 1e-9)
          )!;
        });
        for (const i of irreps) {
          for (const o of irreps) {
            const table = tables.pair(i, o);
            const [n, m] = [table.outSize, table.inSize];
            const sampled = table.sampled();
            const out = space.irrep(...o).matrix(g);
            const inverse = space.irrep(...i).matrix(g.inverse());
            for (let p = 0; p < table.pathCount; p++) {
              const at = (t: number): Float64Array =>
                Float64Array.from({ length: n * m }, (_, e) => sampled[(p * n * m + e) * taps + t]);
              for (let t = 0; t < taps; t += 3) {
                const expected = multiplyMatrices(multiplyMatrices(out, at(t), n, n, m), inverse, n, m, m);
                at(moved[t]).forEach((v, e) => assertAlmostEquals(v, expected[e], 1e-9));
              }
            }
          }
        }
      }
    }
  });
}

test("diffopTables: scalars to vectors is the gradient, scalars to scalars powers of the Laplacian", () => {
  const space = gspaces.flipRot2dOnR2(-1, { axis: 0 });
  const tables = space.diffopTables({ maximumOrder: 4 });
  assertEquals(tables.pair([0, 0], [0, 0]).paths.map((p) => p.order), [0, 2, 4]);
  assertEquals(tables.pair([0, 0], [1, 1]).paths.map((p) => [p.frequency, p.order]), [[1, 1], [1, 3]]);
  const gradient = space.diffopTables({ maximumOrder: 1 }).pair([0, 0], [1, 1]).sampled();
  // (∂x, ∂y) on 3 × 3 taps, y upwards, normalized to Σ K² = 2.
  const h = Math.sqrt(0.5);
  assertEquals([...gradient].map((v) => Math.round(1e6 * v / h) / 1e6 + 0), [
    ...[0, 0, 0, -1, 0, 1, 0, 0, 0],
    ...[0, 1, 0, 0, 0, 0, 0, -1, 0],
  ]);
  assertEquals(space.diffopTables({ maximumOrder: 4, maximumPower: 1 }).pair([0, 0], [0, 0]).pathCount, 2);
  assertEquals(space.diffopTables({ maximumOrder: 1 }) === space.diffopTables({ maximumOrder: 1 }), true);
});

test("DiffopBasis refuses kernels too small, odd accuracies and exponents that are too low", () => {
  const wrong: readonly (readonly [DiffopOptions, string])[] = [
    [{ maximumOrder: 3, kernelSize: 3 }, "5 taps or more along each axis for derivatives of order 3 with accuracy 2"],
    [{ maximumOrder: 1, accuracy: 3 }, "even accuracy, got 3"],
    [{ maximumOrder: -1 }, "maximumOrder to be an integer of 0 or more, got -1"],
    [{ maximumOrder: 1, discretization: "rbf" }, 'a kernelSize for discretization "rbf"'],
  ];
  for (const [options, text] of wrong) {
    assertStringIncludes(assertThrows(() => basisOf(2, options), KernelError).message, text);
  }
  const options: DiffopOptions = { maximumOrder: 3, discretization: "rbf", kernelSize: 5, exponent: 3 };
  const low = assertThrows(() => basisOf(2, options).sample(diffopGrid(2, options)), KernelError);
  assertStringIncludes(low.message, "odd exponent above 3, got 3");
  const off = assertThrows(() => basisOf(2, { maximumOrder: 1 }).sample(new Float64Array(18)), KernelError);
  assertStringIncludes(off.message, "9 taps of diffopGrid");
  assertEquals(functionCount(basisOf(2, { maximumOrder: 2 })), 6);
});
