/**
 * How a convolution by a plan is divided: tiles of output positions, chunks of units (copies of inputs) whose planes fit the
 * cache, and the tables that the kernels read. Everything depends on shapes alone.
 */

import type { ConvolutionGeometry } from "../../../src/tensor/conv_geometry.ts";
import type { FloatDType } from "../../../src/tensor/dtype.ts";
import type { SteerablePlan } from "../../../src/tensor/steerable_plan.ts";
import { contractionWords, type PlaneSum } from "./contraction.ts";
import { PARAMETER, PARAMETER_WORDS, TILE, TILE_WORDS, UNIT, UNIT_WORDS } from "./frame.ts";

/**
 * Bytes of planes that a chunk may have: half of a common second-level cache. A gradient of weights reads the output's gradient once for
 * each chunk: with many rows of weights that costs more than planes in the third level.
 */
const CHUNK_BYTES = { usual: 448 * 1024, wide: 2048 * 1024 } as const;

/** Rows of weights from which the chunks of their gradient are wide. */
const WIDE_ROWS = 64;

/** Output positions of a tile, about, for one and two axes and for three, where depths overlap. */
const TILE_PIXELS = { flat: 320, deep: 700 } as const;

/** A tile of output positions, contiguous in each channel. */
export interface Tile {
  /** Where its block begins among the tables, in bytes. */
  readonly block: number;
  /** Its first output position. */
  readonly start: number;
  /** Its output positions. */
  readonly pixels: number;
}

/** Planes of one output in a chunk. */
export interface ChunkOutput {
  /** The output. */
  readonly output: number;
  /** The first column of its matrix. */
  readonly column: number;
  /** Columns of its matrix. */
  readonly columns: number;
  /** Where its planes begin, from the thread's base. */
  readonly planes: number;
  /** Whether no chunk before had columns of it. */
  readonly first: boolean;
}

/** Neighbouring channels. */
export interface ChannelRun {
  /** The first. */
  readonly first: number;
  /** Their number. */
  readonly count: number;
}

/** Units that are worked on together. */
export interface Chunk {
  /** Where the first unit's block begins among the tables, in bytes. */
  readonly unit: number;
  /** Units. */
  readonly count: number;
  /** Outputs that they reach. */
  readonly outputs: readonly ChunkOutput[];
  /** Their channels. */
  readonly channels: readonly ChannelRun[];
}

/** Rows of an output's matrix whose channels are equally far apart. */
export interface RowRun {
  /** The first row. */
  readonly row: number;
  /** From one row to the next. */
  readonly rowStep: number;
  /** The channel of the first row. */
  readonly channel: number;
  /** Channels from one row to the next. */
  readonly channelStep: number;
  /** Rows. */
  readonly count: number;
}

/** The division of a problem. */
export interface SteerableLayout {
  /** The tables, to be copied into the heap. */
  readonly words: Int32Array;
  /** Tiles. */
  readonly tiles: readonly Tile[];
  /** Chunks. */
  readonly chunks: readonly Chunk[];
  /** Rows of each output. */
  readonly runs: readonly (readonly RowRun[])[];
  /** Channels of the output that no matrix makes. */
  readonly empty: readonly number[];
  /** Channels of the input that belong to no unit. */
  readonly unused: readonly ChannelRun[];
  /** Whether no channel of the input belongs to two units, so that chunks can be worked on at the same time. */
  readonly disjoint: boolean;
  /** Elements from one plane to the next. */
  readonly planeStride: number;
  /** Bytes that a thread needs. */
  readonly threadBytes: number;
  /** Output positions of a sample. */
  readonly pixels: number;
  /** Input positions of a sample. */
  readonly inputPixels: number;
}

/** Three entries, `fill` in front. */
export function threeAxes(list: readonly number[], fill: number): [number, number, number] {
  const padded = [...new Array<number>(3 - list.length).fill(fill), ...list];
  return [padded[0], padded[1], padded[2]];
}

