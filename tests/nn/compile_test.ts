// Compiled networks: equal to their eval mode, no allocation in a run, memory below the eager network's, refusals.
// covers: src/nn/compile/compiled_network.ts, src/nn/compile/plan_description.ts

import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { flipRot2dOnR2, type GSpace, rot2dOnR2, rot3dOnR3 } from "../../src/gspaces/mod.ts";
import {
  type CompiledNetwork,
  DisentangleModule,
  EquivariantModule,
  FieldType,
  FieldTypeError,
  FourierELU,
  GatedNonLinearity1,
  GeometricTensor,
  GroupPooling,
  IIDBatchNorm3d,
  InnerBatchNorm,
  MaskModule,
  Module,
  NormNonLinearity,
  NormPool,
  PointwiseAvgPoolAntialiased2D,
  PointwiseDropout,
  PointwiseMaxPool2D,
  R2Conv,
  R2ConvTransposed,
  R3Conv,
  ReLU,
  RestrictionModule,
  SequentialModule,
} from "../../src/nn/mod.ts";
import { compile } from "../../src/nn/compile.ts";
import * as plain from "../../src/nn/plain/mod.ts";
import {
  BackendMismatchError,
  DisposedError,
  DTypeError,
  memory,
  noGrad,
  randn,
  scope,
  seed,
  ShapeError,
  startBackend,
  type Tensor,
  useBackend,
  zeros,
} from "../../src/tensor/mod.ts";
import { test } from "../support/test.ts";
import { assertCompiles, evaluate, relativeError, type Runnable } from "./compile/support.ts";
import { regular, trivial } from "./support.ts";

await useBackend("cpu");

/** A residual block whose input goes on beside it. */
class Residual extends EquivariantModule<"pointwise"> {
  readonly inType: FieldType<"pointwise">;
  readonly outType: FieldType<"pointwise">;
  readonly #main: SequentialModule<"pointwise">;
  readonly #shortcut: R2Conv<"pointwise">;

  constructor(inType: FieldType<"pointwise">, outType: FieldType<"pointwise">) {
    super();
    [this.inType, this.outType] = [inType, outType];
    this.#main = this.addModule(
      "main",
      new SequentialModule(
        new InnerBatchNorm(inType),
        new ReLU(inType),
        new R2Conv(inType, outType, 3, { padding: 1 }),
        new InnerBatchNorm(outType),
        new ReLU(outType),
        new PointwiseDropout(outType),
        new R2Conv(outType, outType, 3, { padding: 1 }),
      ),
    );
    this.#shortcut = this.addModule("shortcut", new R2Conv(inType, outType, 1, { bias: false }));
  }

  override forward(input: GeometricTensor): GeometricTensor {
    return this.#main.forward(input).add(this.#shortcut.forward(input));
  }
}

/** An equivariant body with residual blocks and a change of the group, and a plain head: tensors to tensors. */
class Mixed extends Module {
  readonly #grey: FieldType<"pointwise">;
  readonly #body: SequentialModule;
  readonly #head: plain.Sequential;

