/**
 * Copies between views on the cuda backend: dense memory by the driver, transposed matrices through tiles in shared memory so that both
 * sides are reached in order, everything else by the kernel of the identity.
 */

import type { MapCall, View } from "../../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT } from "../../../src/tensor/dtype.ts";
import { input } from "../../../src/tensor/expr.ts";
import type { CudaContext, CudaKernel } from "../context.ts";
import { numbersSource, pointerOf, pushNumbers } from "./bind.ts";
import { withDeviceFunctions } from "./device_functions.ts";
import { isWide, LoopCode, type Loops, planLoops, positionsOf, type WidthRule } from "./loops.ts";
import { WORD_TYPES } from "./operations.ts";

/** Elements along both sides of a tile. */
const TILE = 32;
/** Rows of a tile that a block moves at a time. */
const ROWS = 8;
/** Below this size along either side a tile is mostly empty. */
const SMALLEST = 16;

/**
 * The source of `transpose_kernel(numbers, target, source)`. The target's neighbours lie along columns, the source's along rows. Numbers are
 * columns, rows, the source's stride over columns, the target's over rows, tiles of columns, tiles of rows, then the loops over the rest.
 */
export function transposeSource(bytes: number, rank: number, wide: boolean): string {
  const loop = new LoopCode(rank, 6, wide);
  const type = wide ? "long long" : "int", word = WORD_TYPES[bytes];
  return withDeviceFunctions([
    numbersSource(6 + LoopCode.count(rank, 2, wide), wide),
    `extern "C" __global__ void transpose_kernel(const Numbers n, ${word}* y, const ${word}* x) {`,
    `__shared__ ${word} tile[${TILE}][${TILE + 1}];`,
    `const ${type} block = (${type})blockIdx.x, rest = block / n.v[4], i = rest / n.v[5];`,
    `const ${type} column = (block - rest * n.v[4]) * ${TILE}, row = (rest - i * n.v[5]) * ${TILE};`,
    "const int tx = (int)threadIdx.x, ty = (int)threadIdx.y;",
    ...loop.coordinates("i", "p"),
    `const ${type} to = ${loop.offset(0, "p")}, from = ${loop.offset(1, "p")};`,
    `for (int k = ty; k < ${TILE}; k += ${ROWS}) {`,
    "if (column + k < n.v[0] && row + tx < n.v[1]) tile[k][tx] = x[from + (column + k) * n.v[2] + row + tx];",
    "}",
    "__syncthreads();",
    `for (int k = ty; k < ${TILE}; k += ${ROWS}) {`,
    "if (column + tx < n.v[0] && row + k < n.v[1]) y[to + (row + k) * n.v[3] + column + tx] = tile[tx][k];",
    "}",
    "}",
    "",
  ].join("\n"));
}

/** The loop along which the source's neighbours lie, where it is not the target's and both are long enough; else −1. */
function transposedLoop({ sizes, strides: [target, source] }: Loops): number {
  const last = sizes.length - 1;
  if (last < 1 || target[last] !== 1 || source[last] === 1 || sizes[last] < SMALLEST) return -1;
  return sizes.findIndex((size, loop) => loop < last && source[loop] === 1 && size >= SMALLEST);
}

/**
 * Makes the backend's `copy`.
 *
 * @param map The backend's `map`.
 * @param wideRule Where positions have 64 bits. Default {@linkcode isWide}: where they must.
 */
export function createCopy(
  context: CudaContext,
  map: (call: MapCall) => void,
  wideRule: WidthRule = isWide,
): (source: View, target: View) => void {
  const kernels = new Map<string, CudaKernel>();

  const transpose = (source: View, target: View, loops: Loops, along: number): void => {
    const { sizes, strides: [to, from] } = loops;
    const last = sizes.length - 1;
    const keep = (_: number, loop: number): boolean => loop !== along && loop !== last;
    const others: Loops = { sizes: sizes.filter(keep), strides: [to.filter(keep), from.filter(keep)] };
    const wide = wideRule([loops]);
    const bytes = BYTES_PER_ELEMENT[target.dtype], rank = others.sizes.length;
    const key = `${bytes}|${rank}|${wide}`;
    let kernel = kernels.get(key);
    if (kernel === undefined) {
      [kernel] = context.kernels.kernel(transposeSource(bytes, rank, wide), ["transpose_kernel"]);
      kernels.set(key, kernel);
    }
    const [columns, rows] = [sizes[last], sizes[along]];
    const tiles = [Math.ceil(columns / TILE), Math.ceil(rows / TILE)];
    const args = context.arguments();
    pushNumbers(args, [columns, rows, from[last], to[along], ...tiles, ...LoopCode.numbers(others, wide)], wide);
    args.pointer(pointerOf(target)).pointer(pointerOf(source));
    context.launch(kernel, [tiles[0] * tiles[1] * positionsOf(others), 1, 1], [TILE, ROWS, 1], 0, args);
  };

  return (source, target) => {
    const { shape, dtype } = target;
    const loops = planLoops(shape, shape.map((_, axis) => axis), [target.strides, source.strides]);
    const count = positionsOf(loops);
    if (count === 0) return;
    if (loops.sizes.length === 0 || loops.sizes.length === 1 && loops.strides.every(([stride]) => stride === 1)) {
      const bytes = count * BYTES_PER_ELEMENT[dtype];
      context.driver.copyOnDevice(pointerOf(target), pointerOf(source), bytes, context.stream);
      return;
    }
    const along = transposedLoop(loops);
    if (along >= 0) transpose(source, target, loops, along);
    else map({ expressions: [input(0, dtype)], shape, inputs: [source], scalars: [], outputs: [target] });
  };
}
