/**
 * The SE(3)-equivariant network of escnn's example se3_3Dcnn on random volumes: its layers, how long it takes to build and to run, and how
 * far its logits move under quarter and half turns, which must change nothing, and under a reflection, which is no symmetry of the network.
 * Last line of stdout: the same as JSON.
 */

import { analyze, noGrad, randn, scope, type Tensor } from "@escnn/escnn";
import { SE3Network } from "./se3-cnn/network.ts";
import { short, start, table } from "./support/command.ts";

/** 33 → 17 → 9 → 5 → 3 → 1. */
const SIZE = 33;

const { batch, layers } = await start({
  title: "Builds and runs the SE(3) network on 33 x 33 x 33 voxels and checks that rotations change nothing.",
  numbers: { batch: { value: 1, help: "volumes" } },
  flags: { layers: "print every layer" },
});

let started = performance.now();
const network = new SE3Network();
const constructionSeconds = (performance.now() - started) / 1000;

const analysis = analyze(network, [batch, 1, SIZE, SIZE, SIZE]);
if (layers) console.log(`${analysis}\n`);

network.eval();
const volumes = randn([batch, 1, SIZE, SIZE, SIZE]);
/** Axes of the array that a quarter turn exchanges, one of them reversed: about z, y and x. */
const turns: readonly (readonly [string, (x: Tensor) => Tensor])[] = [
  ["quarter turn about z", (x) => x.transpose(3, 4).flip([3])],
  ["quarter turn about y", (x) => x.transpose(2, 4).flip([2])],
  ["quarter turn about x", (x) => x.transpose(2, 3).flip([2])],
  ["half turn about z", (x) => x.flip([3, 4])],
  ["half turn about y", (x) => x.flip([2, 4])],
  ["half turn about x", (x) => x.flip([2, 3])],
];

/** The logits of transformed volumes. */
const logits = (transform: (x: Tensor) => Tensor): Promise<ArrayLike<number>> =>
  scope(() => noGrad(() => network.forward(transform(volumes).contiguous()).data()));

started = performance.now();
const upright = Array.from(await logits((x) => x));
const runSeconds = (performance.now() - started) / 1000;
const greatest = Math.max(...upright.map(Math.abs));
/** The greatest change of a logit, relative to the greatest logit. */
async function change(transform: (x: Tensor) => Tensor): Promise<number> {
  const moved = await logits(transform);
  return Math.max(...upright.map((v, i) => Math.abs(v - moved[i]))) / greatest;
}

const rows = [["transformation", "change of the logits"]];
let equivarianceError = 0;
for (const [name, transform] of turns) {
  const error = await change(transform);
  equivarianceError = Math.max(equivarianceError, error);
  rows.push([name, short(error)]);
}
const reflectionChange = await change((x) => x.flip([4]));
rows.push(["reflection, no symmetry", short(reflectionChange)]);
console.log(table(rows));
console.log(
  `${network.parameterCount()} parameters, ${short(analysis.flops / 1e9)} GFLOP, built in ${
    short(constructionSeconds)
  } s, ` +
    `run in ${short(runSeconds)} s`,
);
console.log(JSON.stringify({
  parameters: network.parameterCount(),
  equivarianceError,
  reflectionChange,
  constructionSeconds,
  runSeconds,
}));
