// Band-limited regular and quotient representations: their irreps with multiplicities.

import { assertEquals, assertThrows } from "@std/assert";
import { bandlimitedRegularRepresentation } from "../../src/group/constructions.ts";
import { GroupError } from "../../src/group/errors.ts";
import { o2Group } from "../../src/group/groups/o2.ts";
import { o3Group } from "../../src/group/groups/o3.ts";
import { so2Group } from "../../src/group/groups/so2.ts";
import { so3Group } from "../../src/group/groups/so3.ts";
import {
  bandlimitedInducedRepresentation,
  bandlimitedQuotientRepresentation,
  spectralInducedRepresentation,
  sphereRepresentation,
} from "../../src/group/spectral.ts";
import { test } from "../support/test.ts";

test("bandlimitedRegularRepresentation has every irrep as often as its dimension", () => {
  assertEquals(bandlimitedRegularRepresentation(so3Group(), 3).size, 1 + 9 + 25 + 49);
  assertEquals(bandlimitedRegularRepresentation(o3Group(), 2).size, 2 * (1 + 9 + 25));
  assertEquals(bandlimitedRegularRepresentation(so2Group(), 3).size, 7);
  assertEquals(bandlimitedRegularRepresentation(o2Group(), 3).size, 14);
});

test("bandlimitedQuotientRepresentation by the rotations about z is the sphere", () => {
  const rho = bandlimitedQuotientRepresentation(so3Group(), [false, -1], 4);
  assertEquals(rho.irreps, [[0], [1], [2], [3], [4]]);
  assertEquals(rho.supportedNonlinearities, new Set(["norm", "gated", "concatenated"]));
  assertEquals(bandlimitedQuotientRepresentation(o2Group(), [0, 1], 2).irreps, [[0, 0], [1, 1], [1, 2]]);
});

test("sphereRepresentation has each degree once with its parity, and refuses groups of the plane", () => {
  assertEquals(sphereRepresentation(so3Group(), 2).irreps, [[0], [1], [2]]);
  assertEquals(sphereRepresentation(o3Group(), 3).irreps, [[0, 0], [1, 1], [0, 2], [1, 3]]);
  assertThrows(() => sphereRepresentation(so2Group(), 2), GroupError, "SO(2)");
});

test("bandlimitedInducedRepresentation of tangent vectors on the sphere starts at degree 1, twice", () => {
  const rho = bandlimitedInducedRepresentation(so3Group(), [false, -1], [1], 2);
  assertEquals(rho.irreps, [[1], [1], [2], [2]]);
  assertEquals(rho.name, "induced[false,-1][1]_[[0]|[1]|[2]]");
});

test("spectralInducedRepresentation throws when no irrep occurs", () => {
  const error = assertThrows(
    () => spectralInducedRepresentation(so3Group(), [false, -1], [2], [[0], [1]]),
    GroupError,
    "[0], [1]",
  );
  assertEquals(error.details.op, "spectralInducedRepresentation");
});
