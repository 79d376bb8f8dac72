// covers: src/io/checkpoint.ts, src/io/mod.ts

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { loadCheckpoint, saveCheckpoint, TensorFileError } from "../../src/io/mod.ts";
import { encodeCheckpoint } from "../../src/io/checkpoint.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/io/safetensors.ts";
import { BatchNorm1d, ELU, Linear, Sequential, StateDictError } from "../../src/nn/plain/mod.ts";
import { Adam, AdamW, type Optimizer, OptimizerStateError, SGD } from "../../src/optim/mod.ts";
import { runtime } from "../../src/runtime/mod.ts";
import { ArgumentError, memory, randn, scope, seed, useBackend } from "../../src/tensor/mod.ts";
import { temporaryDirectory } from "../support/files.ts";
import { test } from "../support/test.ts";

function network(hidden = 4): Sequential {
  return new Sequential(new Linear(3, hidden), new BatchNorm1d(hidden), new ELU(), new Linear(hidden, 2));
}

function steps(model: Sequential, optimizer: Optimizer, first: number, last: number): number[] {
  const losses: number[] = [];
  for (let step = first; step < last; step++) {
    using _ = scope();
    seed(100 + step);
    const loss = model.forward(randn([8, 3])).square().mean();
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    losses.push(loss.itemSync());
  }
  return losses;
}

/** A network and its optimizer after so many steps. */
function trained(count: number): { model: ReturnType<typeof network>; optimizer: Adam } {
  seed(1);
  const model = network(), optimizer = new Adam(model.parameters(), { learningRate: 0.05 });
  steps(model, optimizer, 0, count);
  return { model, optimizer };
}

test("loadCheckpoint continues a training run bit for bit", async () => {
  await useBackend("reference");
  await using folder = await temporaryDirectory();
  const path = `${folder.path}/run.safetensors`;
  const { model, optimizer } = trained(3);
  await saveCheckpoint(path, { model, optimizer }, { step: 3, losses: [1, 2.5], note: "three" });
  const expected = steps(model, optimizer, 3, 6);

  seed(2);
  const other = network();
  const resumed = new Adam(other.parameters(), { learningRate: 1 });
  const values = await loadCheckpoint(path, { model: other, optimizer: resumed });
  assertEquals(values, { step: 3, losses: [1, 2.5], note: "three" });
  assertEquals(steps(other, resumed, 3, 6), expected);
});

test("encodeCheckpoint gives the bytes that saveCheckpoint writes, and loadCheckpoint takes them", async () => {
  await useBackend("reference");
  await using folder = await temporaryDirectory();
  const path = `${folder.path}/run.safetensors`;
  const { model, optimizer } = trained(2);
  await saveCheckpoint(path, { model, optimizer }, { step: 2 });
  const bytes = await encodeCheckpoint({ model, optimizer }, { step: 2 });
  assertEquals(bytes, await runtime.readFile(path));
  const other = network(), resumed = new Adam(other.parameters(), { learningRate: 1 });
  assertEquals(await loadCheckpoint(bytes, { model: other, optimizer: resumed }), { step: 2 });
  assertEquals(steps(other, resumed, 2, 4), steps(model, optimizer, 2, 4));
  await assertRejects(
    () => loadCheckpoint(encodeSafetensors({ tensors: {}, metadata: {} }), { model }),
    TensorFileError,
    "loadCheckpoint of bytes: expected a file of format escnn-checkpoint-1",
  );
});

