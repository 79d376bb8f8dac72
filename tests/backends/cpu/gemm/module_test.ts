// covers: backends/cpu/gemm/module.ts, backends/cpu/gemm/micro_kernel.ts, backends/cpu/gemm/pack.ts, backends/cpu/gemm/element.ts
// The WebAssembly matrix product by itself, with and without fused multiply-add: every size around its tile and block sizes,
// every kind of stride, against three loops in float64.

import { assertEquals } from "@std/assert";
import { detectFeatures } from "../../../../backends/cpu/features.ts";
import { tileColumns, tileRows } from "../../../../backends/cpu/gemm/micro_kernel.ts";
import { element } from "../../../../backends/cpu/gemm/element.ts";
import { buildGemmModule, GEMM_WORKSPACE_BYTES } from "../../../../backends/cpu/gemm/module.ts";
import type { FloatDType } from "../../../../src/tensor/dtype.ts";
import { test } from "../../../support/test.ts";

const REGION = 4 << 20;
/** Addresses of a, b, c, the pointer lists and the workspace. */
const [A, B, C, LISTS, WORKSPACE] = [1, 2, 3, 4, 5].map((i) => i * REGION);

type Strides = readonly [row: number, column: number];

interface Sizes {
  m: number;
  n: number;
  k: number;
}

interface Bed {
  bytes: number;
  data: Float32Array | Float64Array;
  i32: Int32Array;
  gemm: (...args: number[]) => void;
  gemmBatch: (...args: number[]) => void;
}

function bed(dtype: FloatDType, fused: boolean): Bed {
  const memory = new WebAssembly.Memory({ initial: (WORKSPACE + GEMM_WORKSPACE_BYTES) / 65536 + 2 });
  const module = new WebAssembly.Module(buildGemmModule(dtype, fused, false).slice());
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const data = dtype === "float32" ? new Float32Array(memory.buffer) : new Float64Array(memory.buffer);
  const bytes = data.BYTES_PER_ELEMENT;
  for (let i = 0; i < C / bytes; i++) data[i] = Math.sin(i * 1.7);
  const run = (name: string) => exports[name] as (...args: number[]) => void;
  return { bytes, data, i32: new Int32Array(memory.buffer), gemm: run("gemm"), gemmBatch: run("gemmBatch") };
}

/** Largest |c − (alpha · a · b + beta · before)| over Σ|terms| + 1, in units of the type's epsilon. */
function errorOf(
  { bytes, data, gemm }: Bed,
  { m, n, k }: Sizes,
  [a, b, c]: readonly [Strides, Strides, Strides],
  alpha: number,
  beta: number,
): number {
  const before = (i: number, j: number) => beta === 0 ? 0 : Math.fround(Math.cos(i + 2 * j));
  const at = (pointer: number, [row, column]: Strides, i: number, j: number) => pointer / bytes + i * row + j * column;
  data.fill(NaN, C / bytes, LISTS / bytes);
  if (beta !== 0) { for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) data[at(C, c, i, j)] = before(i, j); }
  gemm(
    m,
    n,
    k,
    alpha,
    A,
    a[0] * bytes,
    a[1] * bytes,
    B,
    b[0] * bytes,
    b[1] * bytes,
    beta,
    C,
    c[0] * bytes,
    c[1] * bytes,
    WORKSPACE,
  );
  let worst = 0;
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      let size = 1;
      for (let p = 0; p < k; p++) {
        const term = data[at(A, a, i, p)] * data[at(B, b, p, j)];
        sum += term;
        size += Math.abs(term);
      }
      const error = Math.abs(data[at(C, c, i, j)] - (alpha * sum + beta * before(i, j)));
      worst = Math.max(worst, error === error ? error / size : Infinity);
    }
  }
  return worst / (bytes === 4 ? 2 ** -23 : 2 ** -52);
}

/** Row-major, column-major, and with gaps in both directions. */
const LAYOUTS = [
  (_rows: number, columns: number): Strides => [columns, 1],
  (rows: number, _columns: number): Strides => [1, rows],
  (_rows: number, columns: number): Strides => [2 * columns + 3, 2],
];

