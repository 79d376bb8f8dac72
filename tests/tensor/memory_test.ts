// Memory: bytes and tensors stay flat over steps, whether or not backward runs, and whoever disposes them.
// covers: src/tensor/storage.ts, src/tensor/node.ts, src/tensor/core.ts

import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import { createBackend as createReference } from "../../backends/reference/mod.ts";
import { test } from "../support/test.ts";
import { float64 } from "./support.ts";
import { grad } from "../../src/tensor/autograd.ts";
import { noGrad } from "../../src/tensor/context.ts";
import { convolution } from "../../src/tensor/conv.ts";
import { parameter, tensor, zeros } from "../../src/tensor/creation.ts";
import { DisposedError } from "../../src/tensor/errors.ts";
import * as E from "../../src/tensor/expr.ts";
import { concatenate } from "../../src/tensor/join.ts";
import { mapInPlace } from "../../src/tensor/map.ts";
import { matmul } from "../../src/tensor/matmul.ts";
import { memory } from "../../src/tensor/memory.ts";
import { averagePool, maxPool } from "../../src/tensor/pool.ts";
import { rand, randn } from "../../src/tensor/random.ts";
import { currentBackend } from "../../src/tensor/registry.ts";
import { scope } from "../../src/tensor/scope.ts";
import { logSoftmax } from "../../src/tensor/softmax.ts";
import { Storage } from "../../src/tensor/storage.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const live = () => {
  const { liveBytes, liveBuffers, liveTensors } = memory().reference;
  return { liveBytes, liveBuffers, liveTensors };
};

/** A small network: convolution, normalization, pooling, two matrix products, softmax. */
function network(): { parameters: Tensor[]; loss: (x: Tensor) => Tensor } {
  const kernel = parameter(float64([3, 2, 3, 3]));
  const bias = parameter(zeros([3], { dtype: "float64" }));
  const weight = parameter(float64([3, 4], 1));
  return {
    parameters: [kernel, bias, weight],
    loss: (x) => {
      const features = convolution(x, kernel, { bias, padding: 1 });
      const centered = features.sub(features.mean([0, 2, 3], true));
      const normalized = centered.div(features.variance([0, 2, 3], { keepDims: true }).add(1e-5).sqrt());
      const pooled = averagePool(maxPool(normalized.relu(), 2), 2).flatten(1);
      const logits = matmul(pooled, weight);
      return logSoftmax(concatenate([logits, logits.mul(0.5)], 1)).slice(1, 0, 2).mean().neg();
    },
  };
}

function descend(parameters: readonly Tensor[]): void {
  noGrad(() => {
    for (const p of parameters) {
      mapInPlace([p], [p.grad!], [0.01], ([value], [gradient], [rate]) => [E.sub(value, E.mul(rate, gradient))]);
      p.clearGrad();
    }
  });
}

test("scope keeps bytes and tensors equal after training steps 5 and 60", () => {
  const { parameters, loss } = network();
  const step = () => {
    using _ = scope();
    loss(randn([2, 2, 4, 4], { dtype: "float64" })).backward();
    descend(parameters);
  };
  for (let i = 0; i < 5; i++) step();
  const early = live();
  for (let i = 5; i < 60; i++) step();
  assertEquals(live(), early);
  for (const p of parameters) p.dispose();
});

test("backward frees the graph's memory although the scope is still open", () => {
  using _ = scope();
  const x = float64([64]).requireGrad();
  const before = live().liveBuffers;
  const root = scope(() => {
    let y = x;
    for (let i = 0; i < 10; i++) y = y.mul(y).sin();
    return y.sum();
  });
  // The root, and what its graph saved: an operand for each of the 20 operations but the first, whose operand is x.
  assertEquals(live().liveBuffers - before, 20);
  root.backward();
  assertEquals(live().liveBuffers - before, 2);
});

test("graphs that are dropped without backward free their memory with their last tensor", () => {
  const { parameters, loss } = network();
  const before = live();
  for (let i = 0; i < 3; i++) {
    using _ = scope();
    loss(rand([1, 2, 4, 4], { dtype: "float64" }));
  }
  assertEquals(live(), before);
  const kept = scope(() => loss(rand([1, 2, 4, 4], { dtype: "float64" })));
  assertGreater(live().liveBuffers, before.liveBuffers + 1);
  kept.dispose();
  assertEquals(live(), before);
  for (const p of parameters) p.dispose();
});

test("disposal by hand frees everything, without any scope", () => {
  const before = live();
  const x = float64([3]).requireGrad();
  const y = x.mul(x);
  const z = y.sum();
  x.dispose();
  y.dispose();
  z.dispose();
  z.dispose();
  assertEquals(live(), before);
});

test("backward through disposed intermediates and a disposed leaf still works", () => {
  using _ = scope();
  const x = tensor(Float64Array.of(2, 3)).requireGrad();
  const other = tensor(Float64Array.of(5, 7)).requireGrad();
  const y = x.mul(other);
  const z = y.mul(y).sum();
  y.dispose();
  other.dispose();
  z.backward();
  assertEquals(Array.from(x.grad!.dataSync()), [2 * 2 * 25, 2 * 3 * 49]);
  assertEquals(other.grad, undefined);
});

test("grad with createGraph leaves nothing behind", () => {
  const before = live();
  for (let i = 0; i < 3; i++) {
    using _ = scope();
    const x = float64([3]).requireGrad();
    const [first] = grad([x.pow(3).sum()], [x], { createGraph: true });
    const [second] = grad([first.square().sum()], [x], { createGraph: true });
    second.sum().backward();
  }
  assertEquals(live(), before);
});

test("backward releases what it made when it fails midway", () => {
  using _ = scope();
  const x = float64([3]).requireGrad();
  const y = x.sin();
  const z = y.mul(y).sum();
  noGrad(() => mapInPlace([y], [], [], ([value]) => [E.neg(value)]));
  const before = live();
  assertThrows(() => z.backward(), Error, "changed in place");
  assertEquals(live(), before);
});

test("views share memory, and the last one frees it", () => {
  const before = live();
  const x = float64([4, 4]);
  const column = x.slice(1, 0, 1);
  const flat = x.reshape([16]);
  assertEquals(live().liveBuffers, before.liveBuffers + 1);
  x.dispose();
  column.dispose();
  assertEquals(flat.dataSync().length, 16);
  flat.dispose();
  assertEquals(live(), before);
});

test("Storage frees its buffer with the last reference", () => {
  const before = live();
  const storage = new Storage(currentBackend(), 24);
  storage.retain();
  storage.release();
  assertEquals(live().liveBytes - before.liveBytes, 24);
  storage.release();
  assertEquals(live(), before);
});

test("a disposed tensor refuses use with its name and shape", () => {
  const x = tensor([1, 2], { name: "weight" });
  x.dispose();
  assertThrows(() => x.add(1), DisposedError, 'tensor "weight" [2] float32, which was disposed');
  assertThrows(() => x.reshape([2, 1]), DisposedError);
  assertThrows(() => x.dataSync(), DisposedError);
});

test("a long scope forgets tensors that were disposed in it", () => {
  using current = scope();
  for (let i = 0; i < 1000; i++) zeros([1]).dispose();
  assertEquals(current.size, 0);
});

test("a tensor of a backend that was disposed by its own method can still be let go", async () => {
  const backend = await createReference({});
  const x = zeros([4], { backend });
  backend.dispose();
  x.dispose();
  assertThrows(() => zeros([4], { backend }), DisposedError);
});
