// Convolutions for the rotations of the icosahedron on sparse orbits: equivariance, state, exports, bad input.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { icoOnR3, octaOnR3 } from "../../../src/gspaces/mod.ts";
import {
  FieldType,
  FieldTypeError,
  type IcosahedralPoints,
  R3IcoConv,
  R3IcoConvTransposed,
} from "../../../src/nn/mod.ts";
import { ArgumentError, seed } from "../../../src/tensor/mod.ts";
import { test } from "../../support/test.ts";
import { assertExports, regular, trivial } from "../support.ts";

const space = icoOnR3();
const vectors = new FieldType(space, [space.trivialRepr, space.irrep(1)]);

for (const points of [12, 20, 30] as const) {
  test(`R3IcoConv on ${points} points is equivariant to 1e-11 under the rotations that keep the grid`, async () => {
    seed(1);
    const type = new FieldType(space, [space.trivialRepr, space.irrep(1), space.irrep(2)]);
    const conv = new R3IcoConv(type, type, 3, { points, padding: 1, dtype: "float64" });
    const { maxExact, exact, interpolated } = await conv.checkEquivariance({ size: 4, batch: 1 });
    // The tetrahedral rotations are those of the grid.
    assertEquals([exact.length, interpolated.length], [12, 48]);
    assert(maxExact < 1e-11, `${maxExact}`);
  });
}

test("R3IcoConv has one function at the centre and one at each point of a ring", () => {
  const counts = ([12, 20, 30] as const).map((points) =>
    new R3IcoConv(trivial(space), regular(space), 3, { points, initialize: false }).tables.functionCount
  );
  assertEquals(counts, [13, 21, 31]);
  assertStringIncludes(new R3IcoConv(vectors, vectors, 3, { points: 20 }).toString(), "points 20");
  assertExports(new R3IcoConv(vectors, vectors, 3, { stride: 2, paddingMode: "circular", padding: 1 }), [5, 5, 5]);
});

test("R3IcoConv refuses other groups and numbers of points", () => {
  const octahedral = octaOnR3();
  assertThrows(() => new R3IcoConv(trivial(octahedral), trivial(octahedral), 3), FieldTypeError, "icoOnR3()");
  const points = 60 as IcosahedralPoints;
  assertThrows(() => new R3IcoConv(vectors, vectors, 3, { points }), ArgumentError, "12, 20 or 30");
  assertThrows(() => new R3IcoConvTransposed(vectors, vectors, 3, { points }), ArgumentError, "got 60");
});
