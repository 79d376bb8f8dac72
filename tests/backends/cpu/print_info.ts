// A program for tests in a process of its own: starts the cpu backend with the options of its argument (JSON), multiplies two
// matrices until workers take part (or the threads are one), and prints a line of JSON.

import { type CpuOptions, createBackend } from "../../../backends/cpu/mod.ts";
import { runtime } from "../../../src/runtime/mod.ts";
import type { View } from "../../../src/tensor/backend.ts";

const options = JSON.parse(runtime.args[0] ?? "{}") as CpuOptions;

async function run(): Promise<void> {
  const backend = await createBackend({ startAfter: 0, ...options });
  const size = 256;
  const view = (): View => ({
    buffer: backend.allocate(size * size * 4),
    dtype: "float32",
    shape: [size, size],
    strides: [size, 1],
    offset: 0,
  });
  const [a, b, output] = [view(), view(), view()];
  backend.write(a, new Float32Array(size * size).fill(0.5));
  backend.write(b, new Float32Array(size * size).fill(0.25));
  const deadline = performance.now() + 20_000;
  const threads = Number(backend.info().details.threads);
  do {
    backend.matmul({ a, b, output, alpha: 1, beta: 0 });
    await new Promise((resolve) => setTimeout(resolve, 2));
  } while (Number(backend.info().details.workersReady) < threads - 1 && performance.now() < deadline);
  backend.matmul({ a, b, output, alpha: 1, beta: 0 });
  const result = (await backend.read(output)) as Float32Array;
  const { description, details } = backend.info();
  console.log(JSON.stringify({ description, details, right: result.every((value) => value === 32) }));
}

run().catch((error: Error) => console.log(JSON.stringify({ error: error.name, message: error.message })));
