/**
 * Inference of trained networks: the equivariant network in eval mode with dense plans and with the plans that it chooses, its export to
 * plain layers with and without folded batch normalization, and the compiled network. The variants of a work run in turn; the table
 * gives the least of five times of each, clock and processor, and what the clock is beside the dense one. `INFERENCE_WORKS` and
 * `INFERENCE_BATCH` choose others.
 */

import process from "node:process";
import { compile, type Module, noGrad, randn, scope, seed, type Tensor, useBackend } from "@escnn/escnn";
import { BodyAndHead } from "./networks/network.ts";
import { exported, type WorkName, WORKS } from "./networks/works.ts";
import { peaks, peaksText } from "./peaks.ts";

/** Rounds in which every variant runs once. */
const ROUNDS = 5;

const names = (process.env.INFERENCE_WORKS ?? "tutorial-c8,se3").split(",");
const batches: Readonly<Record<string, number>> = { "tutorial-c8": 16, "se3": 2, "wrn": 4 };

console.log(peaksText(await peaks()));

/** A way to run a network. */
interface Variant {
  readonly name: string;
  readonly run: () => void;
  clock: number;
  processor: number;
}

/** Times one run, and keeps the least. */
function time(variant: Variant): void {
  const begin = performance.now(), used = process.cpuUsage();
  variant.run();
  const clock = performance.now() - begin, { user, system } = process.cpuUsage(used);
  variant.clock = Math.min(variant.clock, clock);
  variant.processor = Math.min(variant.processor, (user + system) / 1000);
}

/** A network in eval mode with running statistics that are not those of the start. */
function trained(name: WorkName, x: Tensor): BodyAndHead {
  seed(0);
  const network = WORKS[name].create();
  if (!(network instanceof BodyAndHead)) throw new Error(`${name} has no equivariant body`);
  scope(() => {
    noGrad(() => network.forward(x));
  });
  return network.eval();
}

function forward(network: Module & { forward(x: Tensor): Tensor }, x: Tensor): () => void {
  return () => {
    using _ = scope();
    noGrad(() => network.forward(x));
  };
}

for (const name of names) {
  const batch = Number(process.env.INFERENCE_BATCH ?? batches[name] ?? WORKS[name as WorkName].inputShape[0]);
  let measured: (() => void) | undefined;
  Deno.bench({ name: `inference: ${name}, batch ${batch}, compiled`, n: 1, warmup: 0 }, async (timer) => {
    measured ??= await compare(name as WorkName, batch);
    timer.start();
    measured();
    timer.end();
  });
}

/** Runs all variants of a work in turn and prints the table; gives the compiled run. */
async function compare(name: WorkName, batch: number): Promise<() => void> {
  const backend = await useBackend("cpu");
  const shape = [batch, ...WORKS[name].inputShape.slice(1)], x = randn(shape);
  const network = trained(name, x), dense = trained(name, x);
  // Layers take the dense plan on a backend without the others.
  const denseRun = (): void => {
    Object.defineProperty(backend, "steerableConvolution", { value: undefined, configurable: true });
    try {
      forward(dense, x)();
    } finally {
      Reflect.deleteProperty(backend, "steerableConvolution");
    }
  };
  const compiled = await compile(network, shape);
  network.eval();
  const folded = network.body.export({ foldBatchNorm: true }).eval();
  const head = network.head;
  const foldedRun = {
    forward: (input: Tensor) => head === undefined ? folded.forward(input) : head.forward(folded.forward(input)),
  };
  const variants: Variant[] = [
    ["eval mode, dense plans", denseRun],
    ["exported", forward(exported(network), x)],
    ["exported, batch normalization folded", () => {
      using _ = scope();
      noGrad(() => foldedRun.forward(x));
    }],
    ["eval mode", forward(network, x)],
    ["compiled", () => void compiled.run(x)],
  ].map(([label, run]) => ({ name: label as string, run: run as () => void, clock: Infinity, processor: Infinity }));
  for (let round = 0; round < ROUNDS; round++) variants.forEach(time);
  const [base] = variants;
  console.log(`${name}, ${shape.join(" x ")}: least of ${ROUNDS} interleaved rounds, clock and processor ms`);
  for (const { name: label, clock, processor } of variants) {
    const ratio = (base.clock / clock).toFixed(2);
    console.log(
      `  ${label.padEnd(38)} ${clock.toFixed(1).padStart(9)} ${processor.toFixed(1).padStart(9)}  ${ratio} x`,
    );
  }
  console.log(`  ${String(compiled.describe()).split("\n").slice(-3).join("\n  ")}`);
  return () => void compiled.run(x);
}
