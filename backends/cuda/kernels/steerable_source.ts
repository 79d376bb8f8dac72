/**
 * Kernels of convolution by a plan. `planes_kernel` correlates the channels of a copy with the functions and contracts the results to planes
 * at once, so that the functions' values never leave the multiprocessor; `functions_kernel` is the contraction's adjoint and
 * `channels_kernel` the correlation's. Fused multiply-add is welcome here.
 */

import { BYTES_PER_ELEMENT, type FloatDType } from "../../../src/tensor/dtype.ts";
import { numbersSource } from "./bind.ts";
import { FLOAT_CODES } from "./operations.ts";

/** The most taps whose functions lie in shared memory at a time. */
const TAP_TILE = 64;
/** Static shared memory of a block at most: the compiler refuses more than 48 KiB, and the functions' values need most of it. */
const STATIC_BYTES = 26 * 1024;

/**
 * Taps whose functions lie in shared memory at a time: fewer where there are many functions.
 *
 * @param bytes Of an element.
 */
export function tapTile(functionCount: number, bytes: number): number {
  let tile = TAP_TILE;
  while (tile > 1 && tile * (functionCount * bytes + 12) > STATIC_BYTES) tile /= 2;
  return tile;
}

/**
 * Static shared memory of a block of the kernels with such a tile: the functions' values, and three numbers for each tap. The dynamic one
 * behind it starts at a multiple of 16.
 */
export function tapBytes(functionCount: number, bytes: number): number {
  return Math.ceil(tapTile(functionCount, bytes) * (functionCount * bytes + 12) / 16) * 16;
}

/** Numbers of all three kernels. */
export const STEERABLE_NUMBERS = [
  "positions", // of all threads: those of a channel times samples and groups
  "pixels", // of an output channel
  "inputPixels",
  "inChannels", // of a group
  "planes", // of a group
  "size", // channels of a copy
  "rows", // sums of a copy
  "firstCopy", // of the blocks along y
  "add", // whether to add to what is there
  "inputDepth",
  "inputHeight",
  "inputWidth",
  "depth",
  "height",
  "width",
  "kernelHeight",
  "kernelWidth",
  "taps",
  "strideDepth",
  "strideHeight",
  "strideWidth",
  "dilationDepth",
  "dilationHeight",
  "dilationWidth",
  "padDepth",
  "padHeight",
  "padWidth",
] as const;

/** The name of a number. */
export type SteerableNumber = typeof STEERABLE_NUMBERS[number];

const POSITIONS = new Map<string, number>(STEERABLE_NUMBERS.map((name, i) => [name, i]));

/** Numbers in the order in which kernels read them; those without a value are as in `others`, by default 0. */
export function steerableNumbers(
  values: { readonly [name in SteerableNumber]?: number },
  others?: readonly number[],
): number[] {
  const numbers = others === undefined ? new Array<number>(STEERABLE_NUMBERS.length).fill(0) : others.slice();
  for (const [name, value] of Object.entries(values)) numbers[POSITIONS.get(name)!] = value;
  return numbers;
}

const number = (name: SteerableNumber): string => `n.v[${STEERABLE_NUMBERS.indexOf(name)}]`;

const NUMBERS = numbersSource(STEERABLE_NUMBERS.length, false);

/** Statements that bring a tile of taps from `first` on into shared memory: the functions' values and the taps' places. */
function stageTaps(functionCount: number, tile: number): string {
  return `__syncthreads();
const int held = ${number("taps")} - first < ${tile} ? ${number("taps")} - first : ${tile};
for (int e = thread; e < held * ${functionCount}; e += threads) table[e] = functions[first * ${functionCount} + e];
for (int e = thread; e < held; e += threads) {
const int row = (first + e) / ${number("kernelWidth")};
tapX[e] = (first + e - row * ${number("kernelWidth")}) * ${number("dilationWidth")};
tapY[e] = (row % ${number("kernelHeight")}) * ${number("dilationHeight")};
tapZ[e] = (row / ${number("kernelHeight")}) * ${number("dilationDepth")};
}
__syncthreads();`;
}

function sharedTaps(type: string, functionCount: number, tile: number): string {
  return `__shared__ ${type} table[${tile * functionCount}];
__shared__ int tapZ[${tile}], tapY[${tile}], tapX[${tile}];
const int thread = (int)threadIdx.x, threads = (int)blockDim.x;`;
}

