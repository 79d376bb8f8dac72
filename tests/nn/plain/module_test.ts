// The module system: registration, names, modes, state dicts that load all or nothing, moves between backends, disposal.
// covers: src/nn/plain/state_dict.ts, src/nn/plain/errors.ts

import {
  assert,
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  BatchNorm1d,
  Layer,
  Linear,
  Module,
  ReLU,
  Sequential,
  STATE_CONVENTION,
  type StateDict,
  StateDictError,
} from "../../../src/nn/plain/mod.ts";
import {
  ArgumentError,
  DisposedError,
  randn,
  scope,
  seed,
  type Tensor,
  tensor,
  useBackend,
  zeros,
} from "../../../src/tensor/mod.ts";
import { test } from "../../support/test.ts";
import { values } from "../support.ts";

class Net extends Layer {
  readonly first = this.addModule("first", new Linear(3, 4));
  readonly norm = this.addModule("norm", new BatchNorm1d(4));
  readonly rest = this.addModule("rest", new Sequential(new ReLU(), new Linear(4, 2, { bias: false })));
  override forward(x: Tensor): Tensor {
    return this.rest.forward(this.norm.forward(this.first.forward(x)));
  }
}

const PARAMETERS = ["first.weight", "first.bias", "norm.weight", "norm.bias", "rest.1.weight"];
const BUFFERS = ["norm.running_mean", "norm.running_var", "norm.num_batches_tracked"];

test("Module lists parameters and buffers of the whole tree by dotted names", () => {
  const net = new Net();
  assertEquals(net.namedParameters().map(([name]) => name), PARAMETERS);
  assertEquals(net.namedBuffers().map(([name]) => name), BUFFERS);
  assertEquals(net.parameterCount(), 12 + 4 + 4 + 4 + 8);
  assert(net.parameters().every((parameter) => parameter.requiresGrad));
  assert(net.buffers().every((buffer) => !buffer.requiresGrad));
  assertEquals(net.namedModules().map(([name]) => name), ["", "first", "norm", "rest", "rest.0", "rest.1"]);
});

test("Module counts a part that is used twice once", () => {
  const shared = new Linear(2, 2), twice = new Sequential(shared, shared);
  assertEquals(twice.parameters().length, 2);
  assertEquals([...twice.stateDict().tensors.keys()], ["0.weight", "0.bias"]);
});

test("Module.train and eval switch the whole tree", () => {
  const net = new Net();
  assert(net.training);
  net.eval();
  assert(net.namedModules().every(([, module]) => !module.training));
  net.train();
  assert(net.norm.training);
});

test("Module.stateDict is the same in train and eval mode and loads into a module of the same construction", () => {
  seed(1);
  const net = new Net(), other = new Net();
  net.forward(randn([5, 3]));
  const state = net.stateDict();
  assertEquals(state.convention, STATE_CONVENTION);
  assertEquals([...net.eval().stateDict().tensors.keys()], [...state.tensors.keys()]);
  other.loadStateDict(state);
  const x = randn([4, 3]);
  assertEquals(values(other.eval().forward(x)), values(net.forward(x)));
  assertNotStrictEquals(other.first.weight, net.first.weight);
});

test("Module.loadStateDict converts between float32 and float64", () => {
  const fine = new Linear(2, 2, { dtype: "float64" }), coarse = new Linear(2, 2);
  coarse.loadStateDict(fine.stateDict());
  assertEquals(coarse.weight.dtype, "float32");
  assertEquals(values(coarse.weight), values(fine.weight).map(Math.fround));
});

test("Module.loadStateDict lists all that is missing, unexpected and misshapen, and changes nothing", () => {
  const net = new Net(), before = net.parameters().map(values);
  const tensors = new Map(net.stateDict().tensors);
  tensors.delete("first.bias");
  tensors.delete("norm.running_var");
  tensors.set("extra", zeros([1]));
  tensors.set("first.weight", zeros([3, 4]));
  tensors.set("norm.num_batches_tracked", zeros([]));
  const error = assertThrows(() => net.loadStateDict({ convention: STATE_CONVENTION, tensors }), StateDictError);
  assertEquals(error.problems.missing, ["first.bias", "norm.running_var"]);
  assertEquals(error.problems.unexpected, ["extra"]);
  assertEquals(error.problems.misshapen.length, 2);
  for (const part of ["first.bias", "norm.running_var", "extra", "[4, 3]", "[3, 4]", "Nothing was changed"]) {
    assertStringIncludes(error.message, part);
  }
  assertEquals(net.parameters().map(values), before);
});