test("checkpoints hold groups of parameters, and those of one list are as they were before there were groups", async () => {
  await useBackend("reference");
  const grouped = (learningRate: number, decay: number): { model: Sequential; optimizer: AdamW } => {
    const model = network(), parameters = model.parameters();
    const matrices = parameters.filter(({ rank }) => rank > 1), others = parameters.filter(({ rank }) => rank < 2);
    const groups = [{ parameters: matrices, weightDecay: decay }, { parameters: others, learningRate, weightDecay: 0 }];
    return { model, optimizer: new AdamW(groups, { learningRate: 0.05 }) };
  };
  seed(1);
  const first = grouped(0.01, 0.1);
  steps(first.model, first.optimizer, 0, 3);
  const bytes = await encodeCheckpoint(first);
  const second = grouped(0.5, 0.1);
  await loadCheckpoint(bytes, second);
  assertEquals(second.optimizer.groups.map(({ learningRate }) => learningRate), [0.05, 0.01]);
  assertEquals(steps(second.model, second.optimizer, 3, 6), steps(first.model, first.optimizer, 3, 6));
  const other = grouped(0.01, 0.2), before = [...await other.model.parameters()[0].data()];
  await assertRejects(
    () => loadCheckpoint(bytes, other),
    OptimizerStateError,
    "got group.0.weightDecay is 0.1 instead of 0.2. Nothing was changed",
  );
  assertEquals([...await other.model.parameters()[0].data()], before);

  const model = network(), optimizer = new Adam(model.parameters(), { learningRate: 0.25 });
  steps(model, optimizer, 0, 2);
  const { metadata } = decodeSafetensors(await encodeCheckpoint({ model, optimizer }), "of bytes");
  assertEquals(metadata.optimizer, '{"step":2,"learningRate":0.25}');
});

test("loadCheckpoint leaves all as it is where its values are refused, and no tensors behind", async () => {
  await useBackend("reference");
  await using folder = await temporaryDirectory();
  const path = `${folder.path}/run.safetensors`;
  const model = network();
  await saveCheckpoint(path, { model }, { task: "a" });
  const before = memory().reference.liveTensors;
  assertEquals(await loadCheckpoint(path, { model, accept: (values) => values.task === "b" }), undefined);
  assertEquals(await loadCheckpoint(path, { model, accept: (values) => values.task === "a" }), { task: "a" });
  assertEquals(memory().reference.liveTensors, before);
});

test("loadCheckpoint names what does not fit and changes nothing", async () => {
  await useBackend("reference");
  await using folder = await temporaryDirectory();
  const path = `${folder.path}/run.safetensors`;
  const model = network();
  await saveCheckpoint(path, { model, optimizer: new Adam(model.parameters()) });
  const before = memory().reference.liveTensors;
  const larger = network(5);
  const parameters = memory().reference.liveTensors - before;
  const weights = [...await larger.parameters()[0].data()];
  await assertRejects(() => loadCheckpoint(path, { model: larger }), StateDictError, "[4, 3]");
  assertEquals(memory().reference.liveTensors, before + parameters);
  const small = network();
  const untouched = [...await small.parameters()[0].data()];
  const sgd = new SGD(small.parameters(), { momentum: 0.9 });
  await assertRejects(
    () => loadCheckpoint(path, { model: small, optimizer: sgd }),
    OptimizerStateError,
    "momentum.0 is missing",
  );
  assertEquals([...await small.parameters()[0].data()], untouched);
  assertEquals([...await larger.parameters()[0].data()], weights);
  await runtime.writeFile(path, encodeSafetensors({ tensors: {}, metadata: {} }));
  await assertRejects(() => loadCheckpoint(path, { model }), TensorFileError, "got a safetensors file without format");
});

test("a disposed module cannot be saved", async () => {
  await useBackend("reference");
  await using folder = await temporaryDirectory();
  const model = network();
  model.dispose();
  await assertRejects(() => saveCheckpoint(`${folder.path}/run.safetensors`, { model }));
  assertThrows(() => model.parameters()[0].dataSync());
});

test("saveCheckpoint says that a module by itself is not the parts of a checkpoint", async () => {
  await useBackend("reference");
  const parts = new Linear(2, 2) as unknown as { model: Linear };
  await assertRejects(
    () => saveCheckpoint("unwritten", parts),
    ArgumentError,
    "{ model, optimizer }, got a module by itself",
  );
});
