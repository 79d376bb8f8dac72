// Profiles: names, counts and sums of modules, derivatives and operations; traces whose events nest; and that nothing is left behind.
// covers: src/nn/profiling/profiler.ts, src/nn/profiling/report.ts, src/nn/profiling/operations.ts, src/nn/profiling/instrument.ts,
//   src/nn/profiling/names.ts, src/nn/profiling/tables.ts, src/tensor/observer.ts

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  Adam,
  ArgumentError,
  currentBackend,
  disposeBackend,
  expr,
  FieldType,
  GeometricTensor,
  grad,
  gspaces,
  InnerBatchNorm,
  map,
  Module,
  type ModuleProfile,
  plain,
  type Profile,
  profile,
  R2Conv,
  randn,
  ReLU,
  scope,
  SequentialModule,
  type Tensor,
  type TraceEvent,
  useBackend,
} from "@escnn/escnn";
import { factsOf, shortExpression } from "../../src/nn/profiling/operations.ts";
import { observer } from "../../src/tensor/observer.ts";
import { test } from "../support/test.ts";

const space = gspaces.rot2dOnR2(4);
const grey = new FieldType(space, space.trivialRepr), fields = new FieldType(space, space.regularRepr, 2);

/** A network of one's own with an equivariant body and a plain head. */
class Net extends Module {
  readonly body = this.addModule(
    "body",
    new SequentialModule(
      new R2Conv(grey, fields, 3, { padding: 1, plan: "dense" }),
      new InnerBatchNorm(fields),
      new ReLU(fields),
    ),
  );
  readonly head = this.addModule("head", new plain.Linear(8, 3));
  forward(x: Tensor): Tensor {
    const y = this.body.forward(new GeometricTensor(x, grey)).tensor;
    return this.head.forward(y.mean([2, 3]));
  }
}

function step(net: Net, optimizer: Adam | undefined, x: Tensor): void {
  using _ = scope();
  const loss = net.forward(x).square().mean();
  optimizer?.zeroGrad();
  loss.backward();
  optimizer?.step();
}

const byName = ({ modules }: Profile): Map<string, ModuleProfile> => new Map(modules.map((one) => [one.name, one]));

/** Throws unless each event lies inside the last one that has not ended before it begins, or after it. */
function assertNested(events: readonly TraceEvent[]): number {
  const open: TraceEvent[] = [];
  let deepest = 0;
  const nanoseconds = (microseconds: number): number => Math.round(microseconds * 1000);
  for (const event of events) {
    const begin = nanoseconds(event.ts), end = begin + nanoseconds(event.dur);
    while (open.length > 0 && nanoseconds(open.at(-1)!.ts) + nanoseconds(open.at(-1)!.dur) <= begin) open.pop();
    const around = open.at(-1);
    if (around !== undefined) {
      const limit = nanoseconds(around.ts) + nanoseconds(around.dur);
      assert(end <= limit, `${event.name} ends ${end - limit} ns after ${around.name}`);
    }
    open.push(event);
    deepest = Math.max(deepest, open.length);
  }
  return deepest;
}

for (const name of ["cpu", "reference"]) {
  test(`profile on ${name}: modules by name, with their calls, and own times that add up to the whole`, async () => {
    await useBackend(name);
    const net = new Net(), optimizer = new Adam(net.parameters()), x = randn([2, 1, 6, 6]);
    const found = await profile(() => {
      for (let i = 0; i < 3; i++) step(net, optimizer, x);
    }, { models: [net] });
    const modules = byName(found);
    const facts = [...modules.values()].map(({ name, layer, calls }) => `${name} ${layer} ${calls}`).sort();
    // The optimizer was made before: its step counts as outside.
    assertEquals(facts, [
      "(outside modules)  1",
      "Net Net 3",
      "Net.body SequentialModule 3",
      "Net.body.0 R2Conv 3",
      "Net.body.1 InnerBatchNorm 3",
      "Net.body.2 ReLU 3",
      "Net.head Linear 3",
    ]);
    const own = found.modules.reduce((sum, { forwardOwn, backwardOwn }) => sum + forwardOwn + backwardOwn, 0);
    assert(Math.abs(own - found.milliseconds) < 1e-6 * found.milliseconds + 1e-6, `${own} of ${found.milliseconds}`);
    const busy = found.operations.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    assert(busy > 0 && busy <= found.milliseconds, `${busy} of ${found.milliseconds}`);
    for (const { forward, forwardOwn, backward, backwardOwn } of modules.values()) {
      assert(forward >= forwardOwn && backward >= backwardOwn && forwardOwn >= 0 && backwardOwn >= 0);
    }
    const [body, conv, norm, relu] = ["Net.body", "Net.body.0", "Net.body.1", "Net.body.2"].map((n) => modules.get(n)!);
    assert(conv.backward > 0 && norm.backward > 0 && relu.backward > 0);
    assert(Math.abs(body.backward - body.backwardOwn - conv.backward - norm.backward - relu.backward) < 1e-6);
    assert(body.forward >= conv.forward + norm.forward + relu.forward);
  });
}

