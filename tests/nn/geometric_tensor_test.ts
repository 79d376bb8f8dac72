// Geometric tensors: checks of shapes and types, arithmetic, selection of fields, and how group elements move them.
// covers: src/nn/transform.ts

import { assertEquals, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { flipRot2dOnR2, rot2dOnR2 } from "../../src/gspaces/mod.ts";
import { FieldType, FieldTypeError, GeometricTensor, tensorDirectSum } from "../../src/nn/mod.ts";
import { isExactOnGrid, transformGrid } from "../../src/nn/transform.ts";
import { ArgumentError, ShapeError, tensor, zeros } from "../../src/tensor/mod.ts";
import { assertClose } from "../support/close.ts";
import { test } from "../support/test.ts";
import { feature, normal, regular, trivial, values } from "./support.ts";

const space = rot2dOnR2(4);
const mixed = new FieldType(space, [space.regularRepr, space.irrep(1), space.trivialRepr]);

test("GeometricTensor refuses a tensor whose axes, channels or coords do not fit the type", () => {
  const type = regular(space);
  assertThrows(() => new GeometricTensor(normal([4, 5, 5]), type), ShapeError, "[batch, channels, height, width]");
  const error = assertThrows(() => new GeometricTensor(normal([1, 3, 5, 5]), type), FieldTypeError, "4 channels");
  assertStringIncludes(error.message, "[1, 3, 5, 5]");
  assertThrows(() => new GeometricTensor(normal([6, 4]), type, normal([5, 2])), ShapeError, "coords [6, 2]");
  assertThrows(
    () => new GeometricTensor(normal([6, 4]), type),
    ShapeError,
    "new GeometricTensor(features, type, coords)",
  );
});

test("GeometricTensor.add and sub want equal types and name both", () => {
  const a = feature(regular(space), 1, 3, 3), b = feature(regular(space), 1, 3, 3);
  assertClose(values(a.add(b).sub(b).tensor), values(a.tensor), { absolute: 1e-15 });
  const other = feature(trivial(space, 4), 1, 3, 3);
  const error = assertThrows(() => a.add(other), FieldTypeError, "regular");
  assertStringIncludes(error.message, "irrep_0");
  const bare = a.tensor as unknown as GeometricTensor;
  assertThrows(() => a.add(bare), FieldTypeError, "one without a type: Tensor([1, 4, 3, 3]");
  const points = new GeometricTensor(normal([5, 4]), regular(space), normal([5, 2]));
  assertThrows(() => points.add(new GeometricTensor(normal([5, 4]), regular(space), normal([5, 2]))), ArgumentError);
});

test("GeometricTensor.mul takes numbers and one-element tensors only", () => {
  const x = feature(regular(space), 1, 2, 2);
  assertClose(values(x.mul(3).tensor), values(x.tensor).map((v) => 3 * v));
  assertClose(values(x.mul(tensor([2], { dtype: "float64" })).tensor), values(x.tensor).map((v) => 2 * v));
  assertThrows(() => x.mul(normal([4, 1, 1])), ShapeError, "one element");
});

test("GeometricTensor.transform by a quarter turn permutes pixels and channels exactly", () => {
  const type = regular(space);
  const data = Float64Array.from({ length: 4 * 6 }, (_, i) => i);
  const x = new GeometricTensor(tensor(data, [1, 4, 2, 3], { dtype: "float64" }), type);
  const y = x.transform(space.fibergroup.element(1));
  assertEquals(y.shape, [1, 4, 3, 2]);
  // Channel c comes from channel c − 1; the last column becomes the first row.
  assertEquals(values(y.tensor).slice(6, 12), [2, 5, 1, 4, 0, 3]);
  assertEquals(values(y.tensor).slice(0, 6), [20, 23, 19, 22, 18, 21]);
});

test("GeometricTensor.transform composes: (g h) x = g (h x), exactly on the grid's symmetries", () => {
  const dihedral = flipRot2dOnR2(4);
  const type = new FieldType(dihedral, [dihedral.regularRepr, dihedral.irrep(1, 1), dihedral.irrep(1, 0)]);
  const x = feature(type, 1, 4, 5);
  for (const g of dihedral.testingElements) {
    for (const h of dihedral.testingElements) {
      const once = x.transform(g.multiply(h)), twice = x.transform(h).transform(g);
      assertEquals(once.shape, twice.shape);
      assertClose(values(once.tensor), values(twice.tensor), { absolute: 1e-14 });
    }
  }
});

test("GeometricTensor.transform interpolates other rotations: a turn and back is near the identity inside", () => {
  const fine = rot2dOnR2(16), g = fine.fibergroup.element(1);
  const size = 25;
  const bump = Float64Array.from({ length: size * size }, (_, i) => {
    const x = i % size - 11, y = Math.floor(i / size) - 12;
    return Math.exp(-(x * x + y * y) / 18);
  });
  const x = new GeometricTensor(tensor(bump, [1, 1, size, size], { dtype: "float64" }), trivial(fine));
  const linear = x.transform(g).transform(g.inverse());
  // Each of two passes errs by at most max |f''| / 8 = 1/72 for each axis.
  assertClose(values(linear.tensor), bump, { absolute: 4 / 72 });
  const cubic = x.transform(g, { order: 3 }).transform(g.inverse(), { order: 3 });
  assertClose(values(cubic.tensor), bump, { absolute: 0.003 });
  assertEquals(isExactOnGrid(fine, g, [size, size]), false);
  assertEquals(isExactOnGrid(fine, fine.fibergroup.element(4), [size, size]), true);
});

test("transformGrid moves positions and leaves channels", () => {
  const x = tensor([[[[1, 2], [3, 4]]]], { dtype: "float64" });
  assertEquals(values(transformGrid(x, space, space.fibergroup.element(2), 1)), [4, 3, 2, 1]);
});

test("GeometricTensor.transform of a point cloud moves the coords and keeps the order of points", () => {
  const coords = tensor([[1, 0], [0, 2]], { dtype: "float64" });
  const x = new GeometricTensor(
    tensor([[1, 0], [0, 1]], { dtype: "float64" }),
    new FieldType(space, space.irrep(1)),
    coords,
  );
  const y = x.transform(space.fibergroup.element(1));
  assertClose(values(y.coords!), [0, 1, -2, 0], { absolute: 1e-15 });
  assertClose(values(y.tensor), [0, 1, -1, 0], { absolute: 1e-15 });
  assertStrictEquals(x.transformFibers(space.fibergroup.element(1)).coords, coords);
});

test("GeometricTensor.fields, slice and split select fields by position", () => {
  const x = feature(mixed, 2, 3, 3);
  assertEquals(x.slice(1).type.sizes, [2, 1]);
  assertEquals(x.slice(-1).shape, [2, 1, 3, 3]);
  assertEquals(x.split([1, 2]).map((part) => part.type.size), [4, 2, 1]);
  const picked = x.fields([2, 0]);
  assertEquals(values(picked.tensor.slice(1, 0, 1)), values(x.tensor.slice(1, 6, 7)));
  assertEquals(values(picked.tensor.slice(1, 1, 5)), values(x.tensor.slice(1, 0, 4)));
  assertThrows(() => x.slice(2, 2), ArgumentError, "3 fields");
  const joined = tensorDirectSum([x.slice(0, 1), x.slice(1)]);
  assertEquals(joined.type.equals(mixed), true);
  assertEquals(values(joined.tensor), values(x.tensor));
  assertThrows(() => tensorDirectSum([]), ArgumentError);
});

test("GeometricTensor.restrict reinterprets the same numbers", () => {
  const x = feature(mixed, 1, 3, 3), y = x.restrict(2);
  assertStrictEquals(y.tensor, x.tensor);
  assertEquals(y.type.fibergroup.order, 2);
  assertStringIncludes(y.toString(), "GeometricTensor([1, 7, 3, 3]");
});

test("GeometricTensor.to moves the numbers to another backend and keeps the type", async () => {
  const x = feature(regular(space), 1, 2, 2);
  const moved = await x.to("reference");
  assertEquals(values(moved.tensor), values(x.tensor));
  assertEquals(moved.type, x.type);
});

test("GeometricTensor tells channels that are last, and a sample without a batch", () => {
  const rgb = new FieldType(space, space.trivialRepr, 3);
  assertThrows(() => new GeometricTensor(zeros([2, 8, 8, 3]), rgb), FieldTypeError, "tensor.permute([0, 3, 1, 2])");
  assertThrows(() => new GeometricTensor(zeros([3, 8, 8]), rgb), ShapeError, "tensor.unsqueeze(0)");
});
