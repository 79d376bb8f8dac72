/**
 * The plans of steerable convolutions beside each other, direction by direction: forward, gradient of the input, gradient of the weights, on
 * all threads; which plan the cost model picks, how much longer its step takes than that of the best plan, and what a plan of its own for
 * each direction would save. Only figures of one run compare; the fastest of several rounds counts.
 *
 * Run: `deno run -A bench/plans_bench.ts [PART OF A NAME]`; `ESCNN_OPENBLAS=off` and `ESCNN_THREADS=1` as everywhere.
 */

import {
  backendInfo,
  bandlimitedRegularRepresentation,
  type ConvolutionPlan,
  directSum,
  FieldType,
  GeometricTensor,
  grad,
  type GridConv,
  type GSpace,
  gspaces,
  noGrad,
  R2Conv,
  R3Conv,
  randn,
  type Representation,
  scope,
  seed,
  so3Group,
  useBackend,
} from "@escnn/escnn";
import { peaks, peaksText } from "./peaks.ts";

/** Fields of one kind and their number. */
type Fields = readonly [Representation, number];

/** A layer and its input. */
interface Layer {
  readonly name: string;
  readonly space: GSpace;
  readonly fields: readonly [Fields, Fields];
  readonly kernelSize: number;
  readonly batch: number;
  readonly size: number;
  readonly stride?: number;
}

const c8 = gspaces.rot2dOnR2(8), c16 = gspaces.rot2dOnR2(16), d4 = gspaces.flipRot2dOnR2(4);
const octa = gspaces.octaOnR3(), so3 = gspaces.rot3dOnR3();
const regular = (space: GSpace, count: number): Fields => [space.regularRepr, count];
const grey = (space: GSpace): Fields => [space.trivialRepr, 1];

/** 1 + V + V⊗V + … up to the K-th power of the vector representation, as one field. */
function tensorPowers(K: number): Representation {
  const vector = so3Group().standardRepresentation;
  const powers: Representation[] = [so3Group().trivialRepresentation];
  for (let k = 1; k <= K; k++) powers.push(k === 1 ? vector : powers[k - 1].tensor(vector));
  return directSum(powers);
}
const fourier = bandlimitedRegularRepresentation(so3Group(), 2);
const irreps = directSum(so3.irreps(2));

/** Layers of the demo, of escnn's C8 tutorial, of wide residual networks, of the SE(3) network, and of the octahedral group. */
const LAYERS: readonly Layer[] = [
  { name: "tutorial 1", space: c8, fields: [grey(c8), regular(c8, 24)], kernelSize: 7, batch: 64, size: 29 },
  { name: "tutorial 2", space: c8, fields: [regular(c8, 24), regular(c8, 48)], kernelSize: 5, batch: 16, size: 25 },
  { name: "tutorial 6", space: c8, fields: [regular(c8, 96), regular(c8, 64)], kernelSize: 5, batch: 32, size: 7 },
  { name: "demo 2", space: c16, fields: [regular(c16, 5), regular(c16, 8)], kernelSize: 5, batch: 64, size: 15 },
  { name: "demo 4", space: c16, fields: [regular(c16, 8), regular(c16, 12)], kernelSize: 5, batch: 64, size: 8 },
  { name: "wrn block", space: d4, fields: [regular(d4, 16), regular(d4, 16)], kernelSize: 3, batch: 4, size: 48 },
  {
    name: "wrn going down",
    space: d4,
    fields: [regular(d4, 8), regular(d4, 16)],
    kernelSize: 3,
    batch: 4,
    size: 96,
    stride: 2,
  },
  { name: "wrn shortcut", space: d4, fields: [regular(d4, 8), regular(d4, 16)], kernelSize: 1, batch: 4, size: 48 },
  { name: "se3 stem", space: so3, fields: [grey(so3), [tensorPowers(2), 3]], kernelSize: 5, batch: 2, size: 33 },
  {
    name: "se3 1b",
    space: so3,
    fields: [[fourier, 2], [tensorPowers(3), 2]],
    kernelSize: 3,
    batch: 2,
    size: 33,
    stride: 2,
  },
  { name: "se3 2a", space: so3, fields: [[tensorPowers(3), 2], [fourier, 5]], kernelSize: 3, batch: 2, size: 17 },
  { name: "octa", space: octa, fields: [regular(octa, 2), regular(octa, 2)], kernelSize: 5, batch: 2, size: 17 },
  { name: "SO(3) irreps", space: so3, fields: [[irreps, 16], [irreps, 16]], kernelSize: 3, batch: 2, size: 17 },
];

