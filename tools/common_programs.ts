/**
 * What nearly every program does first: makes tensors, does arithmetic, sums, runs a steerable and a conventional network and trains them.
 * The kernels that it asks for are the ones worth storing (`store_kernels.ts`).
 */

import {
  Adam,
  concatenate,
  crossEntropy,
  FieldType,
  GeometricTensor,
  gspaces,
  ones,
  R2Conv,
  rand,
  randint,
  randn,
  ReLU,
  scope,
  seed,
  SGD,
  softmax,
  stack,
  tensor,
  zeros,
} from "@escnn/escnn";
import { ConventionalNetwork, type DigitNetwork, EquivariantNetwork, INPUT_SIZE } from "../examples/demo/networks.ts";

/** Runs all of it on the current backend. */
export async function runCommonPrograms(): Promise<void> {
  seed(0);
  await tensors();
  await firstConvolution();
  for (const Network of [EquivariantNetwork, ConventionalNetwork]) await trainDigits(new Network());
}

async function tensors(): Promise<void> {
  using _ = scope();
  const a = randn([4, 6, 10]), b = rand([4, 6, 10]), row = ones([10]), column = zeros([6, 1]);
  tensor([[1, 2, 3], [4, 5, 6]]);
  randint(0, 10, [7]);
  const results = [
    ...[a.add(b), a.sub(b), a.mul(b), a.div(b), a.add(row), a.mul(row), a.add(column), a.add(1), a.mul(2)],
    ...[a.relu(), a.exp(), b.log(), a.tanh(), a.sigmoid(), a.sqrt(), a.square(), a.neg(), a.abs()],
    ...[
      a.transpose(0, 1).contiguous(),
      softmax(a),
      concatenate([a, b], 1),
      stack([a, b]),
      a.slice(1, 1, 3).contiguous(),
    ],
    ...[a.matmul(b.transpose(1, 2)), a.reshape([24, 10])],
  ];
  for (const axis of [undefined, 0, 1, 2]) results.push(a.sum(axis), a.mean(axis), a.max(axis));
  results.push(a.norm());
  for (const result of results) await result.data();
}

/** The README's snippet. */
async function firstConvolution(): Promise<void> {
  using _ = scope();
  const space = gspaces.rot2dOnR2(8);
  const rgb = new FieldType(space, space.trivialRepr, 3), fields = new FieldType(space, space.regularRepr, 10);
  const convolution = new R2Conv(rgb, fields, 5), relu = new ReLU(fields);
  const features = relu.forward(convolution.forward(new GeometricTensor(randn([16, 3, 32, 32]), rgb)));
  await features.tensor.sum().item();
  await features.tensor.norm().item();
}

async function trainDigits(network: DigitNetwork): Promise<void> {
  const images = randn([4, 1, INPUT_SIZE, INPUT_SIZE]), labels = randint(0, 10, [4]);
  const optimizers = [
    new Adam(network.parameters()),
    new SGD(network.parameters(), { learningRate: 0.1, momentum: 0.9 }),
  ];
  for (const optimizer of optimizers) {
    using _ = scope();
    const loss = crossEntropy(network.forward(images), labels);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    await loss.item();
  }
  network.eval();
  using _ = scope();
  await network.forward(images).data();
}
