/**
 * SE(3)-equivariant convolution on point clouds: a network learns the eight pieces of four cubes from upright ones alone and knows turned
 * and moved ones too, the two mirror images apart. Prints its accuracy and how much logits change when pieces are turned; last line of
 * stdout: the same as JSON.
 */

import { Adam, crossEntropy, noGrad, rand, scope, so3Group, tensor } from "@escnn/escnn";
import { PointClassifier } from "./pointcloud/network.ts";
import { PIECES, placePieces } from "./pointcloud/pieces.ts";
import { short, start, table } from "./support/command.ts";

const { steps, copies, test } = await start({
  title: "Trains a point convolution network for SE(3) on upright shapes and tests it on turned and moved ones.",
  numbers: {
    steps: { value: 200, help: "training steps" },
    copies: { value: 4, help: "copies of each of the eight pieces in a step" },
    test: { value: 32, help: "turned copies of each piece in the test" },
  },
});

// Numbers from the library's generator, so that --seed decides them.
const numbers = await rand([1 << 20]).data();
let next = 0;
const uniform = (): number => numbers[next++ % numbers.length];

const network = new PointClassifier(PIECES.length);
const optimizer = new Adam(network.parameters(), { learningRate: 1e-2 });
const started = performance.now();
let loss = NaN;
for (let step = 0; step < steps; step++) {
  await scope(async () => {
    const { positions, graph, batch, labels } = await placePieces(copies, { turn: false, noise: 0.03 }, uniform);
    const value = crossEntropy(network.forward(positions, graph, batch), labels);
    optimizer.zeroGrad();
    value.backward();
    optimizer.step();
    loss = await value.item();
  });
}
const seconds = (performance.now() - started) / 1000;

/** Fraction of pieces that are known. */
async function accuracy(turn: boolean): Promise<number> {
  network.eval();
  let correct = NaN;
  await scope(async () => {
    const { positions, graph, batch, labels } = await placePieces(test, { turn, noise: 0.03 }, uniform);
    const guessed = [...await noGrad(() => network.forward(positions, graph, batch).argmax(1)).data()];
    const expected = await labels.data();
    correct = guessed.filter((label, i) => label === expected[i]).length / guessed.length;
  });
  return correct;
}

/** The greatest change of a logit under rotations, relative to the greatest logit. */
async function equivarianceError(): Promise<number> {
  const group = so3Group();
  let error = 0;
  await scope(async () => {
    const { positions, graph, batch } = await placePieces(2, { turn: true, noise: 0.03 }, uniform);
    const logits = [...await noGrad(() => network.forward(positions, graph, batch)).data()];
    const greatest = Math.max(...logits.map(Math.abs));
    for (const g of group.testingElements) {
      const matrix = tensor(Float32Array.from(group.standardRepresentation.matrix(g)), [3, 3]);
      const turned = [
        ...await noGrad(() => network.forward(positions.matmul(matrix.transpose(0, 1)), graph, batch)).data(),
      ];
      error = turned.reduce((worst, v, i) => Math.max(worst, Math.abs(v - logits[i]) / greatest), error);
    }
  });
  return error;
}

const result = {
  parameters: network.parameterCount(),
  loss,
  upright: await accuracy(false),
  turned: await accuracy(true),
  equivarianceError: await equivarianceError(),
  seconds: Number(seconds.toFixed(2)),
};
console.log(table([
  ["parameters", String(result.parameters)],
  ["last loss", short(result.loss)],
  ["accuracy, upright", short(result.upright)],
  ["accuracy, turned", short(result.turned)],
  ["equivariance error", short(result.equivarianceError)],
]));
console.log(JSON.stringify(result));
