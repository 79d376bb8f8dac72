/**
 * The elementwise computation behind a convolution by a plan, tile by tile: as soon as all channels of a tile are complete in a thread's
 * memory, the compiled kernel of the computation runs over them there, so that the convolution's result never goes through main memory.
 */

import { BYTES_PER_ELEMENT } from "../../../src/tensor/dtype.ts";
import type { MapCall, View } from "../../../src/tensor/backend.ts";
import { elementCount } from "../../../src/tensor/layout.ts";
import type { SteerableMapCall } from "../../../src/tensor/steerable_map.ts";
import type { CpuContext } from "../context.ts";
import type { Steps } from "../gemm/steps.ts";
import { viewPointer, writeParameters } from "../kernel_frame.ts";
import type { MapOperation, MapPlan } from "../map.ts";
import type { Tile } from "./layout.ts";

/** The slot of scratch memory that holds the kernels' parameters. */
const SLOT = 13;

/** Where the tiles of a result lie: in each thread's memory, channel after channel. */
export interface ResultTiles {
  /** Elements from one channel to the next. */
  readonly pitch: number;
  /** Bytes for all channels. */
  readonly bytes: number;
}

/** Room for a tile of all channels. A little more than a power of two, so that channels do not all meet the same lines of a cache. */
export function resultTiles({ result }: SteerableMapCall, tiles: readonly Tile[]): ResultTiles {
  const widest = tiles.reduce((most, { pixels }) => Math.max(most, pixels), 0);
  const pitch = Math.ceil(widest / 16) * 16 + 16;
  return { pitch, bytes: result.shape[1] * pitch * BYTES_PER_ELEMENT[result.dtype] };
}

/** The elementwise computations of all tiles of a call. */
export class Epilogue {
  readonly #call: SteerableMapCall;
  readonly #tiles: readonly Tile[];
  readonly #plans: readonly MapPlan[];
  readonly #blockBytes: number;
  readonly #perThread: number;
  readonly #blocks: number;

  /**
   * Writes the parameters of all tiles of all samples.
   *
   * @param results Where the tiles' results lie for the first thread; those of others `threadStride` bytes apart.
   */
  constructor(
    context: CpuContext,
    map: MapOperation,
    call: SteerableMapCall,
    tiles: readonly Tile[],
    { pitch }: ResultTiles,
    results: number,
    threadStride: number,
  ) {
    const { batch } = call.geometry, { threads } = context.executor;
    this.#call = call;
    this.#tiles = tiles;
    this.#plans = tiles.map(({ pixels }) => map.planOf(tileCall(call, pixels, pitch)));
    this.#blockBytes = Math.max(...this.#plans.map(({ template }) => Math.ceil(template.byteLength / 64) * 64));
    this.#perThread = batch * tiles.length * this.#blockBytes;
    this.#blocks = context.scratch(threads * this.#perThread, SLOT);
    const { inputs, outputs, scalars, result, shape } = call, last = shape.length - 1;
    const positions = elementCount(result.shape.slice(2)), unit = BYTES_PER_ELEMENT[result.dtype];
    const channels = inputs.map(({ offset }) => offset / positions);
    const at = (view: View, sample: number, start: number): number =>
      viewPointer(view) + (sample * view.strides[0] + start * view.strides[last]) * BYTES_PER_ELEMENT[view.dtype];
    for (let thread = 0; thread < threads; thread++) {
      for (let sample = 0; sample < batch; sample++) {
        tiles.forEach(({ start }, tile) =>
          writeParameters(
            context,
            this.#block(sample, tile) + thread * this.#perThread,
            this.#plans[tile],
            outputs.map((view) => at(view, sample, start)),
            inputs.map((view, i) =>
              view.buffer === result.buffer
                ? results + thread * threadStride + channels[i] * pitch * unit
                : at(view, sample, start)
            ),
            scalars,
          )
        );
      }
    }
  }

  #block(sample: number, tile: number): number {
    return this.#blocks + (sample * this.#tiles.length + tile) * this.#blockBytes;
  }

  /** Appends the computation of a tile of a sample to the task begun last. */
  push(steps: Steps, sample: number, tile: number): void {
    const { kernel, total } = this.#plans[tile];
    steps.pushPerThread(kernel, 1, this.#perThread, this.#block(sample, tile), 0, total);
  }
}

/** The computation of so many positions of one sample, the result's channels `pitch` apart. */
function tileCall(
  { expressions, shape, inputs, scalars, outputs, result }: SteerableMapCall,
  count: number,
  pitch: number,
): MapCall {
  const positions = shape[shape.length - 1];
  const part = (view: View): View => {
    const strides = view.strides.slice(1);
    const own = view.buffer === result.buffer
      ? strides.map((stride, axis) => axis === strides.length - 1 ? 1 : stride / positions * pitch)
      : strides;
    return { ...view, shape: [], strides: own };
  };
  return {
    expressions,
    shape: [...shape.slice(1, -1), count],
    inputs: inputs.map(part),
    scalars,
    outputs: outputs.map(part),
  };
}
