// The scalar functions of kernels at tensors of points, against the tables' own in plain arithmetic, and their derivatives.

import { assertEquals, assertThrows } from "@std/assert";
import { flipOnR1, flipRot3dOnR3, rot2dOnR2, rot3dOnR3 } from "../../../src/gspaces/mod.ts";
import {
  besselRadial,
  bumpRadial,
  gaussianRadial,
  type RadialProfile,
  type Shells,
  withCutoff,
} from "../../../src/kernels/mod.ts";
import { PointFunctions, type PointRadial } from "../../../src/nn/plain/mod.ts";
import { ArgumentError, grad, gradcheck, ShapeError, tensor } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { normal, values } from "../support.ts";

const rings = [{ radius: 0, sigma: 0.3 }, { radius: 0.8, sigma: 0.6 }, { radius: 1.5, sigma: 0.5 }];
const PROFILES: readonly (readonly [string, RadialProfile])[] = [
  ["Gaussian rings", gaussianRadial(rings)],
  ["bumps", bumpRadial(rings)],
  ["Bessel functions", besselRadial(3, { cutoff: 2 })],
  ["Gaussian rings with a cut-off", withCutoff(gaussianRadial(rings), { cutoff: 1.9, exponent: 4 })],
];

function functionsOf(shells: Shells, dimension: 1 | 2 | 3): PointFunctions {
  const functions = shells.harmonics.flatMap(({ frequency, size, rings }) =>
    rings.flatMap((ring) => Array.from({ length: size }, (_, component) => ({ frequency, component, ring })))
  );
  return new PointFunctions({ dimension, radial: shells.radial.description as PointRadial, functions });
}

for (const [name, radial] of PROFILES) {
  test(`PointFunctions are those of the tables within 1e-12, in one to three dimensions: ${name}`, () => {
    for (const [space, d, highest] of [[flipOnR1(), 1, 1], [rot2dOnR2(), 2, 3], [flipRot3dOnR3(), 3, 4]] as const) {
      const shells = space.filterBasis(radial, highest);
      const points = normal([20, d]).mul(0.8), expected = shells.sample(Float64Array.from(points.dataSync()));
      const got = functionsOf(shells, d).evaluate(points);
      assertEquals(got.shape, [20, expected.length / 20]);
      assertClose(values(got.transpose(0, 1).contiguous()), [...expected], { absolute: 1e-12 });
    }
  });

  test(`PointFunctions have first and second derivatives: ${name}`, async () => {
    const functions = functionsOf(rot3dOnR3().filterBasis(radial, 2), 3);
    await gradcheck((x) => functions.evaluate(x), [normal([3, 3])], { secondOrder: true, tolerance: 1e-5 });
    const plane = functionsOf(rot2dOnR2().filterBasis(radial, 2), 2);
    const weights = normal([2, 1]);
    await gradcheck((x, w) => plane.evaluate(x, w), [normal([2, 2]), weights], { secondOrder: true, tolerance: 1e-5 });
  });

  test(`PointFunctions at the origin are finite, with derivatives that are finite too: ${name}`, () => {
    const shells = rot3dOnR3().filterBasis(radial, 2), functions = functionsOf(shells, 3);
    const origin = tensor(new Float64Array(6), [2, 3]).requireGrad();
    const got = functions.evaluate(origin);
    assertClose(values(got).slice(0, functions.count), [...shells.sample(new Float64Array(3))], { absolute: 1e-14 });
    const [slope] = grad([got.sum()], [origin], { createGraph: true });
    const [second] = grad([slope.square().sum()], [origin], { allowUnused: true });
    assertEquals([...values(slope), ...values(second)].every(Number.isFinite), true);
  });
}

test("PointFunctions take functions of one's own", () => {
  const functions = new PointFunctions({
    dimension: 2,
    radial: { kind: "function", count: 2, evaluate: (r) => r.matmul(tensor(Float64Array.of(1, 10), [1, 2])) },
    functions: [{ frequency: 0, component: 0, ring: 1 }, { frequency: 1, component: 1, ring: 0 }],
  });
  assertClose(values(functions.evaluate(tensor(Float64Array.of(3, 4), [1, 2]))), [50, 4], { absolute: 1e-12 });
});

test("PointFunctions refuse rings that there are not, points of another dimension and malformed functions", () => {
  const radial = { kind: "gaussian", rings } as const, functions = [{ frequency: 0, component: 0, ring: 3 }];
  assertThrows(() => new PointFunctions({ dimension: 2, radial, functions }), ArgumentError, "rings from 0 to 2");
  const fine = new PointFunctions({ dimension: 2, radial, functions: [{ frequency: 0, component: 0, ring: 0 }] });
  assertThrows(() => fine.evaluate(normal([4, 3])), ShapeError, "[count, 2]");
  const odd = new PointFunctions({
    dimension: 2,
    radial: { kind: "function", count: 2, evaluate: (r) => r },
    functions: [{ frequency: 0, component: 0, ring: 0 }],
  });
  assertThrows(() => odd.evaluate(normal([4, 2])), ShapeError, "[points, 2]");
});
