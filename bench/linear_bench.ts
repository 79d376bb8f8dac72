/**
 * The plans of equivariant linear maps and of tensor products of fields with themselves beside each other: a training step (forward and
 * both gradients), a forward pass that expands the matrix, and one in eval mode, for which a linear map keeps it; which plan the cost model
 * picks, and how much longer it takes than the better one. Only figures of one run compare; the fastest of several rounds counts.
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
  type GSpace,
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
  TensorProductModule,
  useBackend,
} from "@escnn/escnn";
import { peaks, peaksText } from "./peaks.ts";

const regular = (group: { readonly regularRepresentation: Representation }) => group.regularRepresentation;
const c8 = regular(cyclicGroup(8)), c16 = regular(cyclicGroup(16)), d8 = regular(dihedralGroup(8));
const octa = regular(octahedralGroup()), ico = regular(icosahedralGroup()), so3 = so3Group();
const fourier = bandlimitedRegularRepresentation(so3, 3), irreps = [0, 1, 2].map((l) => so3.irrep(l));

/** Linear maps from fields to as many of the same kind: one representation, or several in runs. */
const MAPS:
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

const plane = gspaces.rot2dOnR2(), space3 = gspaces.rot3dOnR3(), flips = gspaces.flipRot2dOnR2();
const sumTo = (space: GSpace, frequency: number) => directSum(space.fibergroup.irreps(frequency));

/** Tensor products of fields of one representation, and their inputs' sizes without channels. */
const SQUARES:
  readonly (readonly [name: string, GSpace, Representation, count: number, shapes: readonly (readonly number[])[]])[] =
    [
      ["SO(3) square to 1", gspaces.noBaseSpace(so3), sumTo(space3, 1), 32, [[64], [2048]]],
      ["SO(3) square to 2", gspaces.noBaseSpace(so3), sumTo(space3, 2), 32, [[1], [64], [2048]]],
      ["SO(3) square to 2", space3, sumTo(space3, 2), 16, [[2, 12, 12, 12]]],
      ["SO(3) square to 3", gspaces.noBaseSpace(so3), sumTo(space3, 3), 32, [[16], [512]]],
      ["SO(2) square to 2", plane, sumTo(plane, 2), 32, [[8, 29, 29]]],
      ["O(2) square to 3", flips, sumTo(flips, 3), 16, [[8, 29, 29]]],
      ["C8 square", gspaces.noBaseSpace(cyclicGroup(8)), c8, 16, [[64], [2048]]],
      ["C16 square", gspaces.noBaseSpace(cyclicGroup(16)), c16, 8, [[256]]],
    ];
const BATCHES = [1, 64, 2048] as const;
const PLANS = ["dense", "structured"] as const satisfies readonly LinearPlan[];
const WORK = ["step", "forward", "inference"] as const;
const ROUNDS = 7;

/** A layer by a plan, and the shape of its input. */
interface Work {
  readonly name: string;
  readonly shape: readonly number[];
  make(plan: LinearPlan | "auto"): Linear | TensorProductModule;
}

function mapWorks(): Work[] {
  return MAPS.flatMap(([name, representations, counts]) =>
    counts.flatMap((count) =>
      BATCHES.map((batch): Work => {
        const fields = representations.flatMap((rho) => new Array<Representation>(count).fill(rho));
        const type = new FieldType(gspaces.noBaseSpace(representations[0].group), fields);
        return {
          name: `${count} × ${name}`,
          shape: [batch, type.size],
          make: (plan) => new Linear(type, type, { bias: false, plan }),
        };
      })
    )
  );
}

function squareWorks(): Work[] {
  return SQUARES.flatMap(([name, space, rho, count, shapes]) =>
    shapes.map(([batch, ...spatial]): Work => ({
      name: `${count} × ${name}`,
      shape: [batch, count * rho.size, ...spatial],
      make: (plan) => TensorProductModule.construct(space, count, rho, rho, { plan }),
    }))
  );
}

/** Milliseconds of each work by each plan, round by round in turn, so that what else the machine does meets all alike. */
function measure({ make, shape }: Work): number[][] {
  using _ = scope();
  const runs = PLANS.map((plan) => {
    const module = make(plan), kept = make(plan).eval();
    const x = randn(shape, { requiresGrad: true }), input = new GeometricTensor(x, module.inType);
    const still = new GeometricTensor(x.detach(), module.inType);
    const gradient = randn(module.evaluateOutputShape(shape));
    return [
      () => void grad([module.forward(input).tensor], [x, module.weights], { gradOutputs: [gradient] }),
      () => void noGrad(() => module.forward(still)),
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
console.log(`${"".padEnd(36)}${titles}\n${"ms".padEnd(36)}${columns.join("")}`);
let worst = 1;
for (const work of [...mapWorks(), ...squareWorks()].filter(({ name }) => name.includes(Deno.args[0] ?? ""))) {
  const times = measure(work), auto = work.make("auto"), { shape } = work;
  const cells = WORK.map((_, kind) => {
    if (kind === 2) auto.eval();
    const picked = kind === 2 ? noGrad(() => auto.planFor(shape)) : auto.planFor(shape);
    const [dense, structured] = times.map((one) => one[kind]);
    const ratio = times[PLANS.indexOf(picked)][kind] / Math.min(dense, structured);
    worst = Math.max(worst, ratio);
    return `${dense.toFixed(3).padStart(9)}${structured.toFixed(3).padStart(9)}${picked.padStart(11)}${
      ratio.toFixed(2).padStart(6)
    }`;
  });
  const [batch, , ...spatial] = shape;
  console.log(`${work.name.padEnd(26)}${[batch, ...spatial].join("×").padStart(10)}${cells.join("")}`);
}
console.log(`\nat most ${worst.toFixed(2)} × the better plan`);