test("Module.loadStateDict refuses a state dict of other conventions", () => {
  const net = new Net();
  const state: StateDict = { convention: STATE_CONVENTION + 1, tensors: net.stateDict().tensors };
  assertThrows(() => net.loadStateDict(state), StateDictError, `convention ${STATE_CONVENTION}`);
});

test("Module refuses names that are taken, empty or dotted, and unknown names", () => {
  class Bad extends Module {
    constructor(name: string) {
      super();
      this.addBuffer("taken", zeros([1]));
      this.addParameter(name, zeros([1]));
    }
    get unknown(): Tensor {
      return this.parameter("unknown");
    }
  }
  for (const name of ["taken", "", "a.b"]) {
    assertThrows(() => new Bad(name), ArgumentError, JSON.stringify(name));
  }
  assertThrows(() => new Bad("weight").unknown, ArgumentError, "registered parameter (weight)");
});

test("Module's parameters and buffers outlive the scope in which they were made", () => {
  let net: Net | undefined;
  {
    using _ = scope();
    net = new Net();
    net.forward(randn([3, 3]));
  }
  assertEquals(net.forward(randn([3, 3])).shape, [3, 2]);
});

test("Module.to moves everything and keeps values; a failure leaves the module where it was", async () => {
  const net = new Net(), before = net.parameters().map(values);
  const backend = await useBackend("reference");
  assertStrictEquals(await net.to(backend), net);
  assertEquals(net.parameters().map(values), before);
  assert(net.parameters().every((parameter) => parameter.requiresGrad));
  const weight = net.first.weight;
  let refused: unknown;
  try {
    await net.to("nowhere");
  } catch (error) {
    refused = error;
  }
  assert(refused instanceof Error);
  assertStringIncludes(refused.message, "nowhere");
  assertStrictEquals(net.first.weight, weight);
  assertEquals(net.forward(randn([2, 3])).shape, [2, 2]);
});

test("Module.dispose frees the tensors: use afterwards is an error", () => {
  const net = new Linear(2, 2);
  net.forward(tensor([[1, 2]])).sum().backward();
  {
    using _ = net;
  }
  assertThrows(() => net.forward(tensor([[1, 2]])), DisposedError);
});

test("Module.toString shows the tree with options", () => {
  assertEquals(
    new Net().toString().split("\n"),
    [
      "Net(",
      "  first: Linear(3 -> 4)",
      "  norm: BatchNorm1d(4, eps 0.00001, momentum 0.1)",
      "  rest: Sequential(",
      "    0: ReLU()",
      "    1: Linear(4 -> 2, no bias)",
      "  )",
      ")",
    ],
  );
});

test("Module.requireGrad freezes the whole tree and trains it again; moved parameters stay frozen", async () => {
  const frozen = new Linear(2, 3), network = new Sequential(frozen, new ReLU(), new Linear(3, 1));
  assertStrictEquals(frozen.requireGrad(false), frozen);
  const x = randn([4, 2]).requireGrad();
  network.forward(x).sum().backward();
  assertEquals(network.namedParameters().map(([name, { grad }]) => [name, grad?.shape]), [
    ["0.weight", undefined],
    ["0.bias", undefined],
    ["2.weight", [1, 3]],
    ["2.bias", [1]],
  ]);
  assertEquals(x.grad?.shape, [4, 2]);
  await network.to(network.parameters()[0].backend);
  assertEquals(network.parameters().map(({ requiresGrad }) => requiresGrad), [false, false, true, true]);
  assert(network.requireGrad().parameters().every(({ requiresGrad }) => requiresGrad));
});

test("Module refuses parts in its fields that were not registered, and takes those that are private or below another part", () => {
  class Forgetful extends Module {
    readonly body = new Linear(2, 3);
  }
  assertThrows(() => new Forgetful().parameters(), ArgumentError, 'this.addModule("body", …)');
  assertThrows(() => new Forgetful().train(), ArgumentError, "Linear in the field body");
  class Listing extends Module {
    readonly layers = [new Linear(2, 3), new ReLU()];
  }
  assertThrows(() => new Listing().stateDict(), ArgumentError, "ModuleList");
  class Scaling extends Module {
    readonly scale = tensor([1, 2]).requireGrad();
  }
  assertThrows(() => new Scaling().parameters(), ArgumentError, 'this.addParameter("scale", …)');
  class Registered extends Module {
    readonly body = this.addModule("body", new Sequential(new Linear(2, 3)));
    readonly first = this.body.layers[0];
    readonly #teacher = new Linear(2, 3);
    readonly result = this.#teacher.forward(tensor([[1, 2]]));
  }
  assertEquals(new Registered().namedParameters().map(([name]) => name), ["body.0.weight", "body.0.bias"]);
});
