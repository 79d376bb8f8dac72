// A compiled network in each runtime: the compiler is loaded when it is asked for, runs without permissions, and gives the same numbers.

import { assert, assertEquals } from "@std/assert";
import {
  compile,
  FieldType,
  GeometricTensor,
  GroupPooling,
  gspaces,
  InnerBatchNorm,
  noGrad,
  R2Conv,
  randn,
  ReLU,
  scope,
  seed,
  SequentialModule,
  useBackend,
} from "@escnn/escnn";
import { test } from "../support/test.ts";

for (const name of ["cpu", "reference"]) {
  test(`a compiled network on ${name} equals its eval mode to 1e-5 in this runtime`, async () => {
    await useBackend(name, name === "cpu" ? { openblas: "off" } : {});
    seed(0);
    const space = gspaces.rot2dOnR2(4);
    const grey = new FieldType(space, space.trivialRepr), fields = new FieldType(space, space.regularRepr, 2);
    using network = new SequentialModule(
      new R2Conv(grey, fields, 5),
      new InnerBatchNorm(fields),
      new ReLU(fields),
      new R2Conv(fields, fields, 3),
      new GroupPooling(fields),
    );
    scope(() => {
      noGrad(() => network.forward(new GeometricTensor(randn([4, 1, 9, 9]).mul(3), grey)));
    });
    using compiled = await compile(network, [2, 1, 9, 9]);
    network.eval();
    using _ = scope();
    const x = randn([2, 1, 9, 9]), expected = noGrad(() => network.forward(new GeometricTensor(x, grey))).tensor;
    const got = await compiled.run(x).data(), wanted = await expected.data();
    assertEquals(got.length, wanted.length);
    assert(wanted.some((value) => value > 0.1));
    wanted.forEach((value, i) => assert(Math.abs(value - got[i]) < 1e-5, `${got[i]} for ${value}`));
    assert(compiled.describe().steps.length < compiled.describe().recordedSteps);
  });
}
