/**
 * Equivariant perceptrons on vectors of space (SO(3)) and of the plane (SO(2), O(2)): each learns the harmonic polynomial of degree 2 of
 * its input. Prints loss and equivariance error before and after; last line of stdout: the same as JSON.
 */

import {
  Adam,
  type EquivariantModule,
  GeometricTensor,
  kernels,
  meanSquaredError,
  randn,
  scope,
  tensor,
} from "@escnn/escnn";
import { circular, products, reflected, spherical } from "./mlp/networks.ts";
import { short, start, table } from "./support/command.ts";

const { steps, batch } = await start({
  title: "Trains equivariant perceptrons for SO(3), SO(2) and O(2) and prints their equivariance errors.",
  numbers: { steps: { value: 150, help: "training steps" }, batch: { value: 64, help: "vectors of a step" } },
});

/** A batch of vectors of length 1 to 2 and their harmonic polynomials of degree 2. */
async function sample(dimension: number): Promise<[Float32Array, Float32Array]> {
  const noise = await randn([batch, dimension]).data();
  const vectors = new Float32Array(noise.length);
  const targets: number[] = [];
  for (let i = 0; i < batch; i++) {
    const v = [...noise.subarray(i * dimension, (i + 1) * dimension)];
    const length = Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
    const point = v.map((x) => x / length * (1 + i / batch));
    vectors.set(point, i * dimension);
    const [x, y] = point;
    targets.push(...(dimension === 3 ? kernels.harmonicPolynomials(2, point).slice(4) : [x * x - y * y, 2 * x * y]));
  }
  return [vectors, Float32Array.from(targets)];
}

/** Trains a network; gives the first and the last loss. */
async function train(network: EquivariantModule): Promise<[number, number]> {
  const optimizer = new Adam(network.parameters(), { learningRate: 1e-2 });
  const dimension = network.inType.size, losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const loss = await scope(async () => {
      const [vectors, targets] = await sample(dimension);
      const input = new GeometricTensor(tensor(vectors, [batch, dimension]), network.inType);
      const output = network.forward(input).tensor;
      const value = meanSquaredError(output, tensor(targets, [batch, network.outType.size]));
      optimizer.zeroGrad();
      value.backward();
      optimizer.step();
      return tensor(await value.item());
    });
    losses.push(await loss.item());
    loss.dispose();
  }
  return [losses[0] ?? NaN, losses.at(-1) ?? NaN];
}

const rows = [["network", "parameters", "loss at first", "at last", "equivariance error"]];
const results: Record<string, unknown>[] = [];
for (const { name, network } of [spherical(), products(), circular(), reflected()]) {
  const [first, last] = await train(network);
  const { maxExact } = await network.checkEquivariance({ batch: 32, dtype: "float32", assert: false });
  rows.push([name, String(network.parameterCount()), short(first), short(last), short(maxExact)]);
  results.push({
    name,
    parameters: network.parameterCount(),
    firstLoss: first,
    lastLoss: last,
    equivarianceError: maxExact,
  });
}
console.log(table(rows));
console.log(JSON.stringify({ networks: results }));