/** Runs of rows with few pieces: rows of one residue at a time. */
export function rowRuns(channels: Int32Array): RowRun[] {
  let best: RowRun[] | undefined;
  for (let step = 1; step <= Math.min(8, channels.length); step++) {
    const runs: RowRun[] = [];
    for (let residue = 0; residue < step; residue++) {
      let run: { row: number; channelStep: number; count: number } | undefined;
      const finish = () => {
        if (run !== undefined) {
          const { row, channelStep, count } = run;
          runs.push({ row, rowStep: step, channel: channels[row], channelStep, count });
        }
      };
      for (let row = residue; row < channels.length; row += step) {
        const distance = run === undefined ? 0 : channels[row] - channels[row - step];
        if (run !== undefined && distance > 0 && (run.count === 1 || distance === run.channelStep)) {
          run.channelStep = distance;
          run.count++;
        } else {
          finish();
          run = { row, channelStep: 1, count: 1 };
        }
      }
      finish();
    }
    if (best === undefined || runs.length < best.length) best = runs;
  }
  return best ?? [];
}

/** Depths and rows of a tile; only whole slices have several depths, so that a tile's positions lie side by side. */
function tileSizes([depth, height, width]: readonly [number, number, number]): { depth: number; height: number } {
  const slice = height * width;
  if (depth > 1) {
    if (slice <= TILE_PIXELS.deep) return { depth: Math.min(depth, Math.ceil(TILE_PIXELS.deep / slice)), height };
    const parts = Math.ceil(slice / TILE_PIXELS.deep);
    return { depth: 1, height: Math.ceil(height / parts) };
  }
  const tiles = Math.ceil(height / Math.max(1, Math.floor(TILE_PIXELS.flat / width)));
  return { depth: 1, height: Math.ceil(height / tiles) };
}

/** Whether all coefficients are those of the identity from functions to paths, so that planes need no contraction. */
function isDirect(plan: SteerablePlan, input: number): boolean {
  const { size, parts } = plan.inputs[input];
  const F = plan.functionCount;
  return size === 1 && parts.length === 1 && parts[0].paths === F && plan.outputs[parts[0].output].size === 1 &&
    parts[0].coefficients.every((value, i) => value === (i % (F + 1) === 0 ? 1 : 0));
}

/** The sums of a unit's planes, and of the functions' gradients; slots are outputs, the last one the functions' planes. */
function planeSums(plan: SteerablePlan, input: number, planeBytes: number): { forward: PlaneSum[]; back: PlaneSum[] } {
  const { size, parts } = plan.inputs[input], F = plan.functionCount, slot = plan.outputs.length;
  const forward: PlaneSum[] = [];
  const back = Array.from({ length: size * F }, (_, source) => ({
    target: { slot, offset: source * planeBytes },
    terms: [] as { slot: number; offset: number; factor: number }[],
  }));
  for (const { output, paths, coefficients } of parts) {
    const outSize = plan.outputs[output].size;
    for (let row = 0; row < paths * outSize; row++) {
      const terms: { slot: number; offset: number; factor: number }[] = [];
      for (let source = 0; source < size * F; source++) {
        const factor = coefficients[row * size * F + source];
        if (factor === 0) continue;
        terms.push({ slot, offset: source * planeBytes, factor });
        back[source].terms.push({ slot: output, offset: row * planeBytes, factor });
      }
      forward.push({ target: { slot: output, offset: row * planeBytes }, terms });
    }
  }
  return { forward, back };
}

/** Channels in ascending order as runs. */
function channelRuns(channels: readonly number[]): ChannelRun[] {
  const runs: { first: number; count: number }[] = [];
  for (const channel of channels) {
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.count === channel) last.count++;
    else runs.push({ first: channel, count: 1 });
  }
  return runs;
}

/** Collects blocks of words, each at a multiple of 16 bytes. */
class Blocks {
  readonly #parts: Int32Array[] = [];
  #words = 0;

  /** Where a block begins, in bytes. */
  add(words: Int32Array): number {
    const start = this.#words;
    this.#parts.push(words);
    this.#words += Math.ceil(words.length / 4) * 4;
    return 4 * start;
  }

