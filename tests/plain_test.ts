// The entry for exported networks: it reaches nothing of group theory, and a network that was exported loads and runs where there is none.

import { assert, assertEquals } from "@std/assert";
import * as plain from "@escnn/escnn/plain";
import { rot2dOnR2 } from "../src/gspaces/mod.ts";
import { GroupPooling, InnerBatchNorm, R2Conv, ReLU, SequentialModule } from "../src/nn/mod.ts";
import { assertClose } from "./support/close.ts";
import { temporaryDirectory } from "./support/files.ts";
import { execute } from "./support/process.ts";
import { readSources, type SourceFile } from "./support/sources.ts";
import { test } from "./support/test.ts";
import { regular, trivial } from "./nn/support.ts";

/** The files that a program may load which imports the entry, at once or later. */
function reached(): SourceFile[] {
  const sources = new Map(readSources(["src", "backends", "ffi"]).map((file) => [file.path, file]));
  const seen = new Set(["src/plain.ts"]);
  for (const path of seen) {
    for (const { target } of sources.get(path)!.imports) if (target !== undefined) seen.add(target);
  }
  return [...seen].map((path) => sources.get(path)!);
}

test("the plain entry reaches no group, kernel, space or equivariant module", () => {
  const paths = reached().map(({ path }) => path);
  assert(paths.includes("src/nn/plain/point_convolution.ts") && paths.includes("backends/cpu/mod.ts"));
  const foreign = paths.filter((path) => /^src\/(group|kernels|gspaces|optim|data)\/|^src\/nn\/(?!plain\/)/.test(path));
  assertEquals(foreign, []);
});

test("an exported network is saved, and loads and runs in a folder that holds the plain entry's files alone", async () => {
  await using folder = await temporaryDirectory();
  const space = rot2dOnR2(4), fields = regular(space, 2);
  const network = new SequentialModule(
    new R2Conv(trivial(space), fields, 5, { padding: 2, paddingMode: "circular" }),
    new InnerBatchNorm(fields),
    new ReLU(fields),
    new GroupPooling(fields),
  );
  const layers = network.export().eval();
  const path = `${folder.path}/network.safetensors`, input = plain.randn([2, 1, 9, 9]);
  await plain.saveCheckpoint(path, { model: layers }, { input: [...await input.data()] });
  for (const { path: source, text } of reached()) {
    const target = `${folder.path}/${source}`;
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(target, text);
  }
  const program = `${folder.path}/program.ts`;
  await Deno.writeTextFile(
    program,
    `import { BatchNorm2d, Conv2d, loadCheckpoint, MaxPoolChannels, noGrad, ReLU, Sequential, tensor, useBackend } from "./src/plain.ts";
await useBackend("cpu");
const conv = new Conv2d(1, 8, 5, { padding: 2, paddingMode: "circular" });
const model = new Sequential(conv, new BatchNorm2d(8), new ReLU(), new MaxPoolChannels(4));
const values = await loadCheckpoint(${JSON.stringify(path)}, { model });
const y = noGrad(() => model.eval().forward(tensor(values.input, [2, 1, 9, 9])));
console.log(JSON.stringify({ shape: y.shape, values: [...await y.data()] }));
`,
  );
  const { code, stdout, stderr } = await execute(program, [], { flags: ["--no-config", "--allow-read"] });
  assertEquals([code, stderr], [0, ""]);
  const got: { readonly shape: number[]; readonly values: number[] } = JSON.parse(stdout);
  const expected = layers.forward(input);
  assertEquals(got.shape, [...expected.shape]);
  assertClose(got.values, expected.dataSync(), { absolute: 1e-5 });
});