/**
 * The source of `planes_kernel(numbers, planes, input, channels, rows, sources, coefficients, functions)`. Blocks along x are positions,
 * `each` for a thread, along y copies; dynamic shared memory holds the functions' values: size · functionCount · each · threads.
 */
export function planesSource(dtype: FloatDType, functionCount: number, each: number): string {
  const { type } = FLOAT_CODES[dtype];
  const tile = tapTile(functionCount, BYTES_PER_ELEMENT[dtype]);
  const forEach = `_Pragma("unroll") for (int u = 0; u < ${each}; u++)`;
  const forFunctions = `_Pragma("unroll") for (int f = 0; f < ${functionCount}; f++)`;
  return `${NUMBERS}
extern "C" __global__ void planes_kernel(const Numbers n, ${type}* __restrict__ planes, const ${type}* __restrict__ x, const int* __restrict__ channels,
    const int* __restrict__ rows, const int* __restrict__ sources, const ${type}* __restrict__ coefficients, const ${type}* __restrict__ functions) {
extern __shared__ double dynamic[];
${sharedTaps(type, functionCount, tile)}
${type}* values = (${type}*)dynamic;
const int copy = (int)blockIdx.y;
int z[${each}], y[${each}], w[${each}];
long long from[${each}], to[${each}];
${forEach} {
const int i = ((int)blockIdx.x * ${each} + u) * threads + thread;
if (i < ${number("positions")}) {
const int sample = i / ${number("pixels")};
const int p = i - sample * ${number("pixels")};
const int row = p / ${number("width")};
w[u] = (p - row * ${number("width")}) * ${number("strideWidth")} - ${number("padWidth")};
y[u] = (row % ${number("height")}) * ${number("strideHeight")} - ${number("padHeight")};
z[u] = (row / ${number("height")}) * ${number("strideDepth")} - ${number("padDepth")};
from[u] = ((long long)sample * ${number("inChannels")} + channels[copy]) * ${number("inputPixels")};
to[u] = (long long)sample * ${number("planes")} * ${number("pixels")} + p;
} else {
// Nothing of the input is there.
w[u] = y[u] = 0;
z[u] = -1073741824;
from[u] = 0;
to[u] = -1;
}
}
for (int j = 0; j < ${number("size")}; j++) {
${type} sums[${each}][${functionCount}];
${forEach} { ${forFunctions} sums[u][f] = 0; }
for (int first = 0; first < ${number("taps")}; first += ${tile}) {
${stageTaps(functionCount, tile)}
for (int e = 0; e < held; e++) {
const int dz = tapZ[e], dy = tapY[e], dw = tapX[e];
${forEach} {
const int iz = z[u] + dz, iy = y[u] + dy, iw = w[u] + dw;
const bool inside = (unsigned)iz < (unsigned)${number("inputDepth")} && (unsigned)iy < (unsigned)${
    number("inputHeight")
  } &&
  (unsigned)iw < (unsigned)${number("inputWidth")};
const ${type} value = inside ? x[from[u] + (iz * ${number("inputHeight")} + iy) * ${number("inputWidth")} + iw] : 0;
${forFunctions} sums[u][f] += value * table[e * ${functionCount} + f];
}
}
}
${forEach} {
${forFunctions} values[((j * ${functionCount} + f) * ${each} + u) * threads + thread] = sums[u][f];
from[u] += ${number("inputPixels")};
}
}
const int count = ${number("rows")};
for (int row = 0; row < count; row++) {
${type} sums[${each}];
${forEach} sums[u] = 0;
const int end = rows[row + 1];
for (int e = rows[row]; e < end; e++) {
const ${type} coefficient = coefficients[e];
const int at = sources[e] * ${each} * threads + thread;
${forEach} sums[u] += coefficient * values[at + u * threads];
}
const long long plane = rows[count + 1 + row] + copy * rows[2 * count + 1 + row];
${forEach} if (to[u] >= 0) planes[to[u] + plane * ${number("pixels")}] = sums[u];
}
}
`;
}

/**
 * The source of `functions_kernel(numbers, values, planes, channels, rows, bases, steps, coefficients)`: for each channel of a copy and each
 * function the sum of planes that it went into. `values` are [sample and group, channel, function, pixel]. Blocks as in `planes_kernel`.
 */
