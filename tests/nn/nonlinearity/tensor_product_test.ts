// Tensor products: degree, equivariance over several groups, derivatives, state, export, and what they refuse.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { directSum, o2Group, octahedralGroup, so3Group } from "../../../src/group/mod.ts";
import { noBaseSpace, rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import { EmptyBasisError } from "../../../src/kernels/mod.ts";
import { FieldType, FieldTypeError, TensorProductModule } from "../../../src/nn/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { checkContract } from "../module_contract.ts";
import { feature, values } from "../support.ts";

const so3 = noBaseSpace(so3Group()), o2 = noBaseSpace(o2Group()), circle = rot2dOnR2();
const octa = noBaseSpace(octahedralGroup());

test("TensorProductModule keeps its contract over SO(2), O(2), SO(3) and the octahedral group", async () => {
  const sum = directSum([circle.irrep(0), circle.irrep(1)]);
  await checkContract((dtype) => TensorProductModule.construct(circle, 2, sum, circle.irrep(1), { dtype }), {
    small: [1, 2],
  });
  const both = directSum([o2.irrep(0, 0), o2.irrep(1, 1)]);
  await checkContract((dtype) => TensorProductModule.construct(o2, 2, both, o2.irrep(1, 2), { dtype }));
  const vectors = directSum([so3.irrep(0), so3.irrep(1)]);
  await checkContract((dtype) => TensorProductModule.construct(so3, 1, vectors, vectors, { dtype }));
  const standard = octahedralGroup().standardRepresentation;
  await checkContract((dtype) => TensorProductModule.construct(octa, 1, standard, octa.irrep(2), { dtype }));
});

test("TensorProductModule is quadratic, has one weight for each intertwiner and field, and starts by the seed", () => {
  const module = TensorProductModule.construct(so3, 3, so3.irrep(1), so3.irrep(2), { dtype: "float64" });
  assertEquals(module.weights.shape, [3]);
  const x = feature(module.inType, 2), y = module.forward(x).tensor;
  assertClose(values(module.forward(x.mul(3)).tensor), values(y.mul(9)), { absolute: 1e-12 });
  assert(values(module.weights).every((w) => w !== 0));
  const zero = TensorProductModule.construct(so3, 1, so3.irrep(1), so3.irrep(2), { initialize: false });
  assertEquals(values(zero.weights), [0]);
});

test("TensorProductModule refuses types that do not match and pairs without intertwiners", () => {
  const vector = new FieldType(so3, so3.irrep(1)), scalars = new FieldType(so3, so3.irrep(0), 2);
  assertThrows(() => new TensorProductModule(vector, scalars), FieldTypeError, "equal fields");
  assertThrows(() => TensorProductModule.construct(so3, 1, so3.irrep(1), so3.irrep(3)), EmptyBasisError);
  const message =
    "TensorProductModule: expected an output with an irrep of ρ ⊗ ρ: [0], [1], [2], got [SO(3) on a point: irrep_4] with [4]";
  assertThrows(() => TensorProductModule.construct(so3, 1, so3.irrep(1), so3.irrep(4)), EmptyBasisError, message);
});
