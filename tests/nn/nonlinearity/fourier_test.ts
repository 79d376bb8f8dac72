// Fourier non-linearities: exact on finite groups, nearly exact on fine grids, the module contract, and what they refuse.
// covers: src/nn/plain/fiber_nonlinearity.ts

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  bandlimitedRegularRepresentation,
  dihedralGroup,
  icosahedralGroup,
  o2Group,
  o3Group,
  octahedralGroup,
  so2Group,
  so3Group,
} from "../../../src/group/mod.ts";
import { noBaseSpace, rot2dOnR2, rot3dOnR3 } from "../../../src/gspaces/mod.ts";
import {
  type EquivariantModule,
  FourierELU,
  FourierPointwise,
  GeometricTensor,
  type PointwiseFunction,
  QuotientFourierELU,
  QuotientFourierPointwise,
} from "../../../src/nn/mod.ts";
import { SampledNonLinearity } from "../../../src/nn/plain/mod.ts";
import { ArgumentError, ShapeError, zeros } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { checkContract } from "../module_contract.ts";
import { feature, normal, values } from "../support.ts";

const so2 = so2Group(), so3 = so3Group();

test("FourierPointwise on all elements of a finite group is exact and keeps its contract", async () => {
  const plane = rot2dOnR2(6);
  await checkContract(() => new FourierPointwise(plane, 1, [[0], [1], [2], [3]]), { tolerance: 1e-7, small: [1, 1] });
  const groups = [dihedralGroup(4), octahedralGroup()];
  for (const group of groups) {
    const irreps = group.irreps().map(({ id }) => id), space = noBaseSpace(group);
    for (const name of ["p_relu", "p_elu", "p_sigmoid", "p_tanh"] as const) {
      if (group.order > 8 && name !== "p_relu") continue;
      await checkContract(() => new FourierPointwise(space, 1, irreps, { function: name }), { tolerance: 1e-7 });
    }
  }
  const ico = icosahedralGroup();
  const module = new FourierELU(noBaseSpace(ico), 2, ico.irreps().map(({ id }) => id));
  assertEquals(module.inType.size, 120);
  assert((await module.checkEquivariance({ elements: ico.generators, tolerance: 1e-7 })).passed);
});

test("FourierPointwise with the identity's samples gives back a band-limited function", () => {
  // σ is linear on positive numbers, so a positive function comes back as it was.
  const grid = { type: "regular", N: 9 } as const;
  const module = new FourierPointwise(rot2dOnR2(), 1, [[0], [1], [2]], { grid });
  const x = normal([1, 5, 1, 1]).mul(0.1).add(zeros([1, 5, 1, 1], { dtype: "float64" }));
  const positive = x.dataSync();
  positive[0] = 5;
  const input = feature(module.inType, 1, 1, 1);
  input.tensor.backend.write(input.tensor, positive);
  assertClose(values(module.forward(input).tensor), [...positive], { absolute: 1e-6 });
});

/** The equivariance error of a module by the size of its grid. */
async function errorsOf(make: (points: number) => EquivariantModule, sizes: readonly number[]): Promise<number[]> {
  const errors: number[] = [];
  for (const size of sizes) errors.push((await make(size).checkEquivariance({ assert: false })).maxExact);
  return errors;
}

test("FourierELU of SO(2), O(2), SO(3), O(3) and the sphere has an error below 2 % that falls with the grid", async () => {
  const circle = noBaseSpace(so2),
    flips = noBaseSpace(o2Group()),
    space = noBaseSpace(so3),
    full = noBaseSpace(o3Group());
  const cases: readonly [(points: number) => EquivariantModule, readonly number[]][] = [
    [(N) => new FourierELU(circle, 2, [[0], [1], [2], [3]], { grid: { type: "regular", N } }), [8, 16, 32]],
    [(N) => new FourierELU(flips, 1, [[0, 0], [1, 0], [1, 1], [1, 2]], { grid: { type: "regular", N } }), [6, 12, 24]],
    [(N) => new FourierELU(space, 1, [[0], [1], [2]], { grid: { type: "thomson_cube", N } }), [4, 16]],
    [(N) => new FourierELU(full, 1, [[0, 0], [1, 0], [0, 1], [1, 1]], { grid: { type: "thomson_cube", N } }), [2, 8]],
    [
      (N) =>
        new QuotientFourierELU(space, [false, -1], 2, [[0], [1], [2]], { grid: { sphere: { type: "fibonacci", N } } }),
      [60, 240, 960],
    ],
  ];
  for (const [make, sizes] of cases) {
    const errors = await errorsOf(make, sizes);
    errors.slice(1).forEach((error, i) => assert(error < errors[i] / 2, `${make(sizes[0])}: ${errors}`));
    assert(errors[errors.length - 1] < 0.02, String(errors));
  }
  const module = new FourierELU(space, 1, [[0], [1], [2]], { grid: { type: "thomson_cube", N: 2 } });
  assert(module.inType.representations[0].equals(bandlimitedRegularRepresentation(so3, 2)));
});

