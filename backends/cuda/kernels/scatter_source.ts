/**
 * Kernels of the addition at indices, all of which add what meets at one place in a fixed order. `lines_kernel`: a thread for each line
 * along the axis. `owners_kernel`: a block for each line; its threads own targets in shared memory and all see all sources. `sort_*` and
 * `segments_kernel`: a stable radix sort of indices that all lines share, then sums of the sources that each target has. What has an index
 * out of range is left out and reported (`index_faults.ts`).
 */

import type { DType } from "../../../src/tensor/dtype.ts";
import { numbersSource, THREADS } from "./bind.ts";
import { withDeviceFunctions } from "./device_functions.ts";
import { INDEX_OPERATIONS } from "../index_faults.ts";
import { LoopCode } from "./loops.ts";
import { REDUCE_CODE, VALUE_TYPES } from "./operations.ts";
import { operationCode } from "./expression_source.ts";

/** Threads of a block that owns targets. */
export const OWNERS = 64;
/** Sources that such a block sees at a time. */
export const OWNER_TILE = 256;
/** Bits of an index that one pass of the sort looks at. */
export const DIGIT_BITS = 8;
/** Indices that a block of the sort takes. */
export const SORT_TILE = 1024;
/** Threads that sum the counts. */
export const SCAN_THREADS = 256;

/** Numbers in front of the loops. */
export const LINE_NUMBERS = {
  lines: 0,
  sources: 1,
  targets: 2,
  valueStride: 3,
  indexStride: 4,
  targetStride: 5,
  extra: 6,
} as const;
const FIRST = 7;

const add = (dtype: DType, x: string, y: string): string => operationCode("sum", REDUCE_CODE.sum, dtype, x, y);

/** The numbers' structure and the loops over lines; operands are source, indices, target. */
function head(rank: number, wide: boolean): { loop: LoopCode; numbers: string } {
  return {
    loop: new LoopCode(rank, FIRST, wide),
    numbers: numbersSource(FIRST + LoopCode.count(rank, 3, wide), wide),
  };
}

/** The call that reports an index out of range. */
const report = (index: string, size: string, place: string): string =>
  `escnn_bad_index(report, ${INDEX_OPERATIONS.scatterAdd}, ${index}, ${size}, ${place});`;

/** The source of `lines_kernel(numbers, output, source, indices, report)`. */
export function linesSource(dtype: DType, rank: number, wide: boolean): string {
  const { loop, numbers } = head(rank, wide);
  const type = wide ? "long long" : "int", value = VALUE_TYPES[dtype];
  return withDeviceFunctions([
    numbers,
    `extern "C" __global__ void lines_kernel(const Numbers n, ${value}* __restrict__ y, const ${value}* __restrict__ x, const int* __restrict__ indices, int* report) {`,
    `const ${type} line = (${type})blockIdx.x * ${THREADS} + (${type})threadIdx.x;`,
    "if (line < n.v[0]) {",
    ...loop.coordinates("line", "p"),
    `${type} from = ${loop.offset(0, "p")}, at = ${loop.offset(1, "p")};`,
    `const ${type} to = ${loop.offset(2, "p")};`,
    `for (${type} i = 0; i < n.v[1]; i++) {`,
    "const int index = indices[at];",
    "if (index >= 0 && index < n.v[2]) {",
    `const ${type} target = to + index * n.v[5];`,
    `const ${value} a = y[target], b = x[from];`,
    `y[target] = ${add(dtype, "a", "b")};`,
    `} else ${report("index", "n.v[2]", "at")}`,
    "from += n.v[3];",
    "at += n.v[4];",
    "}",
    "}",
    "}",
    "",
  ].join("\n"));
}

/**
 * The source of `owners_kernel(numbers, output, source, indices, report)`: blocks along x are lines, along y ranges of targets, as many as the
 * number `extra`, whose sums lie in dynamic shared memory.
 */
