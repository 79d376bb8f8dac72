/**
 * The wide residual network of escnn's example e2wrn on random RGB images: its layers, how long it takes to build and to run, and how far its
 * logits move under reflections and quarter turns: not at all under the symmetries that the last stage still has. Last line of stdout: the
 * same as JSON.
 */

import { analyze, type GroupElement, noGrad, randn, scope, type Tensor } from "@escnn/escnn";
import { WideResNet } from "./e2wrn/network.ts";
import { short, start, table } from "./support/command.ts";

const { batch, size, depth, widen, rotations, restriction, rot90, layers, chiral } = await start({
  title: "Builds and runs an E(2)-steerable wide residual network and checks its symmetries.",
  numbers: {
    batch: { value: 3, help: "images" },
    size: { value: 33, help: "height and width of the images" },
    depth: { value: 10, help: "layers, 6 n + 4" },
    widen: { value: 4, help: "widening factor" },
    rotations: { value: 4, help: "rotations of the first stage" },
    restriction: { value: 3, help: "0 to 3: never, before the last stage, after the first, after both" },
  },
  flags: {
    rot90: "never restrict the group: the logits know all quarter turns and reflections",
    chiral: "without reflections",
    layers: "print every layer",
  },
});

let started = performance.now();
const network = new WideResNet({
  depth,
  widen,
  rotations,
  reflections: !chiral,
  restriction: rot90 ? 0 : Math.min(3, restriction) as 0 | 1 | 2 | 3,
});
const constructionSeconds = (performance.now() - started) / 1000;
const analysis = analyze(network, [batch, 3, size, size]);
if (layers) console.log(`${analysis}\n`);

network.eval();
const images = randn([batch, 3, size, size]);
const transforms: readonly (readonly [string, readonly number[], (x: Tensor) => Tensor])[] = [
  ["left and right exchanged", [-1, 0, 0, 1], (x) => x.flip([3])],
  ["top and bottom exchanged", [1, 0, 0, -1], (x) => x.flip([2])],
  ["quarter turn", [0, -1, 1, 0], (x) => x.transpose(2, 3).flip([2])],
  ["half turn", [-1, 0, 0, -1], (x) => x.flip([2, 3])],
  ["reflected at a diagonal", [0, -1, -1, 0], (x) => x.transpose(2, 3)],
  ["reflected at the other", [0, 1, 1, 0], (x) => x.transpose(2, 3).flip([2, 3])],
];
const logits = (transform: (x: Tensor) => Tensor): Promise<ArrayLike<number>> =>
  scope(() => noGrad(() => network.forward(transform(images).contiguous()).data()));

started = performance.now();
const upright = Array.from(await logits((x) => x));
const runSeconds = (performance.now() - started) / 1000;
const greatest = Math.max(...upright.map(Math.abs));

/** Whether the group of the last stage holds the matrix, so that the whole network commutes with it. */
const last = network.spaces[2];
const known = (matrix: readonly number[]): boolean =>
  last.testingElements.some((g: GroupElement) =>
    last.baseSpaceAction(g).every((v, i) => Math.abs(v - matrix[i]) < 1e-9)
  );

const rows = [["transformation", "symmetry", "change of the logits"]];
let equivarianceError = 0;
for (const [name, matrix, transform] of transforms) {
  const moved = await logits(transform);
  const change = Math.max(...upright.map((v, i) => Math.abs(v - moved[i]))) / greatest;
  if (known(matrix)) equivarianceError = Math.max(equivarianceError, change);
  rows.push([name, known(matrix) ? "yes" : "no", short(change)]);
}
console.log(table(rows));
console.log(`stages on the plane with ${network.spaces.map(({ fibergroup }) => fibergroup.name).join(", ")}`);
for (const warning of analysis.warnings) console.log(`warning: ${warning}`);
if (analysis.warnings.length > 0) console.log(`symmetric sizes: ${analysis.symmetricSizes.join(" or ")}`);
console.log(
  `${network.parameterCount()} parameters, ${short(analysis.flops / 1e9)} GFLOP, built in ${
    short(constructionSeconds)
  } s, ` +
    `run in ${short(runSeconds)} s`,
);
console.log(JSON.stringify({
  parameters: network.parameterCount(),
  equivarianceError,
  constructionSeconds,
  runSeconds,
}));
