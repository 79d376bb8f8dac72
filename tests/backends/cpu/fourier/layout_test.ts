// covers: backends/cpu/fourier/layout.ts, backends/cpu/fourier/tile_sizes.ts, backends/cpu/fourier/problem.ts, backends/cpu/fourier/choice.ts
// The pure part of convolutions in tiles: which problems there are, the blocks that cover them, and when tiles are chosen.

import { assert, assertEquals } from "@std/assert";
import { forwardCorrelation, inputGradientCorrelations } from "../../../../backends/cpu/convolution/correlation.ts";
import { chooseTiling, type TilingChoice, TRANSFORM_SIZES } from "../../../../backends/cpu/fourier/choice.ts";
import { layPlanes, tilePlanes } from "../../../../backends/cpu/fourier/layout.ts";
import { outputParts, type PlaneProblem, planeProblem } from "../../../../backends/cpu/fourier/problem.ts";
import { rowPhases } from "../../../../backends/cpu/fourier/tile_sizes.ts";
import type { ConvolutionCall, View } from "../../../../src/tensor/backend.ts";
import { convolutionGeometry, type ConvolutionOptions } from "../../../../src/tensor/conv_geometry.ts";
import type { FloatDType } from "../../../../src/tensor/dtype.ts";
import { contiguousStrides } from "../../../../src/tensor/layout.ts";
import { test } from "../../../support/test.ts";

function call(
  input: number[],
  weight: number[],
  options: ConvolutionOptions = {},
  dtype: FloatDType = "float32",
): ConvolutionCall {
  const view = (shape: readonly number[], at: number): View => {
    return { buffer: { bytes: 0 }, dtype, shape, strides: contiguousStrides(shape), offset: at };
  };
  const geometry = convolutionGeometry(input, weight, options);
  const output = view([geometry.batch, geometry.outChannels, ...geometry.outputSize], 3);
  return { geometry, input: view(input, 1), weight: view(weight, 2), output };
}

const pointerOf = ({ offset }: View): number => 1000 * offset;

function problem(input: number[], weight: number[], options: ConvolutionOptions = {}): PlaneProblem {
  const found = planeProblem(forwardCorrelation(call(input, weight, options), pointerOf));
  assert(found !== undefined);
  return found;
}

test("planeProblem takes float32 planes with a square filter, step 1, and 4 channels at least", () => {
  const accepts = (
    input: number[],
    weight: number[],
    options?: ConvolutionOptions,
    dtype?: FloatDType,
  ) => planeProblem(forwardCorrelation(call(input, weight, options, dtype), pointerOf)) !== undefined;
  assertEquals(accepts([2, 8, 9, 9], [4, 8, 3, 3]), true);
  assertEquals(accepts([2, 8, 9, 9], [8, 4, 3, 3], { groups: 2, padding: 7 }), true);
  assertEquals(accepts([2, 8, 9, 9], [4, 8, 3, 3], {}, "float64"), false);
  assertEquals(accepts([2, 8, 9, 9], [4, 8, 3, 5]), false);
  assertEquals(accepts([2, 8, 9, 9], [4, 8, 1, 1]), false);
  assertEquals(accepts([2, 8, 9, 9], [3, 8, 3, 3]), false);
  assertEquals(accepts([2, 3, 9, 9], [4, 3, 3, 3]), false);
  assertEquals(accepts([2, 8, 9, 9], [4, 8, 3, 3], { stride: 2 }), false);
  assertEquals(accepts([2, 8, 9, 9], [4, 8, 3, 3], { dilation: 2 }), false);
  assertEquals(accepts([2, 8, 5, 9, 9], [4, 8, 3, 3, 3]), false);
  assertEquals(accepts([2, 8, 9], [4, 8, 3]), false);
});

test("planeProblem reads the filter of an input gradient from its other end", () => {
  const [backward] = inputGradientCorrelations(call([2, 8, 9, 11], [4, 8, 3, 3], { padding: 1 }), pointerOf);
  const found = planeProblem(backward);
  assertEquals(found?.start, [-1, -1]);
  assertEquals(found?.weight, { pointer: 2000 + 4 * 8, outer: 9, group: 288, channel: 72, space: [0, -3, -1] });
  assertEquals([found?.inputs, found?.outputs, found?.taps], [[9, 11], [9, 11], 3]);
  // A stride of two writes to every second column.
  const phases = inputGradientCorrelations(call([2, 8, 9, 11], [4, 8, 3, 3], { stride: 2 }), pointerOf);
  assertEquals(phases.map((phase) => planeProblem(phase)), new Array(4).fill(undefined));
});

test("the blocks of a tiling have every tile once, and no block more than it says", () => {
  for (const [batch, height, width, taps] of [[1, 1, 1, 3], [5, 29, 31, 5], [3, 96, 7, 3], [64, 8, 8, 5]]) {
    const shape = problem([batch, 4, height, width], [4, 4, taps, taps], { padding: Math.floor(taps / 2) });
    for (const n of TRANSFORM_SIZES) {
      for (const wanted of [1, 30, 64]) {
        const { step, tileColumns, blocks, tiles } = tilePlanes(shape, n, wanted);
        assertEquals([step, tileColumns], [n - taps + 1, Math.ceil(width / step)]);
        const rows = Math.ceil(height / step);
        const seen = new Array<number>(batch * rows).fill(0);
        for (const block of blocks) {
          assertEquals(block.tiles, block.samples * block.tileRows * tileColumns);
          assert(block.tiles <= tiles && (block.tiles <= wanted || block.samples * block.tileRows === 1));
          for (let s = 0; s < block.samples; s++) {
            for (let r = 0; r < block.tileRows; r++) seen[(block.sample + s) * rows + block.tileRow + r]++;
          }
        }
        assertEquals(seen, new Array<number>(batch * rows).fill(1));
      }
    }
  }
});