export function ownersSource(dtype: DType, rank: number, wide: boolean): string {
  const { loop, numbers } = head(rank, wide);
  const type = wide ? "long long" : "int", value = VALUE_TYPES[dtype];
  return withDeviceFunctions([
    numbers,
    `extern "C" __global__ void owners_kernel(const Numbers n, ${value}* __restrict__ y, const ${value}* __restrict__ x, const int* __restrict__ indices, int* report) {`,
    "extern __shared__ double dynamic[];",
    `__shared__ int targets[${OWNER_TILE}];`,
    `__shared__ ${value} values[${OWNER_TILE}];`,
    `${value}* sums = (${value}*)dynamic;`,
    `const ${type} line = (${type})blockIdx.x;`,
    ...loop.coordinates("line", "p"),
    `const ${type} from = ${loop.offset(0, "p")}, at = ${loop.offset(1, "p")};`,
    "const int lowest = (int)blockIdx.y * (int)n.v[6];",
    `const ${type} to = ${loop.offset(2, "p")} + lowest * n.v[5];`,
    "const int left = (int)n.v[2] - lowest;",
    "const int range = left < (int)n.v[6] ? left : (int)n.v[6];",
    "const int owner = (int)threadIdx.x;",
    `for (int t = owner; t < range; t += ${OWNERS}) sums[t] = y[to + t * n.v[5]];`,
    `for (int first = 0; first < (int)n.v[1]; first += ${OWNER_TILE}) {`,
    "const int rest = (int)n.v[1] - first;",
    `const int count = rest < ${OWNER_TILE} ? rest : ${OWNER_TILE};`,
    "__syncthreads();",
    `for (int j = owner; j < count; j += ${OWNERS}) {`,
    "const int index = indices[at + (first + j) * n.v[4]];",
    "const bool isInside = index >= 0 && index < n.v[2];",
    `if (!isInside && blockIdx.y == 0) ${report("index", "n.v[2]", "at + (first + j) * n.v[4]")}`,
    "targets[j] = isInside ? index - lowest : -1;",
    "values[j] = x[from + (first + j) * n.v[3]];",
    "}",
    "__syncthreads();",
    "for (int j = 0; j < count; j++) {",
    "const int t = targets[j];",
    `if ((t & ${OWNERS - 1}) == owner && t >= 0 && t < range) {`,
    `const ${value} a = sums[t], b = values[j];`,
    `sums[t] = ${add(dtype, "a", "b")};`,
    "}",
    "}",
    "}",
    `for (int t = owner; t < range; t += ${OWNERS}) y[to + t * n.v[5]] = sums[t];`,
    "}",
    "",
  ].join("\n"));
}

/**
 * The source of the sort, by one digit in each round. `sort_count(count, shift, stride, blocks, targets, keys, report, counts)` counts the digits of each
 * block's keys, with `targets` for those out of range, which it reports in the first round; `sort_scan(count, counts)` turns counts into first places, `sort_place(count, shift, stride, blocks, targets, keys,
 * order, counts, newKeys, newOrder)` moves keys and what stands for them there, equal ones in their order. Without an `order` a key stands for its place.
 */
export function sortSource(): string {
  const digits = 2 ** DIGIT_BITS;
  const tile = `
  __shared__ int digits[${SORT_TILE}];
  const int first = (int)blockIdx.x * ${SORT_TILE};
  const int left = count - first;
  const int held = left < ${SORT_TILE} ? left : ${SORT_TILE};
  for (int j = (int)threadIdx.x; j < held; j += ${digits}) {
    digits[j] = (key_of(keys[(long long)(first + j) * stride], targets) >> shift) & ${digits - 1};
  }
  __syncthreads();
  const int digit = (int)threadIdx.x;`;
  return withDeviceFunctions(`static __device__ inline int key_of(int index, int targets) {
  return index >= 0 && index < targets ? index : targets;
}
extern "C" __global__ void sort_count(const int count, const int shift, const int stride, const int blocks, const int targets,
    const int* __restrict__ keys, int* report, int* counts) {${tile}
  for (int j = (int)threadIdx.x; shift == 0 && j < held; j += ${digits}) {
    const long long at = (long long)(first + j) * stride;
    if (key_of(keys[at], targets) == targets) ${report("keys[at]", "targets", "at")}
  }
  int found = 0;
  for (int j = 0; j < held; j++) found += digits[j] == digit ? 1 : 0;
  counts[digit * blocks + (int)blockIdx.x] = found;
}
extern "C" __global__ void sort_scan(const int count, int* counts) {
  __shared__ int sums[${SCAN_THREADS}];
  const int thread = (int)threadIdx.x;
  const int each = (count + ${SCAN_THREADS - 1}) / ${SCAN_THREADS};
  const int begin = thread * each;
  const int end = begin + each < count ? begin + each : count;
  int sum = 0;
  for (int i = begin; i < end; i++) sum += counts[i];
  sums[thread] = sum;
  __syncthreads();
  int before = 0;
  for (int t = 0; t < thread; t++) before += sums[t];
  for (int i = begin; i < end; i++) {
    const int own = counts[i];
    counts[i] = before;
    before += own;
  }
}
extern "C" __global__ void sort_place(const int count, const int shift, const int stride, const int blocks, const int targets,
    const int* __restrict__ keys, const int* __restrict__ order, const int* counts, int* newKeys, int* newOrder) {${tile}
  int place = counts[digit * blocks + (int)blockIdx.x];
  for (int j = 0; j < held; j++) {
    if (digits[j] == digit) {
      const int from = first + j;
      newKeys[place] = key_of(keys[(long long)from * stride], targets);
      newOrder[place] = order == 0 ? from : order[from];
      place++;
    }
  }
}
`);
}

