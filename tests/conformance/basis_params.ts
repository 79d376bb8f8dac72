// The runner of basis_params.json.gz: default rings, widths and cut-offs, grids, harmonics, initialization.

import { circularHarmonics } from "../../src/kernels/angular.ts";
import {
  type BasisParameters,
  convolutionParameters,
  gridCoordinates,
  pointConvolutionParameters,
} from "../../src/kernels/basis_parameters.ts";
import { gaussianProfile } from "../../src/kernels/radial.ts";
import { CircularShells, type Shells, SphericalShells } from "../../src/kernels/shells.ts";
import { harmonicPolynomials } from "../../src/kernels/spherical.ts";
import { heStandardDeviation, weightLayout } from "../../src/kernels/weight_layout.ts";
import {
  type Case,
  CheckFailure,
  close,
  list,
  number,
  numbers,
  object,
  type Runners,
  same,
  sameSet,
  tensor,
} from "./check.ts";
import { representationOf, spaceOf } from "./descriptions.ts";
import { kernelOptionsOf } from "./kernels.ts";

function closeParameters(c: Case, got: BasisParameters): void {
  close("rings", got.rings.map((r) => r.radius), numbers(c.expect.rings), c.tolerance);
  close("sigma", got.rings.map((r) => r.sigma), numbers(c.expect.sigma), c.tolerance);
  same("cutoff", got.cutoffs, c.expect.cutoff);
  same("maximum frequency", got.maximumFrequency, c.expect.maximumFrequency);
}

function transposed(values: Float64Array, rows: number): Float64Array {
  const columns = values.length / rows;
  return Float64Array.from(values, (_, i) => values[i % rows * columns + Math.floor(i / rows)]);
}

// [points, functions] in the basis in which the group acts: the functions lie along the grid, and the axis of the group turns
// the components of a harmonic.
function shellValues(
  basis: Shells,
  points: { readonly shape: readonly number[]; readonly data: Float64Array },
): Float64Array {
  const count = points.shape[0];
  const functions = basis.sample(points.data);
  const got = new Float64Array(functions.length);
  let row = 0;
  for (const { size, rings, components } of basis.harmonics) {
    for (let r = 0; r < rings.length; r++, row += size) {
      for (let a = 0; a < size; a++) {
        for (let b = 0; b < size; b++) {
          for (let p = 0; p < count; p++) {
            got[(row + a) * count + p] += components[a * size + b] * functions[(row + b) * count + p];
          }
        }
      }
    }
  }
  return transposed(got, got.length / count);
}

/** The kinds of basis_params.json.gz. */
export const basisParameterRunners: Runners = {
  "convolution-parameters"(c) {
    const dimension = number(c.dimension);
    if (dimension !== 2 && dimension !== 3) throw new CheckFailure(`malformed case: dimension ${dimension}`);
    closeParameters(c, convolutionParameters(dimension, kernelOptionsOf(c)));
  },
  "point-convolution-parameters"(c) {
    closeParameters(
      c,
      pointConvolutionParameters({
        width: c.width === undefined ? undefined : number(c.width),
        ringCount: c.nRings === undefined ? undefined : number(c.nRings),
        rings: c.rings === undefined ? undefined : numbers(c.rings),
        sigma: c.sigma === undefined ? undefined : typeof c.sigma === "number" ? c.sigma : numbers(c.sigma),
        frequenciesCutoff: c.frequenciesCutoff === undefined ? undefined : number(c.frequenciesCutoff),
      }),
    );
  },
  "grid-coordinates"(c) {
    const shape = Array.from({ length: number(c.dimension) }, () => number(c.kernelSize));
    close("points", gridCoordinates(shape, number(c.dilation)), tensor(c.expect.points).data, c.tolerance);
  },
  "circular-harmonics"(c) {
    const points = list(c.points).map(numbers);
    const [x, y] = [points.map((p) => p[0]), points.map((p) => p[1])];
    const highest = number(c.L);
    const values = circularHarmonics(highest, x, y, number(c.axis));
    close("values", transposed(values, 2 * highest + 1), tensor(c.expect.values).data, c.tolerance);
  },
  "gaussian-profile"(c) {
    const [radii, sigma] = [numbers(c.radii), numbers(c.sigma)];
    const got = numbers(c.at).flatMap((r) => radii.map((radius, i) => gaussianProfile(r, { radius, sigma: sigma[i] })));
    close("values", got, tensor(c.expect.values).data, c.tolerance);
  },
  "circular-shells"(c) {
    const [radii, sigma] = [numbers(c.radii), numbers(c.sigma)];
    const basis = new CircularShells({
      subgroupId: [0, -1],
      rings: radii.map((radius, i) => ({ radius, sigma: sigma[i] })),
      maximumFrequency: number(c.L),
      axis: number(c.axis),
    });
    close("values", shellValues(basis, tensor(c.points)), tensor(c.expect.values).data, c.tolerance);
  },
  "harmonic-polynomials"(c) {
    const highest = number(c.L);
    const values = harmonicPolynomials(highest, tensor(c.points).data);
    close("values", transposed(values, (highest + 1) * (highest + 1)), tensor(c.expect.values).data, c.tolerance);
  },
  "spherical-shells"(c) {
    const [radii, sigma] = [numbers(c.radii), numbers(c.sigma)];
    const basis = new SphericalShells({
      subgroupId: ["o3"],
      rings: radii.map((radius, i) => ({ radius, sigma: sigma[i] })),
      maximumFrequency: number(c.L),
    });
    close("values", shellValues(basis, tensor(c.points)), tensor(c.expect.values).data, c.tolerance);
  },
  "init-std"(c) {
    const space = spaceOf(c.space);
    const irreps = (key: "in" | "out") => list(c[key]).map((rho) => representationOf(space.fibergroup, rho).irreps);
    const layout = weightLayout(space.kernelTables(kernelOptionsOf(c)), irreps("in"), irreps("out"));
    same("weights", layout.size, c.expect.weights);
    const expected = list(c.expect.pairs).map(object);
    const got = layout.matrices.flatMap((matrix) =>
      matrix.blocks.map((block) => ({
        in: block.inIrrep,
        out: matrix.outIrrep,
        std: heStandardDeviation(matrix, block),
        count: matrix.copies.length * block.copies.length * block.table.pathCount,
      }))
    );
    sameSet("pairs", got.map((g) => [g.in, g.out]), expected.map((e) => [e.in, e.out]));
    for (const pair of expected) {
      const match = got.find((g) => JSON.stringify([g.in, g.out]) === JSON.stringify([pair.in, pair.out]))!;
      const std = list(pair.std).map(numbers);
      same("number of standard deviations", std.length, 1);
      close("standard deviation", [match.std], [std[0][0]], c.tolerance);
      same("count", match.count, std[0][1]);
    }
  },
};