test("planes leave room for a vector behind each channel, and pairs begin in different cache sets", () => {
  for (const [n, channels, tiles] of [[8, 64, 61], [8, 5, 125], [16, 24, 64]]) {
    const { channelBytes, imaginaryBytes, pairBytes, bytes } = layPlanes(n, channels, tiles);
    assert(channelBytes >= 4 * (tiles + 3) && channelBytes % 16 === 0 && channelBytes % 512 !== 0);
    assertEquals(imaginaryBytes, channels * channelBytes);
    assert(pairBytes >= 2 * imaginaryBytes && bytes >= (n * n * pairBytes) / 2);
    assertEquals(pairBytes % 4096, 64);
  }
});

test("phases hold whole vectors of tiles, the first ones what the last tile reads further", () => {
  assertEquals(rowPhases(8, 4, 8), { long: 4, longBytes: 48, shortBytes: 32, rowBytes: 192 });
  assertEquals(rowPhases(4, 8, 10), { long: 2, longBytes: 32, shortBytes: 16, rowBytes: 160 });
  assertEquals(rowPhases(5, 4, 4), { long: 4, longBytes: 32, shortBytes: 32, rowBytes: 128 });
  assertEquals(rowPhases(15, 2, 6).rowBytes, 2 * 16 * 5);
});

/** The tiling of a problem on a heap of 4 GiB with OpenBLAS, unless an option says otherwise. */
function choose(shape: PlaneProblem, options: Partial<TilingChoice> = {}) {
  return chooseTiling(shape, { method: "auto", forWeights: false, native: true, limit: 2 ** 32, ...options });
}

/** A layer that keeps the size of its images. */
function layer(batch: number, channels: number, size: number, taps: number): PlaneProblem {
  const input = [batch, channels, size, size], weight = [channels, channels, taps, taps];
  return problem(input, weight, { padding: Math.floor(taps / 2) });
}

test("chooseTiling takes tiles where they save most and the direct form where transforms would weigh too much", () => {
  const middle = layer(64, 64, 29, 5);
  for (const forWeights of [false, true]) {
    for (const native of [false, true]) {
      const chosen = choose(middle, { forWeights, native });
      assert(chosen !== undefined && chosen.tiling.step === chosen.tiling.n - 4);
      assertEquals(choose(middle, { forWeights, native, method: "direct" }), undefined);
    }
  }
  assert((choose(layer(16, 128, 29, 7))?.tiling.n ?? 0) >= 10);
  // Few channels, or few pixels for many filters.
  for (const shape of [layer(64, 8, 29, 3), layer(1, 256, 8, 3), layer(1, 256, 8, 7)]) {
    assertEquals(choose(shape), undefined);
  }
  const small = problem([1, 4, 5, 5], [4, 4, 3, 3]);
  assertEquals(choose(small), undefined);
  assertEquals(choose(small, { method: "fourier" })?.tiling.n, 8);
  // The filter must be smaller than the largest transform.
  assertEquals(choose(layer(1, 8, 40, 15), { method: "fourier" })?.tiling.n, 16);
  assertEquals(choose(layer(1, 8, 40, 17), { method: "fourier" }), undefined);
});

test("chooseTiling takes no more memory than a part of the heap's limit: for many channels in parts of the outputs", () => {
  const shape = layer(64, 64, 29, 5);
  assertEquals(choose(shape, { limit: 16 << 20, method: "fourier" }), undefined);
  for (const [problem, limit] of [[shape, 256 << 20], [layer(16, 384, 25, 5), 2 ** 32]] as const) {
    for (const forWeights of [false, true]) {
      const { tiling: { n, tiles }, outChannels } = choose(problem, { limit, forWeights })!;
      const { inChannels } = problem;
      assert(outChannels < problem.outChannels || problem === shape);
      assert(8 * n * n * inChannels * outChannels <= limit / 64);
      assert(4 * n * n * (inChannels + outChannels) * tiles <= limit / 64);
    }
  }
});

test("outputParts cuts the outputs' channels and what belongs to them", () => {
  const whole = problem([2, 8, 9, 9], [10, 4, 3, 3], { groups: 2 });
  assertEquals(outputParts(whole, 5), [whole]);
  const parts = outputParts(whole, 2);
  assertEquals(parts.map(({ outChannels }) => outChannels), [2, 2, 1]);
  // Filters of 36 taps and planes of 49 numbers lie in front of the third part.
  assertEquals(parts[2], {
    ...whole,
    outChannels: 1,
    weight: { ...whole.weight, pointer: whole.weight.pointer + 4 * 4 * 36 },
    output: { ...whole.output, pointer: whole.output.pointer + 4 * 4 * 49 },
  });
});
