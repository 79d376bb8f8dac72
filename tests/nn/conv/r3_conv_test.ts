// Steerable convolutions in space: equivariance over groups, derivatives, options, transposes, exports, bad input.

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  conicalOnR3,
  fullOctaOnR3,
  type GSpace,
  icoOnR3,
  invOnR3,
  octaOnR3,
  rot2dOnR2,
  rot2dOnR3,
  rot3dOnR3,
} from "../../../src/gspaces/mod.ts";
import { EmptyBasisError } from "../../../src/kernels/mod.ts";
import { FieldType, FieldTypeError, R3Conv, R3ConvTransposed } from "../../../src/nn/mod.ts";
import { ArgumentError, seed } from "../../../src/tensor/mod.ts";
import { test } from "../../support/test.ts";
import { assertExports, feature, regular, trivial } from "../support.ts";

function irreps(space: GSpace, maximumFrequency: number): FieldType {
  return new FieldType(space, [...space.irreps(maximumFrequency)]);
}

const TYPES: readonly (readonly [string, FieldType])[] = [
  ["SO(3), irreps to 2", irreps(rot3dOnR3(), 2)],
  ["the octahedral group, irreps", irreps(octaOnR3(), 2)],
  ["the icosahedral group, irreps", irreps(icoOnR3(), 2)],
  ["C4 about z, regular", regular(rot2dOnR3(4))],
  ["the cone over D4, regular", regular(conicalOnR3(4))],
  ["the inversion, regular", regular(invOnR3(), 2)],
];

for (const [name, type] of TYPES) {
  test(`R3Conv is equivariant to 1e-11 under the grid's symmetries: ${name}`, async () => {
    seed(1);
    const conv = new R3Conv(type, type, 3, { padding: 1, dtype: "float64" });
    const { maxExact, exact } = await conv.checkEquivariance({ size: 4, batch: 1 });
    assert(exact.length > 0 && maxExact < 1e-11, `${maxExact}`);
  });
}

test("R3Conv is equivariant to 1e-11 under all 48 symmetries of the cube", async () => {
  seed(2);
  const space = fullOctaOnR3();
  const type = new FieldType(space, [space.trivialRepr, space.fibergroup.irreps()[1]]);
  const { maxExact, exact } = await new R3Conv(type, type, 3).checkEquivariance({ size: 3, batch: 1 });
  assertEquals(exact.length, 48);
  assert(maxExact < 1e-11, `${maxExact}`);
});

test("R3Conv follows rotations of SO(3) that need interpolation within 5 %", async () => {
  seed(3);
  const type = irreps(rot3dOnR3(), 1);
  const report = await new R3Conv(trivial(rot3dOnR3()), type, 5).checkEquivariance({ size: 17, batch: 1 });
  assert(report.interpolated.length > 0 && report.maxInterpolated < 0.05, `${report.maxInterpolated}`);
});

test("R3Conv.export keeps stride, groups, dilation, padding by side and every padding mode", () => {
  const space = octaOnR3(), type = new FieldType(space, [space.irrep(1), space.irrep(1)]);
  for (const paddingMode of ["zeros", "reflect", "replicate", "circular"] as const) {
    const padding = [[1, 0], 1, [0, 2]] as const;
    assertExports(new R3Conv(type, type, 3, { padding, stride: [1, 2, 1], groups: 2, paddingMode }), [4, 5, 4]);
  }
  assertExports(new R3Conv(type, type, 3, { dilation: 2, bias: false }), [5, 6, 5]);
  assertExports(new R3ConvTransposed(type, type, 3, { stride: 2, outputPadding: [1, 0, 1], groups: 2 }), [2, 3, 2]);
});

test("R3Conv.evaluateOutputShape and R3ConvTransposed.evaluateOutputShape are the shapes of the outputs", () => {
  const space = octaOnR3(), type = trivial(space);
  const conv = new R3Conv(type, type, 3, { stride: 2, padding: [[1, 0], 1, 0] });
  assertEquals(conv.forward(feature(type, 2, 4, 5, 6)).shape, conv.evaluateOutputShape([2, 1, 4, 5, 6]));
  const up = new R3ConvTransposed(type, type, 3, { stride: 2, padding: 1, outputPadding: 1 });
  assertEquals(up.forward(feature(type, 2, 2, 3, 2)).shape, up.evaluateOutputShape([2, 1, 2, 3, 2]));
});

test("R3Conv takes escnn's policies of frequencies by name and by number", () => {
  const space = rot3dOnR3(), type = irreps(space, 2);
  const count = (frequenciesCutoff?: -1 | -3 | "default1" | "default3") =>
    new R3Conv(type, type, 5, { frequenciesCutoff, initialize: false }).weights.size;
  assertEquals(count("default1"), count());
  assertEquals(count(-1), count());
  assertEquals(count("default3"), count(-3));
  assert(count("default3") < count());
});

test("R3Conv refuses the plane, kernels without filters and options out of range, naming them", () => {
  const plane = rot2dOnR2(4), space = rot3dOnR3();
  assertThrows(() => new R3Conv(regular(plane), regular(plane), 3), FieldTypeError, "dimension 3");
  const vectors = new FieldType(space, space.irrep(1));
  assertThrows(() => new R3Conv(trivial(space), vectors, 1), EmptyBasisError, "larger kernelSize");
  assertThrows(() => new R3Conv(vectors, vectors, 3, { stride: 0 }), ArgumentError, "stride");
  assertThrows(
    () => new R3ConvTransposed(vectors, vectors, 3, { outputPadding: 1 }),
    ArgumentError,
    "less than stride",
  );
  assertThrows(
    () => new R3Conv(vectors, vectors, 3).forward(feature(trivial(space), 1, 3, 3, 3)),
    FieldTypeError,
    "irrep_1",
  );
});
