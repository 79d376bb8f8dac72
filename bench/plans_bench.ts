/**
 * The plans of steerable convolutions beside each other: the demo's layers of regular fields of C_16 and the layers of escnn's
 * C_8 tutorial, forward and forward with backward, with and without OpenBLAS, on one thread and on all. Ratios hold within one
 * run alone.
 */

import { FieldType, GeometricTensor, gspaces, R2Conv, randn, scope, seed, useBackend } from "@escnn/escnn";
import { runtime } from "../src/runtime/mod.ts";
import { findOpenblas } from "../backends/cpu/openblas.ts";
import { peaks, peaksText } from "./peaks.ts";

/** A layer of regular fields of C_N, k = 5, batch 64. */
interface Layer {
  readonly why: string;
  readonly order: number;
  readonly fields: readonly [number, number];
  readonly size: number;
}

const LAYERS: readonly Layer[] = [
  { why: "demo 2", order: 16, fields: [5, 8], size: 15 },
  { why: "demo 3", order: 16, fields: [8, 8], size: 15 },
  { why: "demo 4", order: 16, fields: [8, 12], size: 8 },
  { why: "tutorial-c8", order: 8, fields: [24, 24], size: 29 },
];

console.log(peaksText(await peaks()));

const cores = runtime.cores();
const libraries = findOpenblas("auto", 1).opened === undefined ? ["off"] : ["auto", "off"];
for (const openblas of libraries) {
  for (const threads of cores > 1 ? [1, cores] : [1]) {
    for (const { why, order, fields, size } of LAYERS) {
      const space = gspaces.rot2dOnR2(order);
      for (const pass of ["forward", "forward + backward"] as const) {
        const library = openblas === "auto" ? "OpenBLAS" : "WebAssembly";
        const group = `${why}: C${order} ${
          fields.join(" → ")
        } fields, ${size}², ${pass}, ${library}, ${threads} thread(s)`;
        for (const plan of ["dense", "harmonic", "structured", "auto"] as const) {
          let step: (() => void) | undefined;
          Deno.bench(
            { name: `${plan}, ${group}`, group, baseline: plan === "dense", warmup: 1, n: 3 },
            async (timer) => {
              step ??= await prepare({ openblas, threads }, order, fields, size, plan, pass, space);
              timer.start();
              step();
              timer.end();
            },
          );
        }
      }
    }
  }
}

/** A function that runs a layer once on fixed numbers. */
async function prepare(
  options: { readonly openblas: string; readonly threads: number },
  _order: number,
  fields: readonly [number, number],
  size: number,
  plan: "dense" | "harmonic" | "structured" | "auto",
  pass: string,
  space: ReturnType<typeof gspaces.rot2dOnR2>,
): Promise<() => void> {
  await useBackend("cpu", options);
  seed(0);
  const [inType, outType] = fields.map((count) => new FieldType(space, space.regularRepr, count));
  const conv = new R2Conv(inType, outType, 5, { padding: 2, bias: false, plan });
  const x = randn([64, inType.size, size, size], { requiresGrad: pass !== "forward" });
  const step = (): void => {
    using _ = scope();
    const y = conv.forward(new GeometricTensor(x, inType)).tensor;
    if (pass === "forward") return;
    y.backward(y);
    x.grad = undefined;
    conv.weights.grad = undefined;
  };
  // Workers start after some work.
  for (let i = 0; i < 2; i++) {
    step();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return step;
}