  constructor(space: GSpace, subgroup: readonly [number, number]) {
    super();
    this.#grey = trivial(space);
    const fields = regular(space, 3), restricted = new RestrictionModule(fields, [...subgroup]);
    const parts = new DisentangleModule(restricted.outType), small = parts.outType.requirePointwise("Mixed");
    this.#body = this.addModule(
      "body",
      new SequentialModule(
        new MaskModule(this.#grey, 13) as EquivariantModule,
        new R2Conv(this.#grey, fields, 5, { padding: 2 }),
        new Residual(fields, fields),
        new PointwiseAvgPoolAntialiased2D(fields, 0.66, 2),
        restricted,
        parts,
        new Residual(small, small),
        new PointwiseMaxPool2D(small, 2),
        new GroupPooling(small),
      ),
    );
    this.#head = this.addModule(
      "head",
      new plain.Sequential(
        new plain.Flatten(),
        new plain.Linear(this.#body.outType.size * 9, 16),
        new plain.BatchNorm1d(16),
        new plain.ELU(),
        new plain.Dropout(0.5),
        new plain.Linear(16, 4),
      ),
    );
  }

  forward(x: Tensor): Tensor {
    return this.#head.forward(this.#body.forward(new GeometricTensor(x, this.#grey)).tensor);
  }
}

/** A plain network. */
function plainNetwork(): plain.Sequential {
  return new plain.Sequential(
    new plain.Conv2d(3, 8, 3, { padding: 1, bias: false }),
    new plain.BatchNorm2d(8),
    new plain.ReLU(),
    new plain.MaxPool2d(2),
    new plain.ConvTranspose2d(8, 6, 4, { stride: 2, padding: 1 }),
    new plain.BatchNorm2d(6),
    new plain.GlobalAveragePool(),
    new plain.Linear(6, 5),
  );
}

/** Fields of irreps of C_6 through gates and norms. */
function irrepNetwork(): SequentialModule {
  const space = rot2dOnR2(6), types = [0, 1, 2].map((k) => space.irrep(k));
  const input = new FieldType(space, [types[0], types[1]]);
  const hidden = new FieldType(space, [...types, ...types]);
  const gates = new FieldType(space, [
    ...hidden.representations.map(() => space.trivialRepr),
    ...hidden.representations,
  ]);
  const gated = new GatedNonLinearity1(gates);
  return new SequentialModule(
    new R2Conv(input, hidden, 5, { padding: 2 }),
    new NormNonLinearity(hidden),
    new R2Conv(hidden, gates, 3, { padding: 1 }) as EquivariantModule,
    gated,
    new R2ConvTransposed(gated.outType, hidden, 3, { padding: 1 }),
    new NormPool(hidden),
  );
}

/** Features of SO(3) through functions on the group. */
function voxelNetwork(): SequentialModule {
  const space = rot3dOnR3(), voxels = trivial(space);
  const elu = new FourierELU(space, 2, [[0], [1]], { grid: { type: "thomson_cube", N: 1 } });
  return new SequentialModule(
    new R3Conv(voxels, elu.inType, 3, { padding: 1, bias: false }),
    new IIDBatchNorm3d(elu.inType),
    elu,
    new R3Conv(elu.outType, elu.inType, 3, { padding: 1, stride: 2 }),
    new NormPool(elu.inType),
  );
}

const NETWORKS: readonly (readonly [name: string, make: () => Runnable, shape: readonly number[]])[] = [
  ["a residual network of D_4 with a plain head", () => new Mixed(flipRot2dOnR2(4), [0, 2]), [3, 1, 13, 13]],
  ["a residual network of C_8 with a plain head", () => new Mixed(rot2dOnR2(8), [4] as never), [3, 1, 13, 13]],
  ["a plain network", plainNetwork, [2, 3, 8, 8]],
  ["gates and norms on irreps", irrepNetwork, [2, 3, 9, 9]],
  ["functions on SO(3)", voxelNetwork, [2, 1, 7, 7, 7]],
];

/** Takes running statistics and batch normalizations away from their start. */
function train(model: Runnable, shape: readonly number[]): void {
  scope(() => {
    for (let step = 0; step < 2; step++) {
      const own: unknown = Reflect.get(model, "inType"), x = randn([6, ...shape.slice(1)]).mul(2).add(0.3);
      noGrad(() => Reflect.apply(model.forward, model, [own instanceof FieldType ? new GeometricTensor(x, own) : x]));
    }
  });
}

for (const [name, make, shape] of NETWORKS) {
  test(`${name}: compiled equals eval mode to 1e-5, allocates nothing in 100 runs, plans less than the eager peak`, async () => {
    seed(0);
    using model = make();
    train(model, shape);
    using compiled = await assertCompiles(model, shape, 1e-5);
    using x = randn(shape);
    const before = memory().cpu, first = compiled.run(x);
    for (let run = 0; run < 100; run++) assertEquals(compiled.run(x), first);
    const after = memory().cpu;
    assertEquals([after.liveBytes, after.liveBuffers, after.liveTensors], [
      before.liveBytes,
      before.liveBuffers,
      before.liveTensors,
    ]);
    const { plannedBytes, unsharedBytes, steps, recordedSteps, flops } = compiled.describe();
    const eager = eagerPeak(model, x);
    assert(plannedBytes < eager, `${plannedBytes} bytes planned, eager ${eager}`);
    assert(plannedBytes <= unsharedBytes && steps.length < recordedSteps && flops > 0);
  });
}

/** The most bytes that an eager pass holds at once, as the sum of what it holds at its end. */
function eagerPeak(model: Runnable, x: Tensor): number {
  using _ = scope();
  const before = memory().cpu.liveBytes;
  evaluate(model, x);
  return memory().cpu.liveBytes - before;
}

test("a compiled network has weights of its own, and leaves the network's mode and the backend as they were", async () => {
  seed(1);
  using x = randn([2, 1, 13, 13]);
  const model = new Mixed(rot2dOnR2(4), [2] as never), backend = x.backend;
  const methods = Object.getOwnPropertyNames(backend);
  model.train();
  const compiled = await compile(model, [2, 1, 13, 13]);
  assert(model.training && model.namedModules().every(([, module]) => module.training));
  assertEquals(Object.getOwnPropertyNames(backend), methods);
  assert(model.namedModules().every(([, module]) => !Object.hasOwn(module, "forward")));
  model.eval();
  using expected = evaluate(model, x).clone();
  noGrad(() => model.loadStateDict({ ...new Mixed(rot2dOnR2(4), [2] as never).stateDict() }));
  model.dispose();
  assert(relativeError(compiled.run(x), expected) < 1e-5);
  compiled.dispose();
});

test("disposing a compiled network gives all of its memory back, and so does one that cannot be made", async () => {
  seed(2);
  using model = plainNetwork();
  model.eval();
  using warm = await compile(model, [2, 3, 8, 8]);
  warm.run(zeros([2, 3, 8, 8]));
  const before = memory().cpu;
  const compiled = await compile(model, [4, 3, 8, 8]);
  scope(() => {
    compiled.run(randn([4, 3, 8, 8]).permute([0, 1, 3, 2]));
  });
  compiled.dispose();
  compiled.dispose();
  await assertRejects(() => compile(model, [4, 2, 8, 8]), ShapeError);
  assertEquals(memory().cpu.liveBytes, before.liveBytes);
  assertEquals(memory().cpu.liveTensors, before.liveTensors);
});

test("inputs that are views, and geometric tensors, give the same results; the output is one tensor", async () => {
  seed(3);
  using model = irrepNetwork();
  using compiled = await assertCompiles(model, [2, 3, 9, 9], 1e-5);
  using _ = scope();
  const x = randn([3, 3, 9, 9]), turned = x.slice(0, 1, 3).permute([0, 1, 3, 2]);
  const expected = evaluate(model, turned);
  const result = compiled.run(turned);
  assert(relativeError(result, expected) < 1e-5);
  assertEquals(compiled.run(new GeometricTensor(turned.contiguous(), model.inType)), result);
  assert(relativeError(result, expected) < 1e-5);
  const part = x.slice(0, 1, 3);
  assert(relativeError(compiled.run(part), evaluate(model, part)) < 1e-5);
  result.dispose();
  assert(relativeError(compiled.run(turned), expected) < 1e-5);
  assert(compiled.outType!.equals(model.outType) && compiled.inType!.equals(model.inType));
});

test("float64 networks and the option dtype", async () => {
  seed(4);
  const space = rot2dOnR2(4), fields = regular(space, 2);
  using model = new SequentialModule(new R2Conv(trivial(space), fields, 3, { dtype: "float64" }), new ReLU(fields));
  using double = await assertCompiles(model, [2, 1, 7, 7], 1e-13);
  assertEquals(double.dtype, "float64");
  using single = await assertCompiles(model, [2, 1, 7, 7], 1e-6, { dtype: "float32" });
  assertEquals(single.dtype, "float32");
});

test("describe names the plan of each convolution, operations and memory", async () => {
  const space = rot2dOnR2(8), grey = trivial(space), fields = regular(space, 4);
  const chain = (plan: "dense" | "harmonic" | "structured"): SequentialModule =>
    new SequentialModule(
      new R2Conv(grey, fields, 5, { plan, bias: false }),
      new InnerBatchNorm(fields),
      new ReLU(fields),
    );
  for (const plan of ["dense", "harmonic", "structured"] as const) {
    using model = chain(plan);
    using compiled = await assertCompiles(model, [2, 1, 11, 11], 1e-5);
    const description = compiled.describe();
    // What follows a convolution by the other plans is computed on each part of its result.
    assertEquals(description.steps.map((step) => step.plan), plan === "dense" ? ["dense", undefined] : [plan]);
    assertEquals(description.steps.at(-1)!.modules, plan === "dense" ? ["1", "2"] : ["0", "1", "2"]);
    assertEquals(description.folded, plan === "structured" ? [] : ["0"]);
    assertStringIncludes(String(description), plan === "dense" ? "convolution (dense)" : `onvolutionMap (${plan})`);
    assertStringIncludes(String(description), plan === "dense" ? "2 steps of" : "1 steps of");
    if (plan === "dense") assertEquals(description.steps[0].flops, 2 * 2 * 32 * 25 * 49);
  }
});

test("inputs that do not fit are refused, naming both sides", async () => {
  const space = rot2dOnR2(4), fields = regular(space);
  using model = new SequentialModule(new R2Conv(fields, fields, 3), new ReLU(fields));
  const compiled: CompiledNetwork = await compile(model, [2, 4, 5, 5]);
  using _ = scope();
  assertThrows(
    () => compiled.run(zeros([1, 4, 5, 5])),
    ShapeError,
    "[2, 4, 5, 5], for which it was compiled, got [1, 4, 5, 5]",
  );
  assertThrows(() => compiled.run(zeros([2, 4, 5])), ShapeError, "got [2, 4, 5]");
  assertThrows(() => compiled.run(zeros([2, 4, 5, 5], { dtype: "float64" })), DTypeError, "float32, got float64");
  const other = new FieldType(space, space.trivialRepr, 4);
  assertThrows(() => compiled.run(new GeometricTensor(zeros([2, 4, 5, 5]), other)), FieldTypeError, String(other));
  const reference = await startBackend("reference");
  const elsewhere = zeros([2, 4, 5, 5], { backend: reference });
  assertThrows(() => compiled.run(elsewhere), BackendMismatchError, "on reference");
  await assertRejects(
    () => compile(model, [2, 4, 5, 5], { backend: reference }),
    BackendMismatchError,
    "0.weights on cpu",
  );
  await assertRejects(() => compile(model, [0, 4, 5, 5]), ShapeError, "at least one number");
  await assertRejects(() => compile(model, [2, 3, 5, 5]), FieldTypeError, "expected 4 channels");
  compiled.dispose();
  assertThrows(() => compiled.run(zeros([2, 4, 5, 5])), DisposedError, "Compile the network again");
});
