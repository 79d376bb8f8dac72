// covers: backends/cpu/convolution/columns.ts
// The kernel that builds columns, by hand: zeros where rows, planes and columns lie outside, every stride, and memory on both
// sides of 2³¹.

import { assertEquals } from "@std/assert";
import {
  buildColumnsModule,
  COLUMN_HEAD_WORDS,
  COLUMN_TAP_WORDS,
  OUTSIDE,
} from "../../../../backends/cpu/convolution/columns.ts";
import type { FloatDType } from "../../../../src/tensor/dtype.ts";
import { test } from "../../../support/test.ts";

type Columns = (
  table: number,
  target: number,
  source: number,
  channels: number,
  rows: number,
  rowOffsets: number,
  planes: number,
  planeOffsets: number,
) => void;

function kernel(dtype: FloatDType, pages: number): { memory: WebAssembly.Memory; columns: Columns } {
  const memory = new WebAssembly.Memory({ initial: pages });
  const module = new WebAssembly.Module(buildColumnsModule(dtype, false).slice());
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return { memory, columns: exports.columns as Columns };
}

/** Columns of an image of two channels of 3 × `width`, with one tap. */
function build(dtype: FloatDType, width: number, outputs: number, stride: number, start: number, target = 1 << 15) {
  const bytes = dtype === "float32" ? 4 : 8;
  const { memory, columns } = kernel(dtype, Math.ceil((target + (1 << 15)) / 65536) + 1);
  const data = dtype === "float32" ? new Float32Array(memory.buffer) : new Float64Array(memory.buffer);
  const words = new Int32Array(memory.buffer);
  const source = 8192;
  for (let i = 0; i < 6 * width; i++) data[source / bytes + i] = i + 1;
  data.fill(NaN, target / bytes, target / bytes + 8 * outputs + 8);
  const left = Math.min(outputs, Math.max(0, Math.ceil(-start / stride)));
  const end = Math.min(outputs, Math.floor((width - 1 - start) / stride) + 1);
  const head = [1, outputs, 3 * width * bytes, stride * bytes];
  const tap = [0, 0, left, Math.max(0, end - left), (start + left * stride) * bytes];
  assertEquals([head.length, tap.length], [COLUMN_HEAD_WORDS, COLUMN_TAP_WORDS]);
  words.set([...head, ...tap], 16);
  // Rows: the second of the image, one outside. Planes: one inside, one outside.
  words.set([width * bytes, OUTSIDE], 64);
  words.set([0, OUTSIDE], 80);
  columns(64, target, source, 2, 2, 256, 2, 320);
  const found = Array.from(data.subarray(target / bytes, target / bytes + 8 * outputs + 1));
  const expected = new Array<number>(8 * outputs).fill(0);
  for (let channel = 0; channel < 2; channel++) {
    for (let x = 0; x < outputs; x++) {
      const at = start + x * stride;
      if (at >= 0 && at < width) expected[channel * 4 * outputs + x] = (channel * 3 + 1) * width + at + 1;
    }
  }
  return { found, expected: [...expected, NaN] };
}

for (const dtype of ["float32", "float64"] as const) {
  test(`columns of ${dtype} are the shifted rows, zeros outside, for widths around whole vectors and strides 1 to 3`, () => {
    for (const stride of [1, 2, 3]) {
      for (const start of [-9, -5, -2, -1, 0, 1, 4]) {
        for (const width of [1, 3, 4, 5, 9, 17]) {
          for (const outputs of [1, 2, 4, 5, 8, 11]) {
            const { found, expected } = build(dtype, width, outputs, stride, start);
            assertEquals(found, expected, `width ${width}, ${outputs} outputs, stride ${stride}, start ${start}`);
          }
        }
      }
    }
  });
}

test("columns are written across address 2³¹", () => {
  for (const shift of [4, 20, 40, 64]) {
    const { found, expected } = build("float32", 17, 17, 1, -2, 2 ** 31 - shift);
    assertEquals(found, expected, `${shift} bytes before`);
  }
});
