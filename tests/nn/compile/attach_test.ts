// Convolutions by a plan take the elementwise step behind them along: which, and that numbers stay.

import { assert, assertEquals } from "@std/assert";
import { flipRot2dOnR2, octaOnR3, rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import { ELU, GeometricTensor, InnerBatchNorm, R2Conv, R3Conv, ReLU, SequentialModule } from "../../../src/nn/mod.ts";
import { noGrad, randn, scope, seed, startBackend, type Tensor, useBackend } from "../../../src/tensor/mod.ts";
import { compile } from "../../../src/nn/compile.ts";
import { test } from "../../support/test.ts";
import { regular, trivial } from "../support.ts";
import { assertCompiles, Calling } from "./support.ts";

await useBackend("reference");

const D = { dtype: "float64" } as const;

/** The operations of a compiled network. */
async function operations(
  model: Parameters<typeof assertCompiles>[0],
  shape: readonly number[],
  tolerance = 1e-12,
): Promise<string[]> {
  using compiled = await assertCompiles(model, shape, tolerance, D);
  return compiled.describe().steps.map(({ operation }) => operation);
}

for (const plan of ["harmonic", "structured"] as const) {
  test(`bias, folded normalization and a pointwise non-linearity behind the ${plan} plan`, async () => {
    seed(1);
    const space = flipRot2dOnR2(4), grey = trivial(space), fields = regular(space, 2);
    const layers = (bias: boolean) =>
      [
        new R2Conv(grey, fields, 3, { ...D, plan, bias }),
        new InnerBatchNorm(fields, D),
        new ELU(fields),
        new R2Conv(fields, fields, 3, { ...D, plan, padding: 1, stride: 2 }),
        new ReLU(fields),
      ] as const;
    for (const bias of [false, true]) {
      using model = new SequentialModule(...layers(bias));
      scope(() => noGrad(() => void model.forward(new GeometricTensor(randn([4, 1, 9, 9], D), grey))));
      assertEquals(
        (await operations(model, [2, 1, 9, 9])).filter((name) => name === "steerableConvolutionMap").length,
        2,
      );
      // A single sample, and a single position.
      assertEquals(
        (await operations(model, [1, 1, 3, 3])).filter((name) => name === "steerableConvolutionMap").length,
        2,
      );
    }
  });
}

test("a non-linearity of fields in space, and what is added from elsewhere", async () => {
  seed(2);
  const space = octaOnR3(), one = trivial(space), fields = regular(space, 1);
  using solid = new SequentialModule(new R3Conv(one, fields, 3, { ...D, plan: "harmonic" }), new ELU(fields));
  assertEquals(await operations(solid, [2, 1, 5, 4, 5]), ["steerableConvolutionMap"]);
  const flat = rot2dOnR2(4), grey = trivial(flat), type = regular(flat, 1);
  const conv = new R2Conv(grey, type, 3, { ...D, plan: "harmonic", padding: 1 });
  const other = new R2Conv(grey, type, 3, { ...D, plan: "structured", padding: 1 });
  const apply = (layer: R2Conv, x: Tensor) => layer.forward(new GeometricTensor(x, grey)).tensor;
  using sum = new Calling((x) => apply(conv, x).add(apply(other, x.neg())).relu(), { conv, other });
  const steps = await operations(sum, [2, 1, 6, 5]);
  // One of them takes the sum along; the other's result is what is added.
  assertEquals(steps.filter((name) => name.startsWith("steerable")).sort(), [
    "steerableConvolution",
    "steerableConvolutionMap",
  ]);
});

test("what is not local, or is needed as it is, stays behind", async () => {
  seed(3);
  const space = rot2dOnR2(4), grey = trivial(space), type = regular(space, 1);
  const conv = new R2Conv(grey, type, 3, { ...D, plan: "harmonic", padding: 1, bias: false });
  const apply = (x: Tensor) => conv.forward(new GeometricTensor(x, grey)).tensor;
  const cases: readonly [string, (x: Tensor) => unknown][] = [
    ["the result itself", (x) => apply(x)],
    ["other positions", (x) => apply(x).add(apply(x).flip(-1)).tanh()],
    ["samples of each other", (x) => apply(x).flip(0).tanh()],
    ["sums over positions", (x) => apply(x).exp().sum([2, 3])],
    ["no axis of positions", (x) => apply(x).permute([0, 1, 3, 2]).tanh()],
  ];
  for (const [name, run] of cases) {
    const model = new Calling(run, { conv });
    using compiled = await compile(model, [2, 1, 24, 20], D);
    const x = randn([2, 1, 24, 20], D);
    const expected = noGrad(() => run(x)) as Tensor, got = compiled.run(x);
    const error = await got.sub(expected).abs().max().item();
    assert(error < 1e-11, `${name}: ${error}`);
    const kinds = compiled.describe().steps.map(({ operation }) => operation);
    if (name === "no axis of positions") continue;
    assertEquals(kinds.includes("steerableConvolutionMap"), false, `${name}: ${kinds}`);
  }
});

test("without the backend's method both are calls of their own, with more memory", async () => {
  seed(4);
  const backend = await startBackend("cpu");
  const space = rot2dOnR2(8), grey = trivial(space), type = regular(space, 2);
  using model = new SequentialModule(
    new R2Conv(grey, type, 5, { plan: "structured", padding: 2 }),
    new ReLU(type),
    new R2Conv(type, type, 5, { plan: "structured", padding: 2 }),
    new ReLU(type),
  );
  await model.to(backend);
  const shape = [2, 1, 33, 31];
  using joined = await compile(model, shape, { backend });
  Object.defineProperty(backend, "steerableConvolutionMap", { value: undefined, configurable: true });
  using apart = await compile(model, shape, { backend });
  Reflect.deleteProperty(backend, "steerableConvolutionMap");
  const operation = (name: string) => (step: { readonly operation: string }) => step.operation === name;
  assertEquals(joined.describe().steps.filter(operation("steerableConvolutionMap")).length, 2);
  assertEquals(apart.describe().steps.filter(operation("steerableConvolutionMap")).length, 0);
  assert(joined.describe().plannedBytes < 0.8 * apart.describe().plannedBytes);
  const x = randn(shape, { backend });
  assertEquals(joined.run(x).dataSync(), apart.run(x).dataSync());
  backend.dispose();
});
