// A small equivariant network in training: memory stays flat, the loss falls, and state dicts continue a run exactly.

import { assert, assertEquals } from "@std/assert";
import { flipRot2dOnR2 } from "../../src/gspaces/mod.ts";
import {
  FieldType,
  GeometricTensor,
  GroupPooling,
  InnerBatchNorm,
  PointwiseMaxPool2D,
  R2Conv,
  ReLU,
  SequentialModule,
} from "../../src/nn/mod.ts";
import { Linear, Module } from "../../src/nn/plain/mod.ts";
import { Adam } from "../../src/optim/mod.ts";
import { memory, noGrad, randn, scope, seed, type Tensor } from "../../src/tensor/mod.ts";
import { test } from "../support/test.ts";
import { trivial, values } from "./support.ts";

const space = flipRot2dOnR2(4);
const hidden = new FieldType(space, [space.regularRepr, space.quotientRepr([null, 2])], 2);

class Net extends Module {
  readonly body = this.addModule(
    "body",
    new SequentialModule(
      new R2Conv(trivial(space), hidden, 3, { padding: 1 }),
      new InnerBatchNorm(hidden),
      new ReLU(hidden),
      new PointwiseMaxPool2D(hidden, 2),
      new R2Conv(hidden, hidden, 3),
      new GroupPooling(hidden),
    ),
  );
  readonly head = this.addModule("head", new Linear(4, 2));
  forward(x: Tensor): Tensor {
    return this.head.forward(this.body.forward(new GeometricTensor(x, trivial(space))).tensor.mean([2, 3]));
  }
}

test("training an equivariant network holds live tensors and bytes flat and lowers the loss", () => {
  seed(12);
  const net = new Net(), optimizer = new Adam(net.parameters(), { learningRate: 1e-2 });
  const inputs = randn([4, 1, 6, 6]), targets = randn([4, 2]);
  const step = (): number => {
    using _ = scope();
    const loss = net.forward(inputs).sub(targets).square().mean();
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss.itemSync();
  };
  const first = step();
  step();
  const { liveTensors, liveBytes } = memory().reference;
  let last = first;
  for (let i = 0; i < 40; i++) last = step();
  assertEquals(memory().reference.liveTensors, liveTensors);
  assertEquals(memory().reference.liveBytes, liveBytes);
  assert(last < first / 2, `${first} -> ${last}`);
});

test("a network's state dict, saved in train mode, gives the same outputs in a new network in eval mode", () => {
  const net = new Net(), copy = new Net().eval();
  const x = randn([3, 1, 6, 6]);
  net.forward(x);
  copy.loadStateDict(net.stateDict());
  assertEquals(noGrad(() => values(copy.forward(x))), noGrad(() => values(net.eval().forward(x))));
});
