// Sequences, the identity, restriction and reshuffling.

import { assert, assertEquals, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { GroupError } from "../../../src/group/mod.ts";
import { flipRot2dOnR2, rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import {
  ELU,
  FieldType,
  FieldTypeError,
  GeometricTensor,
  GroupPooling,
  IdentityModule,
  InnerBatchNorm,
  PointwiseMaxPool2D,
  R2Conv,
  ReLU,
  ReshuffleModule,
  RestrictionModule,
  SequentialModule,
} from "../../../src/nn/mod.ts";
import { Linear } from "../../../src/nn/plain/mod.ts";
import { ArgumentError, keep, memory, randn, scope, seed, useBackend, zeros } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { assertExports, feature, regular, trivial, values } from "../support.ts";

const space = rot2dOnR2(4), hidden = regular(space, 2);

function network(): SequentialModule<"pointwise"> {
  return new SequentialModule(
    new R2Conv(trivial(space), hidden, 3, { padding: 1 }),
    new InnerBatchNorm(hidden),
    new ReLU(hidden),
    new PointwiseMaxPool2D(hidden, 2),
    new R2Conv(hidden, hidden, 3),
    new GroupPooling(hidden),
  );
}

test("SequentialModule runs its modules in order and is equivariant", async () => {
  const net = network();
  assert((await net.checkEquivariance({ size: 8, batch: 1 })).maxExact < 1e-12);
  const x = feature(trivial(space), 2, 8, 6);
  assertEquals(net.evaluateOutputShape(x.shape), [2, 2, 2, 1]);
  assertEquals(net.forward(x).shape, [2, 2, 2, 1]);
  assertEquals(net.length, 6);
});

test("SequentialModule exports to a plain sequence with the same numbers", () => {
  const net = network();
  net.forward(feature(trivial(space), 2, 8, 8));
  assertExports(net, [8, 8]);
});

test("SequentialModule names its modules 0, 1, … or by the keys of an object", () => {
  const conv = new R2Conv(trivial(space), hidden, 3), relu = new ReLU(hidden);
  assertEquals([...new SequentialModule(conv, relu).stateDict().tensors.keys()], ["0.weights", "0.bias"]);
  const named = new SequentialModule({ conv, relu });
  assertEquals([...named.stateDict().tensors.keys()], ["conv.weights", "conv.bias"]);
  assertEquals([...named.export().children().keys()], ["conv", "relu"]);
  const list = [conv, new R2Conv(hidden, hidden, 3)];
  assertEquals(new SequentialModule(...list).outType, hidden);
});

test("SequentialModule keeps the order of an object's keys when they are numbers", () => {
  const net = network();
  assertEquals([...net.export().children().keys()], ["0", "1", "2", "3", "4", "5"]);
});

test("SequentialModule refuses modules that do not fit, naming both and their types, and an empty list", () => {
  const error = assertThrows(
    () => new SequentialModule(new R2Conv(trivial(space), hidden, 3), new ReLU(trivial(space))),
    FieldTypeError,
    "module 1 after 0",
  );
  assertStringIncludes(error.message, "2 × regular");
  assertStringIncludes(error.message, "irrep_0");
  const none: ReLU[] = [];
  assertThrows(() => new SequentialModule(...none), ArgumentError, "at least one module");
});

test("IdentityModule gives its input back", () => {
  const x = feature(hidden, 1, 2, 2);
  assertStrictEquals(new IdentityModule(hidden).forward(x), x);
  assertExports(new IdentityModule(hidden), [2, 2]);
  assertThrows(() => new IdentityModule(hidden).forward(feature(trivial(space), 1, 2, 2)), FieldTypeError);
});

test("RestrictionModule keeps the numbers and restricts the type; what follows is equivariant to the subgroup", () => {
  const dihedral = flipRot2dOnR2(4), type = regular(dihedral);
  const restriction = new RestrictionModule(type, [null, 4]);
  assertEquals(restriction.outType.fibergroup.name, "C4");
  const x = feature(type, 1, 3, 3), y = restriction.forward(x);
  assertStrictEquals(y.tensor, x.tensor);
  const inner = restriction.outType.gspace;
  const net = new SequentialModule(restriction, new R2Conv(restriction.outType, regular(inner), 3));
  for (const k of [0, 1, 2, 3]) {
    const g = dihedral.fibergroup.element([0, k]), h = inner.fibergroup.element(k);
    const got = values(net.forward(x.transform(g)).tensor), expected = values(net.forward(x).transform(h).tensor);
    got.forEach((v, i) => assert(Math.abs(v - expected[i]) < 1e-12));
  }
  assertExports(restriction, [3, 3]);
  assertThrows(() => new RestrictionModule(type, [null, 3]), GroupError);
  assertStringIncludes(restriction.toString(), "->");
});

test("ReshuffleModule permutes fields", () => {
  const type = new FieldType(space, [space.regularRepr, space.trivialRepr, space.irrep(1)]);
  const module = new ReshuffleModule(type, [2, 0, 1]), x = feature(type, 1, 2, 2);
  assertEquals(module.outType.sizes, [2, 4, 1]);
  assertEquals(values(module.forward(x).tensor.slice(1, 0, 2)), values(x.tensor.slice(1, 5, 7)));
  assertThrows(() => new ReshuffleModule(type, [0, 0, 1]), ArgumentError, "permutation");
});

test("SequentialModule gives the bits and the gradients of a normalization and a function apart, and keeps less for them", async () => {
  await useBackend("cpu");
  for (const Activation of [ReLU, ELU]) {
    const kept: number[] = [];
    const [fused, apart] = [true, false].map((together) => {
      seed(3);
      const norm = new InnerBatchNorm(hidden), activation = new Activation(hidden);
      const pair = new SequentialModule(norm, activation);
      const leaf = randn([4, 8, 9, 9]).mul(2).add(0.5).detach().requireGrad();
      const x = new GeometricTensor(leaf, hidden), gradient = randn([4, 8, 9, 9]);
      const before = memory().cpu.liveBytes;
      const y = scope(() => keep((together ? pair.forward(x) : activation.forward(norm.forward(x))).tensor));
      kept.push(memory().cpu.liveBytes - before);
      y.backward(gradient);
      const state = [...pair.stateDict().tensors.values()].flatMap((tensor) => [...tensor.dataSync()]);
      return [
        [...y.dataSync()],
        [...leaf.grad!.dataSync()],
        state,
        [...norm.parameters()].map((p) => [...p.grad!.dataSync()]),
      ];
    });
    assertEquals(fused[0], apart[0]);
    assertEquals(fused[2], apart[2]);
    assertClose(fused[1] as number[], apart[1] as number[], { absolute: 1e-5 });
    assertClose((fused[3] as number[][]).flat(), (apart[3] as number[][]).flat(), { absolute: 1e-4 });
    assert(kept[0] <= kept[1] - 4 * 4 * 8 * 81, `${kept}`);
  }
});

test("SequentialModule calls a forward that is not that of its class", async () => {
  await useBackend("reference");
  let calls = 0;
  class Counted extends ReLU {
    override forward(input: GeometricTensor): GeometricTensor {
      calls++;
      return super.forward(input);
    }
  }
  new SequentialModule(new InnerBatchNorm(hidden), new Counted(hidden)).forward(feature(hidden, 2, 3, 3));
  assertEquals(calls, 1);
});

test("SequentialModule names a plain layer among its modules, and modules a tensor without a type", () => {
  const space = rot2dOnR2(4), type = new FieldType(space, space.regularRepr).requirePointwise();
  const layer: unknown = new Linear(4, 2), x: unknown = zeros([1, 4, 3, 3]);
  assertThrows(
    () => new SequentialModule(new ReLU(type), layer as ReLU),
    ArgumentError,
    'SequentialModule: expected modules that can be in it, got Linear at "1". Its parts are equivariant modules',
  );
  assertThrows(
    () => new ReLU(type).forward(x as GeometricTensor),
    FieldTypeError,
    "new GeometricTensor(tensor, module.inType)",
  );
});
