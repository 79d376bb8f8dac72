// Field types: sizes, classes, equality by meaning, restriction, and what the compiler and the constructor refuse.

import { assert, assertEquals, assertFalse, assertStringIncludes, assertThrows } from "@std/assert";
import { cyclicGroup } from "../../src/group/mod.ts";
import { changeBasis, directSum } from "../../src/group/constructions.ts";
import { flipRot2dOnR2, rot2dOnR2 } from "../../src/gspaces/mod.ts";
import { FieldType, fieldType, FieldTypeError, GeometricTensor, IdentityModule, ReLU } from "../../src/nn/mod.ts";
import { differenceOf, fieldsByLabel, requireSameSpace } from "../../src/nn/field_type.ts";
import { ArgumentError, zeros } from "../../src/tensor/mod.ts";
import { test } from "../support/test.ts";
import "./support.ts";

const space = rot2dOnR2(4);
const mixed = new FieldType(space, [space.regularRepr, space.irrep(1), space.trivialRepr, space.regularRepr]);

test("FieldType knows sizes, starts, ends, irreps and classes of its fields", () => {
  assertEquals(mixed.size, 11);
  assertEquals(mixed.length, 4);
  assertEquals(mixed.sizes, [4, 2, 1, 4]);
  assertEquals(mixed.fieldsStart, [0, 4, 6, 7]);
  assertEquals(mixed.fieldsEnd, [4, 6, 7, 11]);
  assertEquals(mixed.irreps, [[0], [1], [2], [1], [0], [0], [1], [2]]);
  assertEquals(mixed.classes.map(({ fields }) => fields), [[0, 3], [1], [2]]);
  assertFalse(mixed.uniform);
  assert(new FieldType(space, space.regularRepr, 3).uniform);
  assertEquals(mixed.changeOfBasis.map((matrix) => matrix.length), [16, 4, 1, 16]);
  assertEquals([...mixed].length, 4);
});

test("FieldType repeats a representation or a list of them by its count", () => {
  assertEquals(new FieldType(space, space.regularRepr, 10).size, 40);
  assertEquals(fieldType(space, [space.trivialRepr, space.irrep(1)], 2).sizes, [1, 2, 1, 2]);
  assertThrows(() => new FieldType(space, space.regularRepr, 0), FieldTypeError, "count 0");
});

test("FieldType.fiberRepresentation is block-diagonal in the representations' matrices", () => {
  const g = space.fibergroup.element(1), matrix = mixed.fiberRepresentation(g);
  const regular = space.regularRepr.matrix(g);
  for (let i = 0; i < 4; i++) {
    for (let j = 0; j < 4; j++) {
      assertEquals(matrix[i * 11 + j], regular[i * 4 + j]);
      assertEquals(matrix[(7 + i) * 11 + 7 + j], regular[i * 4 + j]);
    }
  }
  assertEquals(matrix[6 * 11 + 6], 1);
  assertEquals(matrix[0 * 11 + 5], 0);
});

test("FieldType.equals compares by meaning, not by object or name", () => {
  const other = new FieldType(rot2dOnR2(4), [...mixed.representations]);
  assert(mixed.equals(other));
  assert(mixed.equals(mixed));
  const irreps = space.regularRepr.irreps.map((id) => space.irrep(...id));
  assertFalse(new FieldType(space, [directSum(irreps)]).equals(new FieldType(space, space.regularRepr)));
  assertFalse(mixed.equals(mixed.sorted()));
  assertFalse(
    new FieldType(flipRot2dOnR2(4), flipRot2dOnR2(4).trivialRepr).equals(new FieldType(space, space.trivialRepr)),
  );
});

test("FieldType.classes keep equal representations apart that are decomposed in different orders", () => {
  const [zero, one] = [space.irrep(0), space.irrep(2)];
  const swapped = changeBasis(directSum([one, zero]), Float64Array.of(0, 1, 1, 0), "swapped");
  const type = new FieldType(space, [directSum([zero, one]), swapped]);
  assertEquals(type.classes.length, 2);
  assert(type.uniform);
  assert(type.equals(new FieldType(space, swapped, 2)));
});