export function functionsSource(dtype: FloatDType, functionCount: number, each: number): string {
  const { type } = FLOAT_CODES[dtype];
  const forEach = `_Pragma("unroll") for (int u = 0; u < ${each}; u++)`;
  return `${NUMBERS}
extern "C" __global__ void functions_kernel(const Numbers n, ${type}* __restrict__ values, const ${type}* __restrict__ planes, const int* __restrict__ channels,
    const int* __restrict__ rows, const int* __restrict__ bases, const int* __restrict__ steps, const ${type}* __restrict__ coefficients) {
const int copy = ${number("firstCopy")} + (int)blockIdx.y;
long long from[${each}], to[${each}];
${forEach} {
const int i = ((int)blockIdx.x * ${each} + u) * (int)blockDim.x + (int)threadIdx.x;
const bool live = i < ${number("positions")};
const int sample = live ? i / ${number("pixels")} : 0;
const int p = live ? i - sample * ${number("pixels")} : 0;
from[u] = (long long)sample * ${number("planes")} * ${number("pixels")} + p;
to[u] = live ? ((long long)sample * ${number("inChannels")} + channels[copy]) * ${functionCount} * ${
    number("pixels")
  } + p : -1;
}
for (int row = 0; row < ${number("rows")}; row++) {
${type} sums[${each}];
${forEach} sums[u] = 0;
const int end = rows[row + 1];
for (int e = rows[row]; e < end; e++) {
const ${type} coefficient = coefficients[e];
const long long plane = (long long)(bases[e] + copy * steps[e]) * ${number("pixels")};
${forEach} sums[u] += coefficient * planes[from[u] + plane];
}
${forEach} {
if (to[u] >= 0) {
${type}* at = values + (to[u] + (long long)row * ${number("pixels")});
*at = ${number("add")} != 0 ? *at + sums[u] : sums[u];
}
}
}
}
`;
}

/**
 * The source of `channels_kernel(numbers, input, values, functions)`: blocks along x are positions of the input, along y channels of a
 * group. With `unit` all strides are 1.
 */
export function channelsSource(dtype: FloatDType, functionCount: number, unit: boolean): string {
  const { type } = FLOAT_CODES[dtype];
  const tile = tapTile(functionCount, BYTES_PER_ELEMENT[dtype]);
  const axis = (at: string, tap: string, stride: SteerableNumber, size: SteerableNumber): string =>
    unit
      ? `const int i${at} = q${at} - ${tap}[e];
const bool in${at} = (unsigned)i${at} < (unsigned)${number(size)};`
      : `const int f${at} = q${at} - ${tap}[e], i${at} = f${at} / ${number(stride)};
const bool in${at} = f${at} >= 0 && i${at} * ${number(stride)} == f${at} && i${at} < ${number(size)};`;
  return `${NUMBERS}
extern "C" __global__ void channels_kernel(const Numbers n, ${type}* __restrict__ x, const ${type}* __restrict__ values, const ${type}* __restrict__ functions) {
${sharedTaps(type, functionCount, tile)}
const int i = (int)blockIdx.x * threads + thread;
const bool live = i < ${number("positions")};
const int sample = live ? i / ${number("inputPixels")} : 0;
const int q = live ? i - sample * ${number("inputPixels")} : 0;
const int row = q / ${number("inputWidth")};
const int qx = q - row * ${number("inputWidth")} + ${number("padWidth")};
const int qy = row % ${number("inputHeight")} + ${number("padHeight")};
const int qz = live ? row / ${number("inputHeight")} + ${number("padDepth")} : -1073741824;
const long long channel = (long long)sample * ${number("inChannels")} + (int)blockIdx.y;
const ${type}* from = values + channel * ${functionCount} * ${number("pixels")};
${type} sum = 0;
for (int first = 0; first < ${number("taps")}; first += ${tile}) {
${stageTaps(functionCount, tile)}
for (int e = 0; e < held; e++) {
${axis("z", "tapZ", "strideDepth", "depth")}
${axis("y", "tapY", "strideHeight", "height")}
${axis("x", "tapX", "strideWidth", "width")}
if (inz && iny && inx) {
const ${type}* at = from + ((iz * ${number("height")} + iy) * ${number("width")} + ix);
_Pragma("unroll") for (int f = 0; f < ${functionCount}; f++) {
sum += at[(long long)f * ${number("pixels")}] * table[e * ${functionCount} + f];
}
}
}
}
if (live) x[channel * ${number("inputPixels")} + q] = sum;
}
`;
}