test("profile books operations to the module that called them, and those of the backward pass to the one that recorded them", async () => {
  await useBackend("cpu");
  const net = new Net(), x = randn([2, 1, 6, 6]);
  const { operations } = await profile(() => step(net, undefined, x), { models: [net] });
  const of = (operation: string) =>
    operations.filter((entry) => entry.operation === operation)
      .map(({ module, pass, calls, flops }) => [module, pass, calls, flops]);
  const flops = 2 * 2 * 36 * 8 * 9;
  assertEquals(of("convolution"), [["Net.body.0", "forward", 1, flops]]);
  assertEquals(of("convolutionWeightGradient"), [["Net.body.0", "backward", 1, flops]]);
  // The images want no gradient.
  assertEquals(of("convolutionInputGradient"), []);
  assertStringIncludes(
    operations.find(({ operation }) => operation === "convolution")!.detail,
    "1→8, k 3×3, 6×6→6×6, batch 2",
  );
  const head = operations.filter(({ operation, module }) => operation === "matmul" && module === "Net.head");
  assertEquals(
    head.map(({ pass, detail }) => `${pass} ${detail}`).sort(),
    ["backward [2, 3]·[3, 8]", "backward [8, 2]·[2, 3]", "forward [2, 8]·[8, 3]"],
  );
  assert(head.every(({ flops, bytes }) => flops === 2 * 2 * 3 * 8 && bytes === 4 * (2 * 8 + 2 * 3 + 3 * 8)));
  const relu = operations.find(({ operation, module, pass }) =>
    operation === "map" && module === "Net.body.2" && pass === "forward"
  )!;
  assertEquals([relu.detail, relu.bytes], ["select(le(x0, 0), 0, x0) [2, 8, 6, 6]", 2 * 4 * 576]);
});

test("profile finds modules, optimizers and backends that are made while it runs", async () => {
  disposeBackend("cpu");
  const found = await profile(async () => {
    await useBackend("cpu");
    const net = new Net(), optimizer = new Adam(net.parameters());
    step(net, optimizer, randn([2, 1, 6, 6]));
    new plain.ReLU().forward(randn([3]));
  });
  const modules = byName(found);
  assertEquals([modules.get("Net.body.0")?.calls, modules.get("ReLU")?.layer, modules.get("Adam.step")?.calls], [
    1,
    "ReLU",
    1,
  ]);
  assert(found.operations.some(({ module, operation }) => module === "Adam.step" && operation === "map"));
});

test("profile books second derivatives to the module that recorded the first", async () => {
  await useBackend("reference");
  const layer = new plain.Linear(3, 1), x = randn([2, 3], { requiresGrad: true });
  const found = await profile(() =>
    scope(() => {
      const [first] = grad([layer.forward(x).square().sum()], [x], { createGraph: true });
      first.square().sum().backward();
    }), { models: [layer] });
  const linear = byName(found).get("Linear")!;
  assert(linear.backward > 0 && linear.calls === 1);
  const products = found.operations.filter(({ operation }) => operation === "matmul");
  assert(products.length > 0 && products.every(({ module }) => module === "Linear"));
});

test("profile gives a trace whose events nest: operations in derivatives and modules, modules in modules", async () => {
  await useBackend("cpu");
  const net = new Net(), x = randn([2, 1, 6, 6]);
  const found = await profile(() => step(net, undefined, x), { models: [net] });
  const { traceEvents, displayTimeUnit } = JSON.parse(JSON.stringify(found.trace())) as ReturnType<Profile["trace"]>;
  assertEquals(displayTimeUnit, "ms");
  const [process, thread, ...events] = traceEvents;
  assertEquals([process, thread].map(({ ph, name }) => `${ph} ${name}`), ["M process_name", "M thread_name"]);
  assert(events.every(({ ph, ts, dur, pid, tid }) => ph === "X" && ts >= 0 && dur >= 0 && pid === 1 && tid === 1));
  assert(events.every(({ ts }, i) => i === 0 || events[i - 1].ts <= ts), "events come in order");
  // Net, body, layer, operation.
  assert(assertNested(events) >= 4);
  const count = (category: string) => events.filter(({ cat }) => cat === category).length;
  assertEquals(count("module"), 6);
  assert(count("derivative") > 3);
  assertEquals(count("operation"), found.operations.reduce((sum, { calls }) => sum + calls, 0));
  const backward = events.find(({ name, args }) => name === "Net.body.2 backward" && args.of !== undefined)!;
  const inside = events.filter(({ cat, ts, dur }) =>
    cat === "operation" && ts >= backward.ts && ts + dur <= backward.ts + backward.dur
  );
  assert(inside.length > 0 && inside.every(({ args }) => args.module === "Net.body.2" && args.pass === "backward"));
});

