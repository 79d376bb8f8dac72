/**
 * What the expansion of weights into filters costs beside the convolution that uses them, layer by layer, in two of escnn's networks: the
 * C8 network of its tutorial (batch 64, 29 × 29) and its SE(3) network on voxels (batch 2, 33³). Both passes, dense plan; and the greatest
 * memory that an expansion takes, in multiples of the filter's size.
 *
 * Run: `deno run -A bench/expansion_bench.ts`.
 */

import {
  backendInfo,
  bandlimitedRegularRepresentation,
  convolution,
  currentBackend,
  directSum,
  disposeBackend,
  FieldType,
  gspaces,
  R2Conv,
  R3Conv,
  randn,
  type RdConv,
  type Representation,
  scope,
  seed,
  so3Group,
  sphereRepresentation,
  useBackend,
  zeros,
} from "@escnn/escnn";

interface Layer {
  readonly name: string;
  readonly build: () => RdConv;
  readonly batch: number;
  readonly size: readonly number[];
  readonly padding: number;
  readonly stride: number;
}

const ROUNDS = 5;

/** The layers of the tutorial's network: C8 regular fields, kernel size, padding, and the side of the input. */
function tutorial(): Layer[] {
  const space = gspaces.rot2dOnR2(8);
  const rows = [[0, 24, 7, 1, 29], [24, 48, 5, 2, 25], [48, 48, 5, 2, 13], [48, 96, 5, 2, 13], [96, 96, 5, 2, 7], [
    96,
    64,
    5,
    1,
    7,
  ]];
  return rows.map(([from, to, kernelSize, padding, side]) => ({
    name: `${from} → ${to} fields, k ${kernelSize}, ${side}²`,
    build: () =>
      new R2Conv(
        from === 0 ? new FieldType(space, space.trivialRepr) : new FieldType(space, space.regularRepr, from),
        new FieldType(space, space.regularRepr, to),
        kernelSize,
        { padding, bias: false },
      ),
    batch: 64,
    size: [side, side],
    padding,
    stride: 1,
  }));
}

/** 1 + V + V⊗V + … up to the K-th power of the vector representation, as one field. */
function tensorPowers(K: number): Representation {
  const vector = so3Group().standardRepresentation;
  const powers: Representation[] = [so3Group().trivialRepresentation];
  for (let k = 1; k <= K; k++) powers.push(k === 1 ? vector : powers[k - 1].tensor(vector));
  return directSum(powers);
}

/** The convolutions of the SE(3) network. */
function voxels(): Layer[] {
  const space = gspaces.rot3dOnR3();
  const [small, large] = [tensorPowers(2), tensorPowers(3)];
  const fourier = bandlimitedRegularRepresentation(so3Group(), 2);
  const sphere = sphereRepresentation(so3Group(), 2);
  type Fields = readonly [Representation, number];
  const scalar: Fields = [space.trivialRepr, 1];
  const rows: readonly (readonly [string, Fields, Fields, number, number, number, number])[] = [
    ["stem", scalar, [small, 3], 5, 33, 2, 1],
    ["block 1 a", [small, 3], [fourier, 2], 3, 33, 1, 1],
    ["block 1 b", [fourier, 2], [large, 2], 3, 33, 1, 2],
    ["block 2 a", [large, 2], [fourier, 5], 3, 17, 1, 1],
    ["block 2 b", [fourier, 5], [large, 6], 3, 17, 1, 2],
    ["block 3 a", [large, 6], [fourier, 5], 3, 9, 1, 1],
    ["block 3 b", [fourier, 5], [large, 12], 3, 9, 1, 2],
    ["block 4 a", [large, 12], [fourier, 10], 3, 5, 1, 1],
    ["block 4 b", [fourier, 10], [large, 8], 3, 5, 1, 2],
    ["last", [large, 8], [sphere, 128], 3, 3, 0, 1],
  ];
  return rows.map(([name, from, to, kernelSize, side, padding, stride]) => ({
    name: `${name}, k ${kernelSize}, ${side}³`,
    build: () =>
      new R3Conv(new FieldType(space, ...from), new FieldType(space, ...to), kernelSize, {
        padding,
        stride,
        bias: false,
      }),
    batch: 2,
    size: [side, side, side],
    padding,
    stride,
  }));
}

function median(run: () => void): number {
  run();
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    run();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[ROUNDS >> 1];
}

/** Milliseconds of expansion and of convolution, forward and backward. */
function measure(layer: Layer): { readonly expansion: number; readonly dense: number } {
  const module = layer.build();
  using _ = scope();
  const weight = module.expandFilter().detach().requireGrad();
  const input = randn([layer.batch, module.inType.size, ...layer.size]).requireGrad();
  const options = { padding: layer.padding, stride: layer.stride };
  const gradient = randn(weight.shape);
  const output = randn(convolution(input, weight, options).shape);
  const expansion = median(() => {
    using _ = scope();
    module.expandFilter().backward(gradient);
    module.weights.clearGrad();
  });
  const dense = median(() => {
    using _ = scope();
    convolution(input, weight, options).backward(output);
    input.clearGrad();
    weight.clearGrad();
  });
  module.dispose();
  return { expansion, dense };
}

/**
 * The greatest memory that an expansion takes, forward and backward, in multiples of the filter, the filter included; its gradient, which the
 * convolution made, is not counted.
 */
async function peakMemory(layer: Layer): Promise<number> {
  disposeBackend("cpu");
  await useBackend("cpu");
  using module = layer.build();
  using _ = scope();
  const gradient = zeros([module.outType.size, module.inType.size, ...module.kernelSize]);
  const start = currentBackend().memory().liveBytes;
  module.expandFilter().backward(gradient);
  return (currentBackend().memory().peakBytes - start) / (4 * gradient.size);
}

await useBackend("cpu");
seed(0);
console.log(backendInfo());
for (const [name, layers] of [["tutorial-c8", tutorial()], ["se3", voxels()]] as const) {
  let [expansion, dense] = [0, 0];
  console.log(`\n${name.padEnd(34)} expansion ms   convolution ms    share   peak memory / filter`);
  const row = (title: string, e: number, d: number, memory = ""): void =>
    console.log(
      `${title.padEnd(34)} ${e.toFixed(2).padStart(12)} ${d.toFixed(1).padStart(16)} ${
        (100 * e / d).toFixed(1).padStart(6)
      } % ${memory.padStart(22)}`,
    );
  for (const layer of layers) {
    const memory = await peakMemory(layer);
    const times = measure(layer);
    expansion += times.expansion;
    dense += times.dense;
    row(layer.name, times.expansion, times.dense, memory.toFixed(2));
  }
  row("all layers", expansion, dense);
}
