/**
 * Computes a correlation in tiles: transforms the filter once, then for each block of tiles all input channels, one product
 * of matrices for each frequency, and all output channels back into the image.
 */

import { SLOT } from "../convolution/kernels.ts";
import { TableWriter } from "../convolution/tables.ts";
import { Gemm, PER_THREAD, type Product } from "../gemm/gemm.ts";
import { type Steps, stepsFor } from "../gemm/steps.ts";
import { tableWords } from "./emit.ts";
import { FILTER_TABLE } from "./filter_kernels.ts";
import type { FourierKernels } from "./kernels.ts";
import { type Block, filterBytes, layPlanes, type PlaneLayout, scratchBytes, type Tiling } from "./layout.ts";
import { OUTPUT_TABLE } from "./output_kernel.ts";
import type { PlaneProblem } from "./problem.ts";
import { TILE_TABLE } from "./tile_kernel.ts";
import { filterScratchBytes, rowPhases } from "./tile_sizes.ts";

/** Output channels of a task that transforms filters. */
const FILTERS = 8;

/** Rounds up to whole cache lines. */
export function lines(bytes: number): number {
  return 64 * Math.ceil(bytes / 64);
}

/** The table of the kernel that transforms tiles of a block's input, or with `zeros` of its output's gradient. */
export function tileTable(
  problem: PlaneProblem,
  tiling: Tiling,
  planes: PlaneLayout,
  block: Block,
  channels: number,
  zeros: boolean,
): number[] {
  const { n, step, tileColumns } = tiling;
  const place = zeros ? problem.output : problem.input;
  const [height, width] = zeros ? problem.outputs : problem.inputs;
  const [top, first] = zeros ? [0, 0] : problem.start;
  const phases = rowPhases(tileColumns, step, zeros ? step : n);
  const left = Math.max(0, -first), origin = Math.max(0, first);
  const room = (step * phases.longBytes) / 4;
  return tableWords(TILE_TABLE, {
    channels,
    channelStride: 4 * place.channel,
    samples: block.samples,
    sampleStride: 4 * place.outer,
    tileRows: block.tileRows,
    tileColumns,
    height,
    firstRow: top + step * block.tileRow,
    rowStride: 4 * place.space[1],
    left: 4 * Math.min(left, room),
    copied: Math.max(0, Math.min(width - origin, room - left)),
    origin: 4 * origin,
    longBytes: phases.longBytes,
    shortBytes: phases.shortBytes,
    channelBytes: planes.channelBytes,
    imaginaryBytes: planes.imaginaryBytes,
    pairBytes: planes.pairBytes,
  });
}

/** The table of the kernels of filters. */
export function filterTable({ weight, inChannels, outChannels }: PlaneProblem): number[] {
  return tableWords(FILTER_TABLE, {
    outer: 4 * weight.outer,
    channel: 4 * weight.channel,
    vertical: 4 * weight.space[1],
    horizontal: 4 * weight.space[2],
    channels: inChannels,
    rowBytes: 4 * inChannels,
    matrixBytes: 4 * inChannels * outChannels,
  });
}

function outputTable(problem: PlaneProblem, tiling: Tiling, planes: PlaneLayout, block: Block): number[] {
  const { output, outputs: [height, width], outChannels } = problem;
  const { step, tileColumns } = tiling;
  return tableWords(OUTPUT_TABLE, {
    channels: outChannels,
    channelStride: 4 * output.channel,
    samples: block.samples,
    sampleStride: 4 * output.outer,
    tileRows: block.tileRows,
    tileColumns,
    height: height - step * block.tileRow,
    width,
    rowStride: 4 * output.space[1],
    lineBytes: 16 * step * Math.ceil(tileColumns / 4),
    channelBytes: planes.channelBytes,
    imaginaryBytes: planes.imaginaryBytes,
    pairBytes: planes.pairBytes,
  });
}

/** Positions of one table for each kind of block. */
export function blockTables(
  writer: TableWriter,
  blocks: readonly Block[],
  words: (block: Block) => number[],
): number[] {
  const known = new Map<string, number>();
  return blocks.map((block) => {
    const list = words(block), key = list.join();
    const position = known.get(key) ?? writer.add(list);
    known.set(key, position);
    return position;
  });
}

