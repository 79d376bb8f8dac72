/**
 * The plans of equivariant linear maps beside each other: a training step (forward and both gradients), a forward pass that expands the
 * matrix, and one in eval mode, for which it is kept; which plan the cost model picks, and how much longer it takes than the better one.
 * Only figures of one run compare; the fastest of several rounds counts.
 *
 * Run: `deno run -A bench/linear_bench.ts [PART OF A NAME]`; `ESCNN_OPENBLAS=off` and `ESCNN_THREADS=1` as everywhere.
 */

import {
  backendInfo,
  bandlimitedRegularRepresentation,
  cyclicGroup,
  dihedralGroup,
  directSum,
  FieldType,
  GeometricTensor,
  grad,
  gspaces,
  icosahedralGroup,
  Linear,
  type LinearPlan,
  noGrad,
  octahedralGroup,
  randn,
  type Representation,
  scope,
  seed,
  so3Group,
  useBackend,
} from "@escnn/escnn";
import { peaks, peaksText } from "./peaks.ts";

const regular = (group: { readonly regularRepresentation: Representation }) => group.regularRepresentation;
const c8 = regular(cyclicGroup(8)), c16 = regular(cyclicGroup(16)), d8 = regular(dihedralGroup(8));
const octa = regular(octahedralGroup()), ico = regular(icosahedralGroup()), so3 = so3Group();
const fourier = bandlimitedRegularRepresentation(so3, 3), irreps = [0, 1, 2].map((l) => so3.irrep(l));

/** Layers from fields to as many of the same kind: one representation, or several in runs. */
const LAYERS:
  readonly (readonly [name: string, representations: readonly Representation[], counts: readonly number[]])[] = [
    ["C8 regular", [c8], [4, 16, 64, 128]],
    ["C16 regular", [c16], [4, 16, 32]],
    ["D8 regular", [d8], [4, 16, 32]],
    ["octahedral regular", [octa], [1, 4, 8, 32]],
    ["icosahedral regular", [ico], [1, 4, 16]],
    ["SO(3) Fourier to 3", [fourier], [2, 8]],
    ["SO(3) sum of 0 1 2", [directSum(irreps)], [16, 64]],
    ["SO(3) runs of 0 1 2", irreps, [16, 64]],
    ["octahedral mixed", [octa, octahedralGroup().standardRepresentation, octahedralGroup().trivialRepresentation], [
      8,
    ]],
  ];
const BATCHES = [1, 64, 2048] as const;
const PLANS = ["dense", "structured"] as const satisfies readonly LinearPlan[];
const WORK = ["step", "forward", "inference"] as const;
const ROUNDS = 7;

function layer(representations: readonly Representation[], count: number, plan: LinearPlan | "auto"): Linear {
  const space = gspaces.noBaseSpace(representations[0].group);
  const type = new FieldType(space, representations.flatMap((rho) => new Array<Representation>(count).fill(rho)));
  return new Linear(type, type, { bias: false, plan });
}

/** Milliseconds of each work by each plan, round by round in turn, so that what else the machine does meets all alike. */
function measure(representations: readonly Representation[], count: number, batch: number): number[][] {
  using _ = scope();
  const runs = PLANS.map((plan) => {
    const linear = layer(representations, count, plan), kept = layer(representations, count, plan).eval();
    const x = randn([batch, linear.inType.size], { requiresGrad: true }), input = new GeometricTensor(x, linear.inType);
    const still = new GeometricTensor(x.detach(), linear.inType), gradient = randn([batch, linear.outType.size]);
    return [
      () => void grad([linear.forward(input).tensor], [x, linear.weights], { gradOutputs: [gradient] }),
      () => void noGrad(() => linear.forward(still)),
      () => void noGrad(() => kept.forward(still)),
    ];
  });
  const best = PLANS.map(() => WORK.map(() => Infinity));
  for (let round = 0; round <= ROUNDS; round++) {
    runs.forEach((works, plan) =>
      works.forEach((run, work) => {
        using _ = scope();
        const start = performance.now();
        run();
        // The first round compiles kernels.
        if (round > 0) best[plan][work] = Math.min(best[plan][work], performance.now() - start);
      })
    );
  }
  return best;
}

console.log(peaksText(await peaks()));
await useBackend("cpu");
seed(0);
console.log(`${backendInfo().split("\n")[0]}\n`);
const titles = WORK.map((work) => work.padStart(35)).join("");
const columns = WORK.map(() =>
  `${"dense".padStart(9)}${"struct.".padStart(9)}${"picked".padStart(11)}${"÷".padStart(6)}`
);
console.log(`${"".padEnd(34)}${titles}\n${"ms".padEnd(34)}${columns.join("")}`);
let worst = 1;
for (const [name, representations, counts] of LAYERS.filter(([name]) => name.includes(Deno.args[0] ?? ""))) {
  for (const count of counts) {
    for (const batch of BATCHES) {
      const times = measure(representations, count, batch), auto = layer(representations, count, "auto");
      const shape = [batch, auto.inType.size];
      const cells = WORK.map((_, work) => {
        if (work === 2) auto.eval();
        const picked = work === 2 ? noGrad(() => auto.planFor(shape)) : auto.planFor(shape);
        const [dense, structured] = times.map((one) => one[work]);
        const ratio = times[PLANS.indexOf(picked)][work] / Math.min(dense, structured);
        worst = Math.max(worst, ratio);
        return `${dense.toFixed(3).padStart(9)}${structured.toFixed(3).padStart(9)}${picked.padStart(11)}${
          ratio.toFixed(2).padStart(6)
        }`;
      });
      console.log(`${`${count} × ${name}`.padEnd(28)}${String(batch).padStart(6)}${cells.join("")}`);
    }
  }
}
console.log(`\nat most ${worst.toFixed(2)} × the better plan`);
