// Expansion of biases: one number for each trivial irrep, constant along the trivial column of the change of basis.

import { assertEquals } from "@std/assert";
import { dihedralGroup, directSum } from "../../../src/group/mod.ts";
import {
  conicalOnR3,
  flip2dOnR2,
  flipOnR1,
  flipRot2dOnR2,
  flipRot3dOnR3,
  fullCylindricalOnR3,
  fullOctaOnR3,
  type GSpace,
  icoOnR3,
  invOnR3,
  noBaseSpace,
  octaOnR3,
  rot2dOnR2,
  rot2dOnR3,
  rot3dOnR3,
  tetraOnR3,
} from "../../../src/gspaces/mod.ts";
import { BiasExpansion } from "../../../src/nn/conv/bias_expansion.ts";
import { FieldType, Linear, R1Conv, R2Conv, R3Conv } from "../../../src/nn/mod.ts";
import { assign, noGrad, scope, tensor } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { values } from "../support.ts";

const space = rot2dOnR2(4);

test("BiasExpansion spreads each number over the trivial column of its field", () => {
  const twice = directSum([space.trivialRepr, space.irrep(1), space.trivialRepr]);
  const type = new FieldType(space, [space.regularRepr, space.irrep(1), twice]);
  const expansion = new BiasExpansion(type);
  assertEquals(expansion.count, 3);
  const bias = values(expansion.apply(tensor([2, 3, 5], { dtype: "float64" })));
  assertClose(bias, [1, 1, 1, 1, 0, 0, 3, 0, 0, 5], { absolute: 1e-15 });
});

test("BiasExpansion counts nothing for fields without trivial irreps, and R2Conv has no bias then", () => {
  const type = new FieldType(space, space.irrep(1), 2);
  assertEquals(new BiasExpansion(type).count, 0);
  assertEquals([...new R2Conv(type, type, 3).stateDict().tensors.keys()], ["weights"]);
});

const SPACES: readonly GSpace[] = [
  flipOnR1(),
  flip2dOnR2(),
  rot2dOnR2(5),
  rot2dOnR2(),
  flipRot2dOnR2(4),
  flipRot2dOnR2(),
  rot2dOnR3(4),
  conicalOnR3(3),
  fullCylindricalOnR3(2),
  invOnR3(),
  tetraOnR3(),
  octaOnR3(),
  fullOctaOnR3(),
  icoOnR3(),
  rot3dOnR3(),
  flipRot3dOnR3(),
  noBaseSpace(dihedralGroup(3)),
];

test("every bias column has norm 1, and every weight a filter with Σ K² = size of its output irrep, for all groups", () => {
  for (const space of SPACES) {
    const finite = !space.fibergroup.isContinuous;
    const irreps = [...space.irreps(2)].filter(({ size }) => size <= 3);
    const type = new FieldType(space, [...irreps, ...(finite ? [space.regularRepr] : [])]);
    const bias = new BiasExpansion(type);
    for (let i = 0; i < bias.count; i++) {
      const column = values(bias.apply(tensor(Float64Array.from({ length: bias.count }, (_, j) => i === j ? 1 : 0))));
      assertClose([column.reduce((sum, v) => sum + v * v, 0)], [1], {
        absolute: 1e-12,
        message: `${space}, bias ${i}`,
      });
    }
    const inputs = new FieldType(space, irreps), options = { dtype: "float64", initialize: false } as const;
    const conv = [
      () => new Linear(inputs, inputs, options),
      () => new R1Conv(inputs, inputs, 5, options),
      () => new R2Conv(inputs, inputs, 5, options),
      () => new R3Conv(inputs, inputs, 3, options),
    ][space.dimensionality]();
    const sizes = conv.layout.matrices.flatMap(({ outIrrep, copies, columns }) =>
      new Array<number>(copies.length * columns).fill(space.fibergroup.irrep(...outIrrep).size)
    );
    const step = Math.max(1, Math.floor(sizes.length / 20));
    for (let i = 0; i < sizes.length; i += step) {
      using _ = scope();
      noGrad(() => assign(conv.weights, Float64Array.from(sizes, (_, j) => i === j ? 1 : 0)));
      const squares = noGrad(() => conv.expandFilter().square().sum()).itemSync();
      assertClose([squares], [sizes[i]], { absolute: 1e-11, message: `${space}, weight ${i}` });
    }
  }
});