test("profile keeps as many events as it was told, counts the rest, and still sums all", async () => {
  await useBackend("reference");
  const layer = new plain.Linear(3, 2), x = randn([2, 3]);
  const run = () => {
    for (let i = 0; i < 10; i++) scope(() => void layer.forward(x));
  };
  const found = await profile(run, { models: [layer], maxEvents: 5 });
  const { traceEvents } = found.trace();
  assertEquals([traceEvents.length, byName(found).get("Linear")!.calls], [2 + 5, 10]);
  const operations = found.operations.reduce((sum, { calls }) => sum + calls, 0);
  assertEquals(found.droppedEvents, 10 + operations - 5);
  assertStringIncludes(String(found), `The trace lacks the last ${found.droppedEvents} events.`);
});

test("profile leaves classes, backends and the tape as they were, also after an error", async () => {
  await useBackend("cpu");
  const backend = currentBackend(), layer = new plain.Linear(3, 2);
  const methods = () => [
    plain.Linear.prototype.forward,
    backend.map,
    backend.allocate,
    Object.hasOwn(backend, "map"),
    Object.hasOwn(layer, "forward"),
  ];
  const before = methods();
  await profile(() => void layer.forward(randn([2, 3])), { models: [layer] });
  assertEquals(methods(), before);
  assertEquals(observer, undefined);
  await assertRejects(() => profile(() => layer.forward(randn([2, 4])), { models: [layer] }), Error, "[2, 4]");
  assertEquals(methods(), before);
  assertEquals(observer, undefined);
});

test("methods that were taken while a profile was taken work after it, and count no more", async () => {
  await useBackend("reference");
  const layer = new plain.Linear(3, 2), x = randn([2, 3]);
  let forward = layer.forward;
  const found = await profile(() => {
    forward = layer.forward;
  }, { models: [layer] });
  assert(forward !== layer.forward);
  assertEquals(await forward.call(layer, x).data(), await layer.forward(x).data());
  assertEquals(found.modules.map(({ name }) => name), ["(outside modules)"]);
});

test("profile runs once at a time", async () => {
  await useBackend("reference");
  await profile(async () => {
    await assertRejects(() => profile(() => {}), ArgumentError, "no profile under way");
  });
  assertEquals((await profile(() => {})).operations, []);
});

test("profile tells networks of one class apart, and names a part of a network by its place though it is called alone", async () => {
  await useBackend("reference");
  const [first, second] = [new Net(), new Net()], x = randn([1, 1, 6, 6]);
  const found = await profile(() => {
    first.head.forward(randn([1, 8]));
    first.forward(x);
    second.forward(x);
  }, { models: [first, second] });
  const calls = byName(found);
  assertEquals(["Net", "Net.head", "Net#2.head"].map((name) => calls.get(name)?.calls), [1, 2, 1]);
});

test("profile prints tables of operations and modules", async () => {
  await useBackend("reference");
  const net = new Net();
  const found = await profile(() => step(net, undefined, randn([2, 1, 6, 6])), { models: [net] });
  const text = String(found);
  for (const part of ["ms in all", "GFLOP/s", "Net.body.0", "all operations", "convolutionWeightGradient (backward)"]) {
    assertStringIncludes(text, part);
  }
  assertStringIncludes(text, "convolution 1→8, k 3×3");
  assert(!found.toString({ top: 0 }).includes("k 3×3"));
});

test("expressions are named shortly, however deep they share", () => {
  const x = expr.input(0, "float32");
  assertEquals(shortExpression(expr.maximum(expr.mul(x, 0.1), 0)), "maximum(mul(x0, 0.1), 0)");
  let deep = x;
  for (let i = 0; i < 200; i++) deep = expr.add(deep, deep);
  const text = shortExpression(deep);
  assert(text.length <= 72 && text.endsWith("…"), text);
});

test("facts of operations count what is repeated once", async () => {
  await useBackend("reference");
  const row = randn([3]), full = randn([2, 3]);
  const found = await profile(() => map([full, row], expr.add));
  const [sum] = found.operations.filter(({ operation }) => operation === "map");
  assertEquals([sum.detail, sum.bytes], ["add(x0, x1) [2, 3]", 4 * (6 + 3 + 6)]);
  assertEquals(factsOf("allocate", [64]).bytes, 64);
});
