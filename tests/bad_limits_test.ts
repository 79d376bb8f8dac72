// Limits as a user meets them, through the public entry: thread counts that the machine does not have, plans that a layer does not have, and
// heap limits that are exceeded anywhere in a training step: the error names numbers, nothing is changed, and work goes on.

import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  Adam,
  ArgumentError,
  backendInfo,
  currentBackend,
  disposeBackend,
  FieldType,
  GeometricTensor,
  gspaces,
  InnerBatchNorm,
  memory,
  OutOfMemoryError,
  R2Conv,
  randn,
  ReLU,
  runtime,
  scope,
  seed,
  SequentialModule,
  useBackend,
  zeros,
} from "@escnn/escnn";
import { execute } from "./support/process.ts";
import { temporaryDirectory } from "./support/files.ts";
import { test } from "./support/test.ts";

test("bad limits: thread counts of 0 or more than there are cores are refused, and the running backend stays", async () => {
  const running = await useBackend("cpu", { threads: 1 });
  for (const threads of [0, -1, runtime.cores() + 1, 1.5]) {
    const error = await assertRejects(() => useBackend("cpu", { threads }), ArgumentError);
    for (const part of ["1 to the number of cores", String(runtime.cores()), `got ${threads}`]) {
      assertStringIncludes(error.message, part);
    }
  }
  assert(currentBackend() === running);
  assertEquals((await zeros([2]).add(1).data())[0], 1);
});

test("bad limits: ESCNN_THREADS and ESCNN_HEAP_LIMIT out of range are named", async () => {
  await using folder = await temporaryDirectory();
  const script = `${folder.path}/program.ts`;
  await Deno.writeTextFile(
    script,
    `import { useBackend } from "@escnn/escnn";
console.log(await useBackend("cpu").then(() => "started", (error) => error.name + ": " + error.message));
`,
  );
  const run = async (env: Record<string, string>): Promise<string> => {
    const flags = ["-A", `--config=${Deno.cwd()}/deno.json`];
    return (await execute(script, [], { runtime: "deno", flags, env })).stdout;
  };
  const outputs = await Promise.all([
    run({ ESCNN_THREADS: "0" }),
    run({ ESCNN_THREADS: String(runtime.cores() + 1) }),
    run({ ESCNN_HEAP_LIMIT: "0" }),
  ]);
  const cores = runtime.cores();
  const expected = [
    ["ArgumentError", "ESCNN_THREADS", `number of cores, ${cores}`, 'got "0"'],
    ["ArgumentError", "ESCNN_THREADS", `number of cores, ${cores}`, `got "${cores + 1}"`],
    ["ArgumentError", "ESCNN_HEAP_LIMIT", "0"],
  ];
  expected.forEach((parts, i) => {
    for (const part of parts) assertStringIncludes(outputs[i], part);
  });
});

test("bad limits: plans that there are not are refused before anything is built", async () => {
  await useBackend("reference");
  const space = gspaces.rot2dOnR2(4), type = new FieldType(space, space.regularRepr);
  const before = memory().reference.liveBytes;
  const options = JSON.parse('{"plan": "winograd"}') as { readonly plan: "dense" };
  const error = assertThrows(() => new R2Conv(type, type, 3, options), ArgumentError);
  for (const part of ["R2Conv", "auto, dense, harmonic, structured", "winograd"]) {
    assertStringIncludes(error.message, part);
  }
  assertEquals(memory().reference.liveBytes, before);
});

const space = gspaces.rot2dOnR2(4);
const grey = new FieldType(space, space.trivialRepr), fields = new FieldType(space, space.regularRepr, 4);

/** A network, its optimizer, and a step on a batch that gives the loss. */
function training(): { readonly step: (batch: number) => Promise<number>; readonly weights: () => Promise<number[]> } {
  seed(0);
  const net = new SequentialModule(
    new R2Conv(grey, fields, 5, { padding: 2 }),
    new InnerBatchNorm(fields),
    new ReLU(fields),
    new R2Conv(fields, fields, 5, { padding: 2 }),
  );
  const optimizer = new Adam(net.parameters());
  let count = 0;
  return {
    step: (batch) =>
      scope(async () => {
        seed(++count);
        const x = randn([batch, 1, 24, 24]);
        const loss = net.forward(new GeometricTensor(x, grey)).tensor.square().mean();
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        return await loss.item();
      }),
    weights: async () => (await Promise.all(net.parameters().map(async (one) => [...await one.data()]))).flat(),
  };
}

test("bad limits: a step beyond the heap limit names allocation and live bytes, changes no weight, and training goes on", async () => {
  await useBackend("cpu", { threads: 1, openblas: "off" });
  const free = training();
  const expected = [await free.step(4), await free.step(4)];
  disposeBackend("cpu");
  // Room for small batches; the large one fails in its forward pass.
  await useBackend("cpu", { threads: 1, openblas: "off", heapLimit: 12 << 20 });
  const tight = training();
  const losses = [await tight.step(4)];
  const before = await tight.weights(), live = memory().cpu.liveBytes;
  const error = assertThrows(() => scope(() => void randn([336, 16, 24, 24])), OutOfMemoryError);
  for (const part of ["12386304 bytes", `${live} bytes`, "12 MiB", "ESCNN_HEAP_LIMIT"]) {
    assertStringIncludes(error.message, part);
  }
  assertEquals(memory().cpu.liveBytes, live);
  assertEquals(await tight.weights(), before);
  losses.push(await tight.step(4));
  assertEquals(losses, expected);
});

test("bad limits: wherever in a step memory ends, it is all given back and the step can be made smaller", async () => {
  disposeBackend("cpu");
  await useBackend("cpu", { threads: 1, openblas: "off", heapLimit: 12 << 20 });
  const { step, weights } = training();
  await step(2);
  let failures = 0;
  for (let batch = 2; batch <= 96; batch += 6) {
    const live = memory().cpu.liveBytes, tensors = memory().cpu.liveTensors, before = await weights();
    try {
      await step(batch);
    } catch (error) {
      failures++;
      assertInstanceOf(error, OutOfMemoryError);
      assertEquals(await weights(), before, `batch ${batch} changed weights`);
    }
    // Gradients that were made are the parameters' own.
    assert(memory().cpu.liveBytes <= live + 100_000, `batch ${batch}: ${live} → ${memory().cpu.liveBytes} bytes`);
    assert(memory().cpu.liveTensors <= tensors + 8, `batch ${batch}: ${tensors} → ${memory().cpu.liveTensors} tensors`);
  }
  assert(failures > 2, `${failures} steps failed`);
  assert(Number.isFinite(await step(2)));
  assertStringIncludes(backendInfo(), "cpu:");
  disposeBackend("cpu");
});