/** Rows that a thread of {@linkcode channelRowsSource} makes. */
export const CHANNEL_ROWS = 4;

/**
 * The source of `channel_rows_kernel`, which is `channels_kernel` where all strides and the dilation of rows are 1: a thread makes some rows of
 * one column, so that a value of a function that it has loaded serves all taps that meet these rows.
 */
export function channelRowsSource(dtype: FloatDType, functionCount: number, kernelHeight: number): string {
  const { type } = FLOAT_CODES[dtype];
  const held = kernelHeight + CHANNEL_ROWS - 1;
  const width = number("kernelWidth");
  return `${NUMBERS}
extern "C" __global__ void channel_rows_kernel(const Numbers n, ${type}* __restrict__ x, const ${type}* __restrict__ values, const ${type}* __restrict__ functions) {
extern __shared__ double dynamic[];
${type}* table = (${type}*)dynamic;
const int thread = (int)threadIdx.x, threads = (int)blockDim.x;
const int blocks = (${number("inputHeight")} + ${CHANNEL_ROWS - 1}) / ${CHANNEL_ROWS};
const int i = (int)blockIdx.x * threads + thread;
const bool live = i < ${number("positions")};
const int row = i / ${number("inputWidth")};
const int qx = i - row * ${number("inputWidth")};
const int slice = row / blocks;
const int qy = (row - slice * blocks) * ${CHANNEL_ROWS};
const int sample = live ? slice / ${number("inputDepth")} : 0;
const int qz = slice - sample * ${number("inputDepth")};
const long long channel = (long long)sample * ${number("inChannels")} + (int)blockIdx.y;
const ${type}* from = values + channel * ${functionCount} * ${number("pixels")};
const int lowest = qy + ${number("padHeight")} - ${kernelHeight - 1};
${type} sums[${CHANNEL_ROWS}];
_Pragma("unroll") for (int v = 0; v < ${CHANNEL_ROWS}; v++) sums[v] = 0;
const int slab = ${kernelHeight * functionCount} * ${width};
for (int first = 0, tz = 0; first < ${number("taps")}; first += ${kernelHeight} * ${width}, tz++) {
__syncthreads();
for (int e = thread; e < slab; e += threads) table[e] = functions[first * ${functionCount} + e];
__syncthreads();
const int iz = qz + ${number("padDepth")} - tz * ${number("dilationDepth")};
if (!live || (unsigned)iz >= (unsigned)${number("depth")}) continue;
for (int tx = 0; tx < ${width}; tx++) {
const int ix = qx + ${number("padWidth")} - tx * ${number("dilationWidth")};
if ((unsigned)ix >= (unsigned)${number("width")}) continue;
const int column = iz * ${number("height")} * ${number("width")} + ix;
for (int f = 0; f < ${functionCount}; f++) {
const ${type}* at = from + ((long long)f * ${number("pixels")} + column);
${type} loaded[${held}];
_Pragma("unroll") for (int r = 0; r < ${held}; r++) {
const int iy = lowest + r;
loaded[r] = (unsigned)iy < (unsigned)${number("height")} ? at[iy * ${number("width")}] : 0;
}
_Pragma("unroll") for (int ty = 0; ty < ${kernelHeight}; ty++) {
const ${type} factor = table[(ty * ${width} + tx) * ${functionCount} + f];
_Pragma("unroll") for (int v = 0; v < ${CHANNEL_ROWS}; v++) sums[v] += loaded[v + ${kernelHeight - 1} - ty] * factor;
}
}
}
}
if (!live) return;
${type}* to = x + channel * ${number("inputPixels")} + (qz * ${number("inputHeight")} + qy) * ${
    number("inputWidth")
  } + qx;
_Pragma("unroll") for (int v = 0; v < ${CHANNEL_ROWS}; v++) {
if (qy + v < ${number("inputHeight")}) to[v * ${number("inputWidth")}] = sums[v];
}
}
`;
}