const { relaxedSimd } = detectFeatures();
for (const dtype of ["float32", "float64"] as const) {
  for (const fused of [false, true]) {
    const name = `gemm of ${dtype} ${fused ? "with" : "without"} fused multiply-add`;
    const reason = "the engine has no relaxed SIMD";
    test.runIf(!fused || relaxedSimd, `${name} is within 8 ε·Σ|terms| for sizes around its tiles`, reason, () => {
      const one = bed(dtype, fused);
      const height = tileRows(element(dtype, fused));
      const width = tileColumns(element(dtype, fused));
      const rows = [1, height - 1, height, height + 1, 2 * height + 3];
      const columns = [1, width - 1, width, width + 1, 3 * width + 2];
      let layout = 0;
      for (const m of rows) {
        for (const n of columns) {
          for (const k of [1, 3, 4, 9]) {
            layout++;
            const strides = [LAYOUTS[layout % 3](m, k), LAYOUTS[(layout >> 1) % 3](k, n), LAYOUTS[layout % 2](m, n)];
            const error = errorOf(one, { m, n, k }, [strides[0], strides[1], strides[2]], 1, 0);
            assertEquals(error < 8, true, `${m} × ${k} · ${k} × ${n}, layout ${layout}: ${error} ε`);
          }
        }
      }
    });

    test.runIf(
      !fused || relaxedSimd,
      `${name} is within 16 ε·Σ|terms| beyond its blocks, for all alpha and beta`,
      reason,
      () => {
        const one = bed(dtype, fused);
        const { bytes } = one;
        for (const { m, n, k } of [{ m: 97, n: 385, k: 257 }, { m: 192, n: 30, k: 512 }, { m: 5, n: 770, k: 20 }]) {
          if (Math.max(m * k, k * n, m * n) * bytes > REGION) throw new RangeError("the case does not fit its region");
          for (const [alpha, beta] of [[1, 0], [0.5, 1], [-2, 0.25]]) {
            const strides = [[k, 1], [n, 1], [n, 1]] as const;
            const error = errorOf(one, { m, n, k }, strides, alpha, beta);
            assertEquals(error < 16, true, `${m} × ${k} · ${k} × ${n}, alpha ${alpha}, beta ${beta}: ${error} ε`);
          }
        }
      },
    );
  }
}

test("gemm with k = 0 scales the output, and does not read it with beta = 0", () => {
  const one = bed("float32", false);
  const { data } = one;
  const run = (beta: number) => one.gemm(2, 3, 0, 1, A, 0, 4, B, 12, 4, beta, C, 12, 4, WORKSPACE);
  data.set([1, 2, 3, 4, 5, 6, 7], C / 4);
  run(0.5);
  assertEquals([...data.subarray(C / 4, C / 4 + 7)], [0.5, 1, 1.5, 2, 2.5, 3, 7]);
  data.fill(NaN, C / 4, C / 4 + 6);
  run(0);
  assertEquals([...data.subarray(C / 4, C / 4 + 7)], [0, 0, 0, 0, 0, 0, 7]);
});

test("gemmBatch multiplies the matrices that its lists name", () => {
  const { data, i32, gemmBatch } = bed("float32", false);
  data.set([1, 2, 3, 4, 5, 6, 7, 8], A / 4);
  data.set([1, 0, 0, 1, 0, 1, 1, 0], B / 4);
  i32.set([A, A + 16, A, B, B + 16, B + 16, C, C + 16, C + 32], LISTS / 4);
  gemmBatch(2, 2, 2, 1, LISTS, 8, 4, LISTS + 12, 8, 4, 0, LISTS + 24, 8, 4, WORKSPACE, 3);
  assertEquals([...data.subarray(C / 4, C / 4 + 12)], [1, 2, 3, 4, 6, 5, 8, 7, 2, 1, 4, 3]);
});