test("QuotientFourierPointwise acts on functions on the sphere and on other quotients", async () => {
  const sphere = { sphere: { type: "fibonacci", N: 60 } } as const;
  const module = new QuotientFourierELU(noBaseSpace(so3), [false, -1], 2, [[0], [1], [2]], { grid: sphere });
  assertEquals(module.inType.sizes, [9, 9]);
  const octa = octahedralGroup();
  await checkContract(
    () =>
      new QuotientFourierPointwise(
        noBaseSpace(octa),
        [false, 4],
        1,
        octa.irreps().map(({ id }) => id).filter((id) => octa.quotientRepresentation([false, 4]).multiplicity(id) > 0),
      ),
    { tolerance: 1e-6 },
  );
  const space = rot3dOnR3();
  const grid3 = { grid: sphere, function: "p_tanh" } as const;
  const volume = new QuotientFourierPointwise(space, [false, -1], 1, [[0], [1]], grid3);
  assertEquals(volume.forward(feature(volume.inType, 2, 3, 3, 3)).shape, [2, 4, 3, 3, 3]);
});

test("FourierPointwise with outIrreps fits only those and keeps its contract", async () => {
  const group = dihedralGroup(3), space = noBaseSpace(group);
  const make = () => new FourierPointwise(space, 2, [[0, 0], [1, 1]], { outIrreps: [[1, 1], [0, 0], [1, 0]] });
  assertEquals(make().outType.sizes, [6, 6]);
  await checkContract(make, { tolerance: 1e-7 });
  const fewer = new FourierPointwise(space, 1, [[0, 0], [1, 0], [1, 1]], { outIrreps: [[1, 1]] });
  assertEquals(fewer.outType.size, 4);
});

test("Fourier modules refuse a missing grid, foreign elements, too few points, unknown functions", () => {
  const space = noBaseSpace(so2);
  assertThrows(() => new FourierPointwise(space, 1, [[0], [1]]), ArgumentError, "a grid of SO(2)");
  const foreign = { grid: dihedralGroup(3).elements };
  assertThrows(() => new FourierPointwise(space, 1, [[0]], foreign), ArgumentError, "elements of SO(2)");
  assertThrows(
    () => new FourierPointwise(space, 0, [[0]], { grid: { type: "regular", N: 4 } }),
    ArgumentError,
    "channels",
  );
  const cutoff = 2 as unknown as [[number]];
  assertThrows(() => new FourierPointwise(space, 1, cutoff), ArgumentError, "irreps 2. Irreps are listed by their ids");
  const name = { function: "relu" as PointwiseFunction, grid: { type: "regular", N: 4 } } as const;
  assertThrows(() => new FourierPointwise(space, 1, [[0]], name), ArgumentError, "p_relu");
  const layer = new SampledNonLinearity(
    1,
    { rows: 2, columns: 1, data: new Float64Array(2) },
    { rows: 1, columns: 2, data: new Float64Array(2) },
    "relu",
  );
  assertThrows(() => layer.forward(zeros([1, 2])), ShapeError, "1 channels");
  const module = new FourierPointwise(space, 1, [[0], [1]], { grid: { type: "regular", N: 8 } });
  assert(module.forward(new GeometricTensor(normal([4, 3]), module.inType)).tensor.dtype === "float64");
});