/** Adds the transforms of a group's filters as tasks and runs them. */
function transformFilters(
  kernels: FourierKernels,
  steps: Steps,
  problem: PlaneProblem,
  n: number,
  addresses: { readonly table: number; readonly target: number; readonly scratch: number; readonly stride: number },
  group: number,
): void {
  const { taps, outChannels, weight } = problem;
  const kernel = kernels.filter(n, taps);
  for (let begin = 0; begin < outChannels; begin += FILTERS) {
    steps.beginTask();
    steps.pushPerThread(
      kernel,
      1 << 3,
      addresses.stride,
      addresses.table,
      weight.pointer + 4 * group * weight.group,
      addresses.target,
      addresses.scratch,
      begin,
      Math.min(outChannels, begin + FILTERS),
    );
  }
}

/** Computes `problem.output`. */
export function correlateTiles(kernels: FourierKernels, problem: PlaneProblem, tiling: Tiling): void {
  const { context, gemm } = kernels.base;
  const { groups, inChannels, outChannels, taps, input, output } = problem;
  const { n, step, blocks } = tiling;
  const inPlanes = layPlanes(n, inChannels, tiling.tiles), outPlanes = layPlanes(n, outChannels, tiling.tiles);
  const writer = new TableWriter();
  const filters = writer.add(filterTable(problem));
  const tileTables = blockTables(
    writer,
    blocks,
    (block) => tileTable(problem, tiling, inPlanes, block, inChannels, false),
  );
  const outputTables = blockTables(writer, blocks, (block) => outputTable(problem, tiling, outPlanes, block));
  const rows = lines(Math.max(scratchBytes(tiling), filterScratchBytes(n, taps)));
  const stride = lines(Gemm.workspaceBytes) + rows + lines(inPlanes.bytes) + lines(outPlanes.bytes) + 64;
  const perGroup = filterBytes(n, problem);
  const transformed = context.scratch(groups * perGroup, SLOT.weights);
  const workspace = context.scratch(stride * context.executor.threads, SLOT.threads);
  const scratch = workspace + lines(Gemm.workspaceBytes);
  const planes = scratch + rows, results = planes + lines(inPlanes.bytes);
  const tables = writer.place(context, SLOT.tables);

  const [height, width] = problem.outputs;
  const steps = stepsFor(context, problem.batch * groups * inChannels * outChannels * height * width * taps * taps);
  for (let group = 0; group < groups; group++) {
    const target = transformed + group * perGroup;
    transformFilters(kernels, steps, problem, n, { table: tables + filters, target, scratch, stride }, group);
  }
  steps.flush();
  const tiles = kernels.tiles(n, step, n), back = kernels.output(n, step);
  const push = (product: Product) =>
    gemm.push(steps, "float32", product, workspace, PER_THREAD.b | PER_THREAD.c, stride);
  blocks.forEach((block, index) => {
    for (let group = 0; group < groups; group++) {
      steps.beginTask();
      const source = input.pointer + 4 * (block.sample * input.outer + group * input.group);
      steps.pushPerThread(tiles, (1 << 2) | (1 << 3), stride, tables + tileTables[index], source, planes, scratch);
      const product = (real: number, offset: number): Product => ({
        m: real * outChannels,
        n: block.tiles,
        k: real * inChannels,
        alpha: 1,
        a: transformed + group * perGroup + offset,
        aRow: real * inChannels,
        aColumn: 1,
        b: planes,
        bRow: inPlanes.channelBytes / 4,
        bColumn: 1,
        beta: 0,
        c: results,
        cRow: outPlanes.channelBytes / 4,
        cColumn: 1,
      });
      const matrixBytes = 4 * inChannels * outChannels;
      for (let pair = 0; pair < (n * n) / 2; pair++) {
        const b = planes + pair * inPlanes.pairBytes, c = results + pair * outPlanes.pairBytes;
        const offset = 4 * pair * matrixBytes;
        if (pair === 0 || pair === n / 2) {
          push({ ...product(1, offset), b, c });
          push({
            ...product(1, offset + matrixBytes),
            b: b + inPlanes.imaginaryBytes,
            c: c + outPlanes.imaginaryBytes,
          });
        } else push({ ...product(2, offset), b, c });
      }
      const target = output.pointer +
        4 * (block.sample * output.outer + group * output.group + step * block.tileRow * output.space[1]);
      steps.pushPerThread(back, (1 << 1) | (1 << 3), stride, tables + outputTables[index], results, target, scratch);
    }
  });
  steps.flush();
}
