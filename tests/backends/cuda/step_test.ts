// A training step on the emulator in terms of the driver's calls: after the first one nothing waits, nothing is copied between host and
// device, nothing is allocated or compiled, and the optimizer is one launch.

import { assert, assertEquals } from "@std/assert";
import {
  Adam,
  currentBackend,
  disposeBackend,
  FieldType,
  GeometricTensor,
  GroupPooling,
  gspaces,
  InnerBatchNorm,
  R2Conv,
  randn,
  ReLU,
  scope,
  seed,
  SequentialModule,
  useBackend,
} from "@escnn/escnn";
import { whyNoEmulator } from "../../../backends/cuda/emulator/build.ts";
import { Emulator } from "../../../backends/cuda/emulator/control.ts";
import { test } from "../../support/test.ts";

const missing = await whyNoEmulator();
const emulator = missing === undefined ? await Emulator.start() : undefined;

/** What takes the host's or the device's time beside the work itself. */
const COSTLY: readonly string[] = [
  "cuStreamSynchronize",
  "cuEventSynchronize",
  "cuMemcpyHtoDAsync_v2",
  "cuMemcpyDtoHAsync_v2",
  "cuMemAlloc_v2",
  "cuMemFree_v2",
  "cuMemAllocHost_v2",
  "cuModuleLoadData",
  "nvrtcCompileProgram",
  "cudnnGetConvolutionForwardAlgorithm_v7",
];

test.runIf(
  emulator !== undefined,
  "a training step waits for nothing, and after the first one allocates, compiles and copies nothing",
  missing ?? "",
  async () => {
    if (emulator === undefined) return;
    await useBackend("cuda");
    seed(0);
    const space = gspaces.rot2dOnR2(8);
    const images = new FieldType(space, space.trivialRepr);
    const fields = new FieldType(space, [space.regularRepr, space.regularRepr]);
    const model = new SequentialModule(
      new R2Conv(images, fields, 5, { padding: 2 }),
      new InnerBatchNorm(fields),
      new ReLU(fields),
      new R2Conv(fields, fields, 3),
      new GroupPooling(fields),
    );
    using optimizer = new Adam(model.parameters(), { learningRate: 1e-3 });
    const x = randn([4, 1, 10, 10]);
    let updates = 0;
    const step = (): void => {
      using _ = scope();
      optimizer.zeroGrad();
      model.forward(new GeometricTensor(x, images)).tensor.square().mean().backward();
      const launches = emulator.calls("cuLaunchKernel");
      optimizer.step();
      updates = emulator.calls("cuLaunchKernel") - launches;
    };
    const waits = () => emulator.calls("cuStreamSynchronize") + emulator.calls("cuEventSynchronize");
    const before = waits();
    step();
    assertEquals(waits(), before);
    const { liveBytes, reservedBytes } = currentBackend().memory();
    const counts = COSTLY.map((name) => emulator.calls(name));
    const launched = emulator.calls("cuLaunchKernel");
    for (let i = 0; i < 5; i++) {
      step();
      assertEquals(updates, 1);
    }
    assertEquals(COSTLY.map((name) => emulator.calls(name)), counts);
    assert(emulator.calls("cuLaunchKernel") > launched);
    assertEquals(currentBackend().memory().liveBytes, liveBytes);
    assertEquals(currentBackend().memory().reservedBytes, reservedBytes);
    disposeBackend("cuda");
    assertEquals(emulator.leaks(), {});
  },
);