/**
 * The source of `segments_kernel(numbers, output, source, keys, order)`: blocks are targets times groups of lines (as many as the number
 * `extra`), threads along x lines, along y shares of the sources of a target.
 */
export function segmentsSource(dtype: DType, rank: number, wide: boolean): string {
  const { loop, numbers } = head(rank, wide);
  const type = wide ? "long long" : "int", value = VALUE_TYPES[dtype];
  return withDeviceFunctions([
    numbers,
    "static __device__ inline int first_place(const int* __restrict__ keys, int count, int key) {",
    "int low = 0, high = count;",
    "while (low < high) {",
    "const int middle = (low + high) >> 1;",
    "if (keys[middle] < key) low = middle + 1;",
    "else high = middle;",
    "}",
    "return low;",
    "}",
    `extern "C" __global__ void segments_kernel(const Numbers n, ${value}* __restrict__ y, const ${value}* __restrict__ x, const int* __restrict__ keys,`,
    "const int* __restrict__ order) {",
    `__shared__ ${value} shared[${THREADS}];`,
    "const int target = (int)(blockIdx.x / (unsigned)n.v[6]), group = (int)(blockIdx.x % (unsigned)n.v[6]);",
    "const int column = (int)threadIdx.x, columns = (int)blockDim.x, row = (int)threadIdx.y, rows = (int)blockDim.y;",
    "const int begin = first_place(keys, (int)n.v[1], target), end = first_place(keys, (int)n.v[1], target + 1);",
    `const ${type} line = (${type})group * columns + column;`,
    `${value} sum = 0;`,
    `${type} to = 0;`,
    "if (line < n.v[0]) {",
    ...loop.coordinates("line", "p"),
    `const ${type} from = ${loop.offset(0, "p")};`,
    `to = ${loop.offset(2, "p")} + target * n.v[5];`,
    "for (int first = begin + row; first < end; first += 64 * rows) {",
    `${value} run = 0;`,
    "const int last = end - first < 64 * rows ? end : first + 64 * rows;",
    "for (int e = first; e < last; e += rows) {",
    `const ${value} b = x[from + order[e] * n.v[3]];`,
    `run = ${add(dtype, "run", "b")};`,
    "}",
    `sum = ${add(dtype, "sum", "run")};`,
    "}",
    "}",
    "shared[row * columns + column] = sum;",
    "__syncthreads();",
    "for (int half = rows >> 1; half > 0; half >>= 1) {",
    "if (row < half) {",
    `const ${value} a = shared[row * columns + column], b = shared[(row + half) * columns + column];`,
    `shared[row * columns + column] = ${add(dtype, "a", "b")};`,
    "}",
    "__syncthreads();",
    "}",
    "if (row == 0 && line < n.v[0] && begin < end) {",
    `const ${value} a = y[to], b = shared[column];`,
    `y[to] = ${add(dtype, "a", "b")};`,
    "}",
    "}",
    "",
  ].join("\n"));
}