const PLANS = ["dense", "harmonic", "structured"] as const satisfies readonly ConvolutionPlan[];
const DIRECTIONS = ["forward", "input", "weights"] as const;
const ROUNDS = 5;

/** Milliseconds of each direction. */
type Times = readonly number[];

function convolution({ space, fields, kernelSize, stride = 1 }: Layer, plan: ConvolutionPlan | "auto"): GridConv {
  const [inType, outType] = fields.map(([rho, count]) => new FieldType(space, rho, count));
  const options = { padding: kernelSize >> 1, stride, bias: false, plan };
  return space.dimensionality === 2
    ? new R2Conv(inType, outType, kernelSize, options)
    : new R3Conv(inType, outType, kernelSize, options);
}

/** The fastest of several rounds for all plans, round by round in turn, so that what else the machine does meets all alike. */
function measure(layer: Layer): Times[] {
  using _ = scope();
  const runs = PLANS.map((plan) => {
    const conv = convolution(layer, plan);
    const sizes = Array.from({ length: layer.space.dimensionality }, () => layer.size);
    const x = randn([layer.batch, conv.inType.size, ...sizes], { requiresGrad: true });
    const input = new GeometricTensor(x, conv.inType);
    const y = conv.forward(input).tensor;
    const gradient = randn(y.shape);
    const derivative = (of: typeof x) => grad([y], [of], { gradOutputs: [gradient], retainGraph: true });
    return [
      () => void noGrad(() => conv.train().forward(input)),
      () => void derivative(x),
      () => void derivative(conv.weights),
    ];
  });
  const best = PLANS.map(() => DIRECTIONS.map(() => Infinity));
  for (let round = 0; round <= ROUNDS; round++) {
    runs.forEach((directions, plan) =>
      directions.forEach((run, direction) => {
        using _ = scope();
        const start = performance.now();
        run();
        // The first round compiles kernels.
        if (round > 0) best[plan][direction] = Math.min(best[plan][direction], performance.now() - start);
      })
    );
  }
  return best;
}

const sum = (times: Times): number => times.reduce((a, b) => a + b, 0);

console.log(peaksText(await peaks()));
await useBackend("cpu");
seed(0);
console.log(`${backendInfo().split("\n")[0]}\n`);
const titles = PLANS.map((plan) => plan.padStart(27)).join("");
const directions = PLANS.map(() => DIRECTIONS.map((direction) => direction.padStart(9)).join("")).join("");
console.log(`${"".padEnd(16)}${titles}   picked      ÷ best  mixed\n${"ms".padEnd(16)}${directions}`);
const chosen = LAYERS.filter(({ name }) => name.includes(Deno.args[0] ?? ""));
for (const layer of chosen) {
  const times = measure(layer);
  const sizes = Array.from({ length: layer.space.dimensionality }, () => layer.size);
  const auto = convolution(layer, "auto");
  const picked = auto.planFor([layer.batch, auto.inType.size, ...sizes]);
  const totals = times.map(sum), best = Math.min(...totals);
  const mixed = sum(DIRECTIONS.map((_, direction) => Math.min(...times.map((one) => one[direction]))));
  const cells = times.map((one) => one.map((time) => time.toFixed(2).padStart(9)).join(""));
  console.log(
    `${layer.name.padEnd(16)}${cells.join("")}   ${picked.padEnd(10)} ${
      (totals[PLANS.indexOf(picked)] / best).toFixed(2).padStart(7)
    } ${(mixed / best).toFixed(2).padStart(6)}`,
  );
}
