/**
 * Functions of samples in the cpu backend: tiles of positions are taken to samples by a matrix product, through the function in place, and
 * back by a second product, all in a thread's own memory, so that samples never leave the cache.
 */

import type { SampledMapCall, View } from "../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT, type FloatDType } from "../../src/tensor/dtype.ts";
import type { CpuContext } from "./context.ts";
import { Gemm, PER_THREAD } from "./gemm/gemm.ts";
import { stepsFor } from "./gemm/steps.ts";
import { viewPointer, writeParameters } from "./kernel_frame.ts";
import { createFlatMap } from "./map.ts";

/** Scratch slot of the threads' memory. */
const SLOT = 9;

/** Bytes of samples of a tile. */
const TILE_BYTES = 96 * 1024;

/** Positions that a tile has at least. */
const LEAST_TILE = 32;

/** Multiply-adds that a step of an expression counts for. */
const MAP_WORK = 8;

/** Makes the backend's `sampledMap`. */
export function createSampledMap(context: CpuContext, gemm: Gemm): (call: SampledMapCall) => void {
  const flatMap = createFlatMap(context);
  return ({ expression, matrices, inputs, result, output }) => {
    const dtype = output.dtype as FloatDType, bytes = BYTES_PER_ELEMENT[dtype];
    const [blocks, rows, positions] = output.shape, samples = result.shape[1];
    if (blocks * rows * positions === 0) return;
    const sizes = inputs.map(({ shape }) => shape[1]);
    const width = sizes.reduce((sum, size) => sum + size, rows);
    const most = Math.max(LEAST_TILE, Math.floor(TILE_BYTES / (samples * bytes * inputs.length)));
    const tiles = Math.ceil(positions / most), tile = Math.ceil(positions / tiles / 16) * 16;
    const map = flatMap(expression, inputs.length, samples * tile);
    const parameters = Gemm.workspaceBytes, buffers = parameters + Math.ceil(map.template.byteLength / 64) * 64;
    const bufferBytes = Math.ceil(samples * tile * bytes / 64) * 64;
    const stride = buffers + Math.max(1, inputs.length) * bufferBytes;
    const { threads } = context.executor;
    const base = context.scratch(stride * threads, SLOT);
    for (let thread = 0; thread < threads; thread++) {
      const own = base + thread * stride;
      const places = inputs.map((_, i) => own + buffers + i * bufferBytes);
      writeParameters(context, own + parameters, map, [own + buffers], places, []);
    }
    const steps = stepsFor(context, blocks * positions * samples * (width + MAP_WORK));
    const matrix = (view: View) => ({ a: viewPointer(view), aRow: view.strides[0], aColumn: view.strides[1] });
    for (let block = 0; block < blocks; block++) {
      for (let first = 0; first < positions; first += tile) {
        const count = Math.min(tile, positions - first);
        steps.beginTask();
        inputs.forEach((input, i) =>
          gemm.push(
            steps,
            dtype,
            {
              m: samples,
              n: count,
              k: sizes[i],
              alpha: 1,
              ...matrix(matrices[i]),
              b: viewPointer(input) + (block * sizes[i] * positions + first) * bytes,
              bRow: positions,
              bColumn: 1,
              beta: 0,
              c: base + buffers + i * bufferBytes,
              cRow: count,
              cColumn: 1,
            },
            base,
            PER_THREAD.c,
            stride,
          )
        );
        steps.pushPerThread(map.kernel, 1, stride, base + parameters, 0, samples * count);
        gemm.push(
          steps,
          dtype,
          {
            m: rows,
            n: count,
            k: samples,
            alpha: 1,
            ...matrix(result),
            b: base + buffers,
            bRow: count,
            bColumn: 1,
            beta: 0,
            c: viewPointer(output) + (block * rows * positions + first) * bytes,
            cRow: positions,
            cColumn: 1,
          },
          base,
          PER_THREAD.b,
          stride,
        );
      }
    }
    steps.flush();
  };
}
