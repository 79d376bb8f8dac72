// Concatenated non-linearities and vector fields: values, the types that they make, the module contract.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { octahedralGroup, so2Group } from "../../../src/group/mod.ts";
import { flipRot2dOnR2, noBaseSpace, rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import {
  type ConcatenatedFunction,
  ConcatenatedNonLinearity,
  FieldType,
  FieldTypeError,
  GeometricTensor,
  ReLU,
  VectorFieldNonLinearity,
} from "../../../src/nn/mod.ts";
import { ArgumentError, tensor } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { checkContract } from "../module_contract.ts";
import { awayFromZero, regular, values } from "../support.ts";

const plane = flipRot2dOnR2(4), cyclic = rot2dOnR2(6), octa = noBaseSpace(octahedralGroup());

test("ConcatenatedNonLinearity gives f(x) and f(−x) for each channel, in a permutation representation", () => {
  const type = new FieldType(cyclic, cyclic.irrep(3));
  const module = new ConcatenatedNonLinearity(type);
  const y = module.forward(new GeometricTensor(tensor([-2, 3], [2, 1, 1, 1]), type));
  assertEquals(values(y.tensor), [0, 2, 3, 0]);
  assertEquals(values(y.transformFibers(cyclic.fibergroup.element(1)).tensor), [2, 0, 0, 3]);
  assertEquals(new ReLU(module.outType).outType.size, 2);
  assertEquals(module.outType.representations[0].name, "concatenated_irrep_3");
});

test("ConcatenatedNonLinearity keeps its contract over C_N, D_N and the octahedral group", async () => {
  const types = [
    new FieldType(cyclic, [cyclic.irrep(3), cyclic.regularRepr]),
    new FieldType(plane, [plane.irrep(1, 0), plane.irrep(1, 1), plane.regularRepr]),
    new FieldType(octa, [octa.irrep(3), octahedralGroup().standardRepresentation]),
  ];
  for (const type of types) {
    for (const name of ["c_relu", "c_sigmoid", "c_tanh"] as const) {
      await checkContract(() => new ConcatenatedNonLinearity(type, { function: name }), {
        awayFrom: awayFromZero,
        small: type.gspace.dimensionality === 0 ? [] : [1, 1],
        tolerance: 1e-8,
      });
    }
  }
});

test("VectorFieldNonLinearity gives the strongest direction", async () => {
  const space = rot2dOnR2(4), type = regular(space, 2);
  const module = new VectorFieldNonLinearity(type);
  const x = tensor([0.5, 2, -1, 0, -3, -1, -2, -4], [1, 8, 1, 1]);
  assertClose(values(module.forward(new GeometricTensor(x, type)).tensor), [0, 2, 0, 0], { absolute: 1e-6 });
  for (const N of [3, 4, 8]) {
    const other = rot2dOnR2(N);
    await checkContract(() => new VectorFieldNonLinearity(regular(other)), { small: [1, 2] });
    assert(module.outType.representations[0].equals(space.irrep(1)));
  }
});

test("ConcatenatedNonLinearity and VectorFieldNonLinearity refuse other fields", () => {
  const third = rot2dOnR2(8), so2 = noBaseSpace(so2Group());
  assertThrows(() => new ConcatenatedNonLinearity(new FieldType(third, third.irrep(1))), FieldTypeError, "irrep_1");
  assertThrows(() => new ConcatenatedNonLinearity(new FieldType(so2, so2.irrep(0))), FieldTypeError, "finite group");
  const name = { function: "c_elu" as ConcatenatedFunction };
  assertThrows(() => new ConcatenatedNonLinearity(regular(plane), name), ArgumentError, "c_sigmoid");
  assertThrows(() => new VectorFieldNonLinearity(regular(plane)), FieldTypeError, "cyclic group");
  assertThrows(() => new VectorFieldNonLinearity(regular(rot2dOnR2(2))), FieldTypeError, "order 3");
  assertThrows(() => new VectorFieldNonLinearity(new FieldType(cyclic, cyclic.irrep(1))), FieldTypeError, "regular");
});
