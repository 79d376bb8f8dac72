// covers: src/group/errors.ts
import { assert, assertEquals, assertInstanceOf, assertStringIncludes, assertThrows } from "@std/assert";
import { cyclicGroup, dihedralGroup, GroupError, o2Group, so2Group, trivialGroup } from "../../src/group/mod.ts";
import { test } from "../support/test.ts";

function messageOf(fn: () => unknown): string {
  const error = assertThrows(fn, GroupError);
  assertInstanceOf(error, RangeError);
  return error.message;
}

test("factories give the same object for the same group", () => {
  assert(cyclicGroup(8) === cyclicGroup(8));
  assert(dihedralGroup(4) === dihedralGroup(4));
  assert(so2Group() === so2Group());
  assert(trivialGroup() === cyclicGroup(1));
  assert(cyclicGroup(8).subgroup(4).subgroup === cyclicGroup(4));
  assert(cyclicGroup(8).regularRepresentation === cyclicGroup(8).regularRepresentation);
  assert(dihedralGroup(4).quotientRepresentation([0, 2]) === dihedralGroup(4).quotientRepresentation([0, 2]));
  assert(cyclicGroup(6).irrep(2) === cyclicGroup(6).irrep(2));
});

test("multiply across groups throws GroupError that names both", () => {
  const text = messageOf(() => cyclicGroup(4).element(1).multiply(cyclicGroup(8).element(1)));
  assertStringIncludes(text, "C4");
  assertStringIncludes(text, "C8(1)");
});

test("equals across groups is false", () => {
  assertEquals(cyclicGroup(4).element(0).equals(cyclicGroup(8).element(0)), false);
});

test("element refuses values and parametrizations that mean nothing", () => {
  assertStringIncludes(messageOf(() => cyclicGroup(4).element(1.5)), "1.5 in int");
  assertStringIncludes(messageOf(() => cyclicGroup(4).element(0.3, "radians")), "0.3 in radians");
  assertStringIncludes(messageOf(() => cyclicGroup(4).element(1, "Q")), "int, radians, MAT");
  assertStringIncludes(messageOf(() => dihedralGroup(4).element([2, 1])), "[2,1]");
  assertStringIncludes(messageOf(() => dihedralGroup(4).element(1)), "1 in int");
  assertStringIncludes(messageOf(() => so2Group().element(NaN)), "in radians");
  assertStringIncludes(messageOf(() => so2Group().element([[1, 0], [0, -1]], "MAT")), "in MAT");
});

test("irrep refuses ids that do not exist and lists those that do", () => {
  assertStringIncludes(messageOf(() => cyclicGroup(4).irrep(3)), "[0], [1], [2], got [3]");
  assertStringIncludes(messageOf(() => dihedralGroup(4).irrep(0, 1)), "[0,1]");
  assertStringIncludes(messageOf(() => so2Group().irrep(-1)), "…");
  assertStringIncludes(messageOf(() => o2Group().irrep(0, 2)), "[0,2]");
});

test("subgroup refuses ids that do not exist", () => {
  assertStringIncludes(messageOf(() => cyclicGroup(8).subgroup(3)), "[3]");
  assertStringIncludes(messageOf(() => dihedralGroup(6).subgroup([null, 4])), "[null,4]");
  assertStringIncludes(messageOf(() => o2Group().subgroup(["cone", 2])), "[cone,2]");
  assertStringIncludes(messageOf(() => so2Group().subgroup(0)), "[0]");
});

test("inclusion and restriction refuse elements of other groups", () => {
  const { inclusion, restriction } = cyclicGroup(8).subgroup(4);
  assertStringIncludes(messageOf(() => inclusion(cyclicGroup(8).element(1))), "C4");
  assertStringIncludes(messageOf(() => restriction(cyclicGroup(4).element(1))), "C8");
});

test("elements and irreps of infinite groups throw GroupError that says what to do", () => {
  assertStringIncludes(messageOf(() => so2Group().elements), "testingElements");
  assertStringIncludes(messageOf(() => o2Group().irreps()), "maximum frequency");
  assertStringIncludes(messageOf(() => so2Group().regularRepresentation), "bandlimitedRegularRepresentation");
});

test("irreps of a continuous group of any frequency exist when asked for", () => {
  assertEquals(so2Group().irrep(1000).size, 2);
  assertEquals(o2Group().irreps(2).map((psi) => psi.id), [[0, 0], [1, 0], [1, 1], [1, 2]]);
});

test("compareIrreps: list order for finite groups, numeric order for infinite ones", () => {
  assert(dihedralGroup(4).compareIrreps([1, 2], [0, 2]) < 0);
  assert(so2Group().compareIrreps([2], [10]) < 0);
  assert(o2Group().compareIrreps([0, 0], [1, 0]) < 0);
  assertEquals(cyclicGroup(8).compareIrreps([3], [3]), 0);
});

test("GroupError carries its facts", () => {
  const error = assertThrows(() => cyclicGroup(0), GroupError);
  assertEquals(error.details, {
    op: "cyclicGroup",
    expected: "an integer order of 1 or more",
    actual: "0",
  });
  assertEquals(error.name, "GroupError");
});
