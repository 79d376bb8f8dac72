// Chains in pieces: the same numbers, less memory, more calls; what cannot be divided stays whole.

import { assert, assertEquals } from "@std/assert";
import { rot2dOnR2, rot3dOnR3 } from "../../../src/gspaces/mod.ts";
import { FourierELU, IIDBatchNorm2d, NormPool, R2Conv, R3Conv, SequentialModule } from "../../../src/nn/mod.ts";
import { seed, type Tensor, tensor, useBackend } from "../../../src/tensor/mod.ts";
import { test } from "../../support/test.ts";
import { trivial } from "../support.ts";
import { assertCompiles, Calling } from "./support.ts";

await useBackend("reference");

const D = { dtype: "float64" } as const;

const matrix = (rows: number, columns: number): Tensor =>
  tensor(Float64Array.from({ length: rows * columns }, (_, i) => ((i * 7) % 13) / 6 - 1), [rows, columns], D);

const up = matrix(30, 6), down = matrix(5, 30), row = matrix(30, 1), batch = matrix(1, 4).reshape([4, 1, 1]);

/** Calls and planned bytes with and without pieces. */
async function both(
  run: (x: Tensor) => unknown,
  shape: readonly number[],
): Promise<{ readonly calls: readonly [number, number]; readonly bytes: readonly [number, number] }> {
  using whole = await assertCompiles(new Calling(run), shape, 1e-12, { ...D, tileBytes: Infinity });
  using pieces = await assertCompiles(new Calling(run), shape, 1e-12, { ...D, tileBytes: 30_000 });
  const [a, b] = [whole.describe(), pieces.describe()];
  assertEquals(a.steps, b.steps);
  assertEquals(a.calls, a.steps.length);
  return { calls: [a.calls, b.calls], bytes: [a.plannedBytes, b.plannedBytes] };
}

test("products and elementwise work between them run in pieces of the columns", async () => {
  const chains: readonly ((x: Tensor) => Tensor)[] = [
    (x) => down.matmul(up.matmul(x).tanh()),
    (x) => down.matmul(up.matmul(x.mul(batch).add(0.5)).mul(row).add(batch).relu()).tanh(),
    (x) =>
      down.matmul(up.matmul(x).reshape([4, 30, 300]).tanh().reshape([4, 2, 15, 10, 30]).mul(0.5).reshape([4, 30, 300])),
  ];
  for (const chain of chains) {
    const { calls, bytes } = await both(chain, [4, 6, 300]);
    // 300 columns of 30 rows of 8 bytes, twice: 62 at a time, but no fewer than 64.
    assert(calls[1] >= 4 * 3 * 4 && calls[1] % 20 === 0, `${calls}`);
    assert(bytes[1] < 0.5 * bytes[0], `${bytes}`);
  }
  assertEquals((await both((x) => down.matmul(up.matmul(x.reshape([2, 2, 6, 300])).relu()), [4, 6, 300])).calls[1], 60);
});

test("what others read and what goes across columns ends a chain, and what is small stays whole", async () => {
  const sum = (x: Tensor): Tensor => {
    const y = up.matmul(x).tanh();
    return down.matmul(y).add(y.mean([1], true));
  };
  const turned = (x: Tensor): Tensor => down.matmul(up.matmul(x).flip(2).tanh());
  const across = (x: Tensor): Tensor => down.matmul(up.matmul(x).reshape([4, 300, 30]).transpose(1, 2).tanh());
  const scaled = (x: Tensor): Tensor => down.matmul(up.matmul(x).mul(x.slice(1, 0, 1)).tanh());
  // The product before a reversal or a transposition stays whole, and the chain behind it is divided.
  for (const run of [turned, across]) {
    const { calls } = await both(run, [4, 6, 300]);
    assertEquals(calls, [3, 1 + 2 * 12]);
  }
  assert((await both(scaled, [4, 6, 300])).calls[1] > 40);
  // The chain ends with the result that others read.
  const ended = await both(sum, [4, 6, 300]);
  assert(ended.calls[1] > ended.calls[0] && ended.bytes[1] > 0.4 * ended.bytes[0], `${ended.calls} ${ended.bytes}`);
  const { calls } = await both((x) => down.matmul(up.matmul(x).tanh()), [1, 6, 70]);
  assertEquals(calls[0], calls[1]);
});

test("Fourier non-linearities run in pieces on cpu, where results are large", async () => {
  await useBackend("cpu");
  try {
    seed(0);
    const plane = rot2dOnR2(), space = rot3dOnR3();
    const flat = new FourierELU(plane, 4, [[0], [1], [2], [3]], { grid: { type: "regular", N: 32 } });
    const solid = new FourierELU(space, 3, [[0], [1], [2]], { grid: { type: "thomson_cube", N: 4 } });
    using image = new SequentialModule(
      new R2Conv(trivial(plane), flat.inType, 3),
      new IIDBatchNorm2d(flat.inType),
      flat,
      new R2Conv(flat.outType, flat.inType, 3),
      new NormPool(flat.inType),
    );
    using voxels = new SequentialModule(
      new R3Conv(trivial(space), solid.inType, 3, { padding: 1 }),
      solid,
      new NormPool(solid.outType),
    );
    for (const [model, shape] of [[image, [3, 1, 33, 33]], [voxels, [2, 1, 11, 11, 11]]] as const) {
      using whole = await assertCompiles(model, shape, 1e-5, { tileBytes: Infinity });
      using pieces = await assertCompiles(model, shape, 1e-5, { tileBytes: 1 << 16 });
      const [a, b] = [whole.describe(), pieces.describe()];
      assert(b.calls > a.calls + 20 && b.plannedBytes < 0.8 * a.plannedBytes, `${b}`);
      assertEquals(b.steps, a.steps);
    }
  } finally {
    await useBackend("reference");
  }
});
