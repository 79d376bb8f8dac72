// What cannot be compiled is refused with the module's name, and leaves nothing behind; what can, is recorded right.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { compile, CompileError } from "../../../src/nn/mod.ts";
import {
  arange,
  type Backend,
  concatenate,
  expr,
  mapInPlace,
  memory,
  ones,
  pad,
  parameter,
  rand,
  registerBackend,
  scatterAdd,
  startBackend,
  type Tensor,
  tensor,
  useBackend,
  zeros,
} from "../../../src/tensor/mod.ts";
import * as plain from "../../../src/nn/plain/mod.ts";
import { createProfilingBackend, ProfilingBackend } from "../../recipes/profiling_backend.ts";
import { test } from "../../support/test.ts";
import { assertCompiles, Calling } from "./support.ts";

await useBackend("reference");

/** A network with a part of this name that does the work. */
function named(name: string, run: (x: Tensor) => unknown): Calling {
  const part = new Calling(run);
  return new Calling((x) => part.forward(x), { [name]: part });
}

const weight = parameter([1, 2, 3]);
const REFUSED: readonly (readonly [why: string, run: (x: Tensor) => unknown, message: string])[] = [
  ["reads a result", (x) => x.mul(x.sum().itemSync()), "reads numbers which depend on the input"],
  ["draws random numbers", (x) => x.add(rand([3])), "map with random numbers"],
  ["changes a parameter", (x) => {
    mapInPlace([weight], [], [], ([w]) => [w]);
    return x.mul(weight);
  }, "a change of a parameter or buffer"],
];

for (const [why, run, message] of REFUSED) {
  test(`a module that ${why} is named in a CompileError`, async () => {
    const before = memory().reference, backend = await startBackend("reference");
    const error = await assertRejects(() => compile(named("culprit", run), [2, 3]), CompileError, message);
    assert(error.message.startsWith("compile, module culprit: expected"), error.message);
    assertEquals(memory().reference.liveBytes, before.liveBytes);
    assertEquals(Object.getOwnPropertyNames(backend).filter((name) => name === "map"), []);
    using some = zeros([2]);
    assertEquals((await some.data()).length, 2);
  });
}

test("a network that decides by something else than its input is found by its results", async () => {
  let calls = 0;
  await assertRejects(
    () => compile(new Calling((x) => x.mul(++calls)), [2, 3]),
    CompileError,
    "results that differ by",
  );
  using compiled = await compile(new Calling((x) => x.mul(++calls)), [2, 3], { verify: false });
  assertEquals(compiled.describe().steps.length, 1);
});

test("a network must give one tensor; run picks one of several", async () => {
  const two = new Calling((x) => [x.mul(2), x.add(1)]);
  await assertRejects(() => compile(two, [2, 3]), CompileError, "a list of 2");
  using compiled = await compile(two, [2, 3], { run: (x) => (two.forward(x) as Tensor[])[1] });
  using x = tensor([[1, 2, 3], [4, 5, 6]]);
  assertEquals([...compiled.run(x).dataSync()], [2, 3, 4, 5, 6, 7]);
});

test("results that are made piece by piece, in place, or on constants", async () => {
  const places = tensor(new Int32Array([2, 0, 2]));
  const index = (): Tensor => places.reshape([1, 3]).expand([2, 3]);
  const runs: readonly ((x: Tensor) => Tensor)[] = [
    (x) => scatterAdd(zeros([2, 4]), 1, index(), x),
    (x) => scatterAdd(ones([2, 4]).mul(3).exp(), 1, index(), x).mul(2),
    (x) => scatterAdd(x, 1, index(), ones([2, 3])),
    (x) => concatenate([ones([2, 1]), x, zeros([2, 2]), x.mul(2)], 1).add(1),
    (x) => pad(x, [[1, 1], [2, 0]]),
    (x) => {
      const y = x.clone(), z = y.mul(3);
      mapInPlace([y], [z], [2], ([a], [b], [c]) => [expr.add(expr.mul(a, c), b)]);
      return y.add(z);
    },
    (x) => {
      const c = ones([2, 3]).mul(2), y = x.add(c);
      mapInPlace([c], [], [], ([a]) => [expr.mul(a, 2)]);
      const z = y.mul(c);
      mapInPlace([c], [x], [], ([a], [b]) => [expr.add(a, b)]);
      return z.add(c);
    },
    (x) => x.flip(1).mul(x.select(1, 0).unsqueeze(1)).add(x.argmax(1, true).cast(x.dtype)),
    (x) => x.gt(0).cast("float32").add(x.cast("int32").cast("float32")),
    (x) => x.matmul(x.transpose(0, 1)).add(arange(2).cast(x.dtype)),
  ];
  for (const run of runs) {
    using _ = await assertCompiles(new Calling(run), [2, 3], 1e-6);
  }
});

/** A backend that records: what was issued is issued again. */
class RecordingBackend extends ProfilingBackend {
  recordings = 0;
  runs = 0;
  record(issue: () => void): { run(): void; dispose(): void } {
    this.recordings++;
    issue();
    return {
      run: () => {
        this.runs++;
        issue();
      },
      dispose: () => {
        this.recordings--;
      },
    };
  }
}

test("where a backend records operations, all runs after the first are runs of one recording", async () => {
  const backend = new RecordingBackend(await startBackend("reference"));
  const compiled = await compile(new Calling((x) => x.mul(2).add(1)), [2, 3], { backend });
  for (const [run, start] of [1, 5, 9].entries()) {
    using x = tensor([0, 1, 2, 3, 4, 5].map((i) => i + start), [3, 2], { backend });
    const given = run === 1 ? x.reshape([2, 3]) : x.transpose(0, 1);
    const expected = given.dataSync().map((value) => 2 * value + 1);
    assertEquals(compiled.run(given).dataSync(), expected);
  }
  assertEquals([backend.recordings, backend.runs], [1, 3]);
  compiled.dispose();
  assertEquals(backend.recordings, 0);
});

test("a backend of others, with methods of its own, is watched and left as it was", async () => {
  registerBackend("watched", createProfilingBackend);
  const backend: Backend = await startBackend("watched");
  const { map } = backend;
  const model = new plain.Sequential(new plain.Linear(3, 4), new plain.ReLU());
  await model.to(backend);
  using _ = await assertCompiles(model, [2, 3], 1e-6, { backend });
  assert(backend.map === map);
  const frozen = Object.freeze(await createProfilingBackend({}));
  await assertRejects(
    () => compile(new Calling((x) => x.mul(2)), [2, 3], { backend: frozen }),
    CompileError,
    "a frozen object",
  );
});
