// One computation for many sets of operands on the emulator: values against `map`, few launches, and sets that do not fit the kernel.

import { assert, assertEquals } from "@std/assert";
import { whyNoEmulator } from "../../../../backends/cuda/emulator/build.ts";
import { Emulator } from "../../../../backends/cuda/emulator/control.ts";
import { mapGroupSource, setsPerLaunch } from "../../../../backends/cuda/kernels/map_group.ts";
import { input } from "../../../../src/tensor/expr.ts";
import { Adam } from "../../../../src/optim/mod.ts";
import {
  disposeBackend,
  expr,
  mapInPlaceGroup,
  nonFiniteFlag,
  seed,
  type Tensor,
  tensor,
  useBackend,
  zeros,
} from "../../../../src/tensor/mod.ts";
import { test } from "../../../support/test.ts";

const missing = await whyNoEmulator();
const emulator = missing === undefined ? await Emulator.start() : undefined;

function emulatedTest(name: string, run: (emulator: Emulator) => Promise<void>): void {
  test.runIf(emulator !== undefined, name, missing ?? "", async () => {
    if (emulator === undefined) return;
    emulator.reset();
    await run(emulator);
    disposeBackend("cuda");
    assertEquals(emulator.leaks(), {}, "left behind");
  });
}

/** Numbers that follow from their place. */
function ramp(count: number, start: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => ((i * 7 + start) % 23) / 8 - 1);
}

/** 150 parameters of different sizes after three steps of Adam, the second one refused. */
async function train(backend: string): Promise<number[][]> {
  await useBackend(backend);
  seed(0);
  const sizes = Array.from({ length: 150 }, (_, i) => [1, 5, 1300, 33, 2][i % 5] + i);
  const parameters = sizes.map((size, i) => tensor(ramp(size, i)).requireGrad());
  using optimizer = new Adam(parameters, { learningRate: 0.1, weightDecay: 0.01 });
  for (let step = 0; step < 3; step++) {
    optimizer.zeroGrad();
    const losses = parameters.map((parameter, i) => parameter.mul(tensor(ramp(sizes[i], step + i))).square().sum());
    losses.reduce((a, b) => a.add(b)).backward();
    optimizer.step({ unless: nonFiniteFlag([tensor(step === 1 ? NaN : 0)]) });
  }
  return await Promise.all(parameters.map(async (parameter) => [...await parameter.data()]));
}

emulatedTest(
  "an optimizer's step is a few launches for all parameters, and gives what the cpu gives",
  async (emulator) => {
    const expected = await train("cpu");
    const got = await train("cuda");
    got.forEach((values, i) =>
      values.forEach((value, j) =>
        assert(
          Math.abs(value - expected[i][j]) <= 1e-6 * Math.max(1, Math.abs(expected[i][j])),
          `parameter ${i}, element ${j}`,
        )
      )
    );
    const parameters = Array.from({ length: 150 }, (_, i) => tensor(ramp(10 + i, i)).requireGrad());
    using optimizer = new Adam(parameters, { learningRate: 0.1 });
    parameters.map((parameter) => parameter.sum()).reduce((a, b) => a.add(b)).backward();
    optimizer.step();
    const before = emulator.calls("cuLaunchKernel");
    optimizer.step();
    // Parameter, two averages, and the gradient: outputs and inputs are 7 operands.
    assertEquals(emulator.calls("cuLaunchKernel") - before, Math.ceil(150 / setsPerLaunch(7)));
  },
);

emulatedTest("sets with strides, of no elements and of other types are computed as well", async () => {
  await useBackend("cuda");
  const targets: Tensor[] = [
    tensor(ramp(12, 0), [3, 4]).transpose(0, 1),
    zeros([0]),
    tensor(ramp(5, 1)),
    tensor(Float64Array.from([1, 2, 3])),
    tensor(ramp(1, 2)),
  ];
  const inputs = [
    tensor(ramp(12, 3), [4, 3]),
    zeros([0]),
    tensor(2),
    tensor(Float64Array.from([5])),
    tensor(ramp(1, 4)),
  ];
  const expected = await Promise.all(targets.map(async (target, i) => [...await target.mul(3).add(inputs[i]).data()]));
  mapInPlaceGroup(
    targets.map((target, i) => ({ targets: [target], inputs: [inputs[i]] })),
    [3],
    ([t], [x], [three]) => [expr.add(expr.mul(t, three), x)],
  );
  for (const [i, target] of targets.entries()) assertEquals([...await target.data()], expected[i], `set ${i}`);
});

emulatedTest("sets that share memory follow each other", async () => {
  for (const backend of ["reference", "cuda"]) {
    await useBackend(backend);
    const a = tensor([1, 2, 3]);
    const b = tensor([10, 20, 30]);
    mapInPlaceGroup([{ targets: [a], inputs: [b] }, { targets: [b], inputs: [a] }], [], ([t], [x]) => [expr.add(t, x)]);
    assertEquals([[...await a.data()], [...await b.data()]], [[11, 22, 33], [21, 42, 63]]);
  }
});

test("mapGroupSource reads single elements once per thread's element at position 0, dense ones at their own", () => {
  const source = mapGroupSource([expr.add(input(0, "float32"), input(1, "float32"))], ["dense", "single"]);
  assert(source.includes("x0[i]") && source.includes("x1[0]"));
  assert(8 * 3 * setsPerLaunch(3) + 4 * (1 + 2 * setsPerLaunch(3)) <= 4096);
});