test("FieldType.sorted, indexSelect, concat and groupByLabels rearrange fields", () => {
  assertEquals(mixed.sorted().sizes, [1, 2, 4, 4]);
  assertEquals(mixed.indexSelect([2, 2, 0]).sizes, [1, 1, 4]);
  assertEquals(mixed.concat(mixed).size, 22);
  const groups = mixed.groupByLabels(["a", "b", "a", "b"]);
  assertEquals([...groups.keys()], ["a", "b"]);
  assertEquals(groups.get("b")?.sizes, [2, 4]);
  assertEquals([...fieldsByLabel(mixed, [1, 0, 0, 1])], [[1, [0, 3]], [0, [1, 2]]]);
});

test("FieldType.restrict keeps channels and restricts each representation", () => {
  const restricted = mixed.restrict(2);
  assertEquals(restricted.size, 11);
  assertEquals(restricted.fibergroup.order, 2);
  assert(restricted.isPointwise() === false);
  assert(new FieldType(space, space.regularRepr).restrict(2).isPointwise());
});

test("FieldType.toString counts runs of equal fields", () => {
  assertStringIncludes(new FieldType(space, space.regularRepr, 10).toString(), "10 × regular");
  assertStringIncludes(mixed.toString(), " + ");
});

test("FieldType refuses nothing at all, foreign representations, and positions that do not exist", () => {
  assertThrows(() => new FieldType(space, []), FieldTypeError, "at least one representation");
  assertThrows(() => new FieldType(space, [cyclicGroup(3).regularRepresentation]), FieldTypeError, "of C3");
  assertThrows(() => mixed.indexSelect([4]), ArgumentError, "positions from 0 to 3");
  assertThrows(() => mixed.groupByLabels(["a"]), ArgumentError, "4 labels");
  const elsewhere = new FieldType(rot2dOnR2(8), rot2dOnR2(8).trivialRepr);
  assertThrows(() => mixed.concat(elsewhere), FieldTypeError, "one space");
  assertThrows(() => requireSameSpace("test", mixed, elsewhere), FieldTypeError, "restrict(id)");
});

test("differenceOf says where types differ that read alike", () => {
  const runs = Array.from({ length: 12 }, (_, i) => i % 2 === 0 ? space.regularRepr : space.irrep(1));
  const long = new FieldType(space, runs), other = new FieldType(space, [...runs.slice(0, 11), space.irrep(2)]);
  // Each has 12 fields in more runs than are shown.
  assertEquals(String(long), String(other));
  assertEquals(differenceOf(long, other), "They differ in field 11: irrep_1 and irrep_2");
  const swapped = new FieldType(space, [...runs.slice(0, 10), runs[11], runs[10]]);
  assertThrows(
    () => new IdentityModule(long).forward(new GeometricTensor(zeros([1, long.size, 2, 2]), swapped)),
    FieldTypeError,
    "They differ in field 10: regular and irrep_1",
  );
  const turned = changeBasis(space.irrep(1), Float64Array.of(0, 1, 1, 0), "irrep_1", []);
  const [plain, basis] = [new FieldType(space, space.irrep(1)), new FieldType(space, turned)];
  assertEquals(
    differenceOf(plain, basis),
    "They differ in field 0: two representations named irrep_1 with other matrices",
  );
  assertEquals(differenceOf(plain, long), undefined);
});

test("ReLU on fields that are not permutations fails to compile and throws at run time", () => {
  const irreps = new FieldType(space, [space.irrep(1), space.regularRepr]);
  // @ts-expect-error -- the compiler does not know all fields to be permutation representations
  const error = assertThrows(() => new ReLU(irreps), FieldTypeError, "permutation representation");
  assertStringIncludes(error.message, "irrep_1");
  assertThrows(() => irreps.requirePointwise("here"), FieldTypeError, "here: expected");
  const known = new FieldType(space, [space.irrep(0), space.regularRepr]);
  assertEquals(new ReLU(known.requirePointwise()).outType.size, 5);
});

test("FieldType refuses what is no representation, and says which field it is", () => {
  const missing: unknown = undefined, pair: unknown = [space.regularRepr, 3];
  type Given = typeof space.regularRepr;
  assertThrows(() => new FieldType(space, missing as Given), FieldTypeError, "undefined as field 0");
  assertThrows(() => new FieldType(space, [space.regularRepr, pair as Given]), FieldTypeError, "an array as field 1");
});
