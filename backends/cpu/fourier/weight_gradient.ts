/**
 * The gradient of a correlation by its filter in tiles: chunk by chunk the tiles of the input and of the output gradient are
 * transformed, then for each frequency the product of both is added up; at the end the sums go back to the filter. Tasks are
 * channels, then frequencies, so that no sums are kept twice and none depends on the number of threads.
 */

import { SLOT } from "../convolution/kernels.ts";
import { TableWriter } from "../convolution/tables.ts";
import { Gemm, PER_THREAD } from "../gemm/gemm.ts";
import { stepsFor } from "../gemm/steps.ts";
import { blockTables, filterTable, lines, tileTable } from "./forward.ts";
import type { FourierKernels } from "./kernels.ts";
import { filterBytes, layPlanes, type PlaneLayout, scratchBytes, type Tiling } from "./layout.ts";
import type { PlaneProblem } from "./problem.ts";
import { filterScratchBytes } from "./tile_sizes.ts";

/** Channels of a task that transforms tiles. */
const CHANNELS = 8;

/** Output channels of a task that brings sums back. */
const FILTERS = 8;

/** Computes `problem.weight`, the gradient, from `problem.input` and the output gradient at `problem.output`. */
export function correlateTileWeights(kernels: FourierKernels, problem: PlaneProblem, tiling: Tiling): void {
  const { context, gemm } = kernels.base;
  const { groups, inChannels, outChannels, taps, input, output, weight } = problem;
  const { n, step, blocks } = tiling;
  const inPlanes = layPlanes(n, inChannels, tiling.tiles), outPlanes = layPlanes(n, outChannels, tiling.tiles);
  const writer = new TableWriter();
  const filters = writer.add(filterTable(problem));
  /** Tables of the tasks that transform the channels of one side, whose last may have fewer. */
  const tablesOf = (channels: number, planes: PlaneLayout, zeros: boolean) => {
    const list = (count: number) =>
      blockTables(writer, blocks, (block) => tileTable(problem, tiling, planes, block, count, zeros));
    const full = list(CHANNELS), rest = channels % CHANNELS === 0 ? full : list(channels % CHANNELS);
    return (block: number, first: number) => (first + CHANNELS <= channels ? full : rest)[block];
  };
  const inTables = tablesOf(inChannels, inPlanes, false), outTables = tablesOf(outChannels, outPlanes, true);
  const rows = lines(Math.max(scratchBytes(tiling), filterScratchBytes(n, taps)));
  const stride = lines(Gemm.workspaceBytes) + rows;
  const workspace = context.scratch(stride * context.executor.threads, SLOT.threads);
  const scratch = workspace + lines(Gemm.workspaceBytes);
  const planes = context.scratch(lines(inPlanes.bytes) + lines(outPlanes.bytes), SLOT.partials);
  const gradients = planes + lines(inPlanes.bytes);
  const sums = context.scratch(filterBytes(n, problem), SLOT.weights);
  const tables = writer.place(context, SLOT.tables);

  const [height, width] = problem.outputs;
  const steps = stepsFor(context, problem.batch * groups * inChannels * outChannels * height * width * taps * taps);
  const sides = [
    {
      kernel: kernels.tiles(n, step, n),
      place: input,
      channels: inChannels,
      target: planes,
      channelBytes: inPlanes.channelBytes,
      tableOf: inTables,
    },
    {
      kernel: kernels.tiles(n, step, step),
      place: output,
      channels: outChannels,
      target: gradients,
      channelBytes: outPlanes.channelBytes,
      tableOf: outTables,
    },
  ];
  const back = kernels.filterGradient(n, taps);
  const matrixBytes = 4 * inChannels * outChannels;
  for (let group = 0; group < groups; group++) {
    blocks.forEach((block, index) => {
      for (const { kernel, place, channels, target, channelBytes, tableOf } of sides) {
        for (let first = 0; first < channels; first += CHANNELS) {
          steps.beginTask();
          const from = place.pointer + 4 * (block.sample * place.outer + group * place.group + first * place.channel);
          const table = tables + tableOf(index, first);
          steps.pushPerThread(kernel, 1 << 3, stride, table, from, target + first * channelBytes, scratch);
        }
      }
      steps.flush();
      /** Adds one product of planes of output gradient and input to sums at an offset. */
      const push = (parts: number, a: number, b: number, offset: number) =>
        gemm.push(
          steps,
          "float32",
          {
            m: parts * outChannels,
            n: parts * inChannels,
            k: block.tiles,
            alpha: 1,
            a: gradients + a,
            aRow: outPlanes.channelBytes / 4,
            aColumn: 1,
            b: planes + b,
            bRow: 1,
            bColumn: inPlanes.channelBytes / 4,
            beta: index === 0 ? 0 : 1,
            c: sums + offset,
            cRow: parts * inChannels,
            cColumn: 1,
          },
          workspace,
          PER_THREAD.none,
          stride,
        );
      for (let pair = 0; pair < (n * n) / 2; pair++) {
        steps.beginTask();
        const a = pair * outPlanes.pairBytes, b = pair * inPlanes.pairBytes, offset = 4 * pair * matrixBytes;
        if (pair === 0 || pair === n / 2) {
          push(1, a, b, offset);
          push(1, a + outPlanes.imaginaryBytes, b + inPlanes.imaginaryBytes, offset + matrixBytes);
        } else push(2, a, b, offset);
      }
      steps.flush();
    });
    const target = weight.pointer + 4 * group * weight.group;
    for (let begin = 0; begin < outChannels; begin += FILTERS) {
      const end = Math.min(outChannels, begin + FILTERS);
      steps.beginTask();
      steps.pushPerThread(back, 1 << 3, stride, tables + filters, target, sums, scratch, begin, end);
    }
    steps.flush();
  }
}