  get words(): Int32Array {
    const all = new Int32Array(this.#words);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += Math.ceil(part.length / 4) * 4;
    }
    return all;
  }
}

interface Unit {
  readonly input: number;
  readonly channel: number;
}

/** Consecutive units whose planes fit into a chunk. */
function divideUnits(
  units: readonly Unit[],
  planesOf: (input: number) => number,
  planeBytes: number,
  limit: number,
): Unit[][] {
  const lists: Unit[][] = [];
  let planes = 0;
  for (const unit of units) {
    const more = planesOf(unit.input);
    if (lists.length === 0 || (planes + more) * planeBytes > limit) {
      lists.push([]);
      planes = 0;
    }
    lists[lists.length - 1].push(unit);
    planes += more;
  }
  return lists;
}

/** Divides a problem. `workspace` bytes of each thread are left free at its base; `ofWeights` for the gradient of the weights. */
export function steerableLayout(
  plan: SteerablePlan,
  geometry: ConvolutionGeometry,
  dtype: FloatDType,
  workspace: number,
  ofWeights = false,
): SteerableLayout {
  const bytes = dtype === "float32" ? 4 : 8, lanes = 16 / bytes;
  const output = threeAxes(geometry.outputSize, 1), input = threeAxes(geometry.inputSize, 1);
  const kernel = threeAxes(geometry.kernelSize, 1), stride = threeAxes(geometry.stride, 1);
  const dilation = threeAxes(geometry.dilation, 1), pad = threeAxes(geometry.padBefore, 0);
  const pixels = output[0] * output[1] * output[2], inputPixels = input[0] * input[1] * input[2];
  const size = tileSizes(output);
  const vectors = Math.ceil(output[2] / lanes);
  // A row's last vector may reach beyond the plane.
  const planeStride = Math.ceil((size.depth * size.height * output[2] + lanes) / (2 * lanes)) * 2 * lanes;
  const planeBytes = planeStride * bytes;
  const blocks = new Blocks();
  const parameters = new Int32Array(PARAMETER_WORDS);
  blocks.add(parameters);

  const rows = (count: number, axis: number) => (count - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1;
  const tiles: Tile[] = [];
  for (let z = 0; z < output[0]; z += size.depth) {
    const depth = Math.min(size.depth, output[0] - z);
    for (let y = 0; y < output[1]; y += size.height) {
      const height = Math.min(size.height, output[1] - y);
      const words = new Int32Array(TILE_WORDS);
      words[TILE.z] = z;
      words[TILE.depth] = depth;
      words[TILE.y] = y;
      words[TILE.height] = height;
      words[TILE.rowsZ] = rows(depth, 0);
      words[TILE.rowsY] = rows(height, 1);
      tiles.push({
        block: blocks.add(words),
        start: (z * output[1] + y) * output[2],
        pixels: depth * height * output[2],
      });
    }
  }

  const direct = plan.inputs.map((_, i) => isDirect(plan, i));
  const planesOf = (kind: number) =>
    plan.inputs[kind].parts.reduce((sum, part) => sum + part.paths * plan.outputs[part.output].size, 0);
  const sums = plan.inputs.map((_, i) => {
    if (direct[i]) return { contraction: 0, adjoint: 0 };
    const { forward, back } = planeSums(plan, i, planeBytes);
    return {
      contraction: blocks.add(contractionWords(forward, dtype)),
      adjoint: blocks.add(contractionWords(back, dtype)),
    };
  });
  const units = plan.inputs.flatMap(({ channels, parts }, kind): Unit[] =>
    parts.length === 0 ? [] : Array.from(channels, (channel) => ({ input: kind, channel }))
  );
  const rowCount = Math.max(0, ...plan.outputs.map(({ channels }) => channels.length));
  const limit = ofWeights && rowCount >= WIDE_ROWS ? CHUNK_BYTES.wide : CHUNK_BYTES.usual;
  const divided = divideUnits(units, planesOf, planeBytes, limit);
  const greatest = Math.max(
    0,
    ...divided.map((list) => list.reduce((sum, { input: kind }) => sum + planesOf(kind), 0)),
  );
  const functionPlanes = workspace + greatest * planeBytes;
  const widest = Math.max(1, ...plan.inputs.map(({ size: channels }) => channels));
  const scratch = functionPlanes + widest * plan.functionCount * planeBytes;
  const columns = plan.outputs.map(() => 0), uses = new Uint32Array(plan.inChannels);
  const chunks = divided.map((list): Chunk => {
    const added = plan.outputs.map(() => 0);
    for (const { input: kind } of list) for (const part of plan.inputs[kind].parts) added[part.output] += part.paths;
    let at = workspace;
    const outputs: ChunkOutput[] = [];
    const starts = plan.outputs.map(({ size: components }, o) => {
      const start = at;
      at += added[o] * components * planeBytes;
      if (added[o] > 0) {
        outputs.push({ output: o, column: columns[o], columns: added[o], planes: start, first: columns[o] === 0 });
        columns[o] += added[o];
      }
      return start;
    });
    const basesAt = list.map(({ input: kind }) => {
      const bases = Int32Array.from([...starts, functionPlanes]);
      for (const { output: o, paths } of plan.inputs[kind].parts) {
        starts[o] += paths * plan.outputs[o].size * planeBytes;
      }
      return { bases: blocks.add(bases), start: bases[plan.inputs[kind].parts[0].output] };
    });
    const words = new Int32Array(list.length * UNIT_WORDS);
    list.forEach(({ input: kind, channel }, i) => {
      const at = i * UNIT_WORDS;
      words[at + UNIT.size] = plan.inputs[kind].size;
      words[at + UNIT.channel] = channel * inputPixels * bytes;
      words[at + UNIT.contraction] = sums[kind].contraction;
      words[at + UNIT.adjoint] = sums[kind].adjoint;
      words[at + UNIT.bases] = basesAt[i].bases;
      words[at + UNIT.direct] = direct[kind] ? basesAt[i].start : 0;
    });
    const channels = list.flatMap(({ input: kind, channel }) =>
      Array.from({ length: plan.inputs[kind].size }, (_, i) => channel + i)
    );
    for (const channel of channels) uses[channel]++;
    const runs = channelRuns([...new Set(channels)].sort((a, b) => a - b));
    return { unit: blocks.add(words), count: list.length, outputs, channels: runs };
  });

  const values: { readonly [name in keyof typeof PARAMETER]: number } = {
    depth: input[0],
    height: input[1],
    width: input[2],
    padZ: pad[0],
    padY: pad[1],
    padX: pad[2],
    strideZ: stride[0],
    strideY: stride[1],
    strideX: stride[2],
    outWidth: output[2],
    vectors,
    plane: planeBytes,
    rowBytes: input[2] * bytes,
    sliceBytes: input[1] * input[2] * bytes,
    channelBytes: inputPixels * bytes,
    lastLanes: output[2] - (vectors - 1) * lanes,
    functionPlanes,
    scratch,
  };
  for (const name of Object.keys(PARAMETER) as (keyof typeof PARAMETER)[]) parameters[PARAMETER[name]] = values[name];

  const made = new Uint8Array(plan.outChannels);
  plan.outputs.forEach(({ size: components, channels }, o) => {
    if (plan.columns[o] > 0) { for (const channel of channels) made.fill(1, channel, channel + components); }
  });
  const foldBytes = rows(size.depth, 0) * rows(size.height, 1) * vectors * kernel[2] * 16;
  return {
    words: blocks.words,
    tiles,
    chunks,
    runs: plan.outputs.map(({ channels }) => rowRuns(channels)),
    empty: [...made.keys()].filter((channel) => made[channel] === 0),
    unused: channelRuns([...uses.keys()].filter((channel) => uses[channel] === 0)),
    disjoint: uses.every((count) => count <= 1),
    planeStride,
    threadBytes: Math.ceil((scratch + foldBytes + 64) / 64) * 64,
    pixels,
    inputPixels,
  };
}
