// covers: src/nn/compile/compiled_network.ts
// Compiled networks on a backend that records: the first run records, the others are one call, with the values of the network itself.

import { assert, assertEquals } from "@std/assert";
import {
  compile,
  disposeBackend,
  FieldType,
  GeometricTensor,
  gspaces,
  InnerBatchNorm,
  noGrad,
  R2Conv,
  randn,
  ReLU,
  seed,
  SequentialModule,
  useBackend,
} from "@escnn/escnn";
import { whyNoEmulator } from "../../../backends/cuda/emulator/build.ts";
import { Emulator } from "../../../backends/cuda/emulator/control.ts";
import { test } from "../../support/test.ts";

const missing = await whyNoEmulator();
const emulator = missing === undefined ? await Emulator.start() : undefined;

test.runIf(
  emulator !== undefined,
  "a compiled network is one recorded call after its first run, and follows its input",
  missing ?? "",
  async () => {
    if (emulator === undefined) return;
    await useBackend("cuda");
    seed(3);
    const space = gspaces.rot2dOnR2(4);
    const [scalars, regular] = [new FieldType(space, space.trivialRepr), new FieldType(space, space.regularRepr)];
    const model = new SequentialModule(
      new R2Conv(scalars, regular, 3, { padding: 1 }),
      new InnerBatchNorm(regular),
      new ReLU(regular),
      new R2Conv(regular, scalars, 3),
    );
    model.eval();
    const compiled = await compile(model, [2, 1, 6, 6]);
    const calls = () =>
      ["cuLaunchKernel", "cudnnConvolutionForward", "cublasSgemm_v2"].map((name) => emulator.calls(name));
    for (let run = 0; run < 3; run++) {
      const x = randn([2, 1, 6, 6]);
      const before = calls();
      const result = compiled.run(x);
      if (run > 0) assertEquals(calls(), before, "one call instead of many");
      const got = [...await result.data()];
      const expected = [...await noGrad(() => model.forward(new GeometricTensor(x, scalars))).tensor.data()];
      const greatest = Math.max(...expected.map(Math.abs));
      got.forEach((value, i) => assert(Math.abs(value - expected[i]) <= 1e-5 * greatest, `run ${run}, element ${i}`));
    }
    // Inputs that do not lie in rows come to their place as well.
    const turned = randn([2, 1, 6, 6]).transpose(2, 3);
    const [got, expected] = [[...await compiled.run(turned).data()], [
      ...await noGrad(() => model.forward(new GeometricTensor(turned, scalars))).tensor.data(),
    ]];
    got.forEach((value, i) => assert(Math.abs(value - expected[i]) <= 1e-5 * Math.max(...expected.map(Math.abs))));
    compiled.dispose();
    disposeBackend("cuda");
    assertEquals(emulator.leaks(), {});
  },
);
