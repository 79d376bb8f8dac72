/**
 * Measures one work of `bench/networks` in this process and prints one JSON line: seconds to construct it, of a forward pass in train
 * mode, of a training step, of inference, and the peak resident memory of construction and training in MiB. The counterpart of
 * `measure.py`; threads and OpenBLAS are those of `ESCNN_THREADS` and `ESCNN_OPENBLAS`.
 *
 *     deno run -A bench/peers/measure.ts WORK [--phases train-forward,train-step,inference] [--seconds 3]
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { backendInfo, compile, runtime, scope, seed, type Tensor, useBackend } from "@escnn/escnn";
import { Training, type WorkName, WORKS } from "../networks/works.ts";
import { type Measured, median, type Phase, PHASES, type Seconds } from "./figures.ts";

/** The most memory this process has had resident, in MiB. */
async function peakMemory(): Promise<number> {
  try {
    const status = new TextDecoder().decode(await runtime.readFile("/proc/self/status"));
    const [, kibibytes] = /^VmHWM:\s*(\d+)/m.exec(status)!;
    return Number(kibibytes) / 1024;
  } catch {
    return process.resourceUsage().maxRSS / 1024;
  }
}

/** Starts a clock; the function it returns reads it. */
function stopwatch(): () => Seconds {
  const begin = performance.now(), used = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(used);
    return { clock: (performance.now() - begin) / 1000, processor: (user + system) / 1e6 };
  };
}

/**
 * Median seconds of a call: two calls that do not count (one where it takes all the time), then one or more while there is time, at most
 * fifty.
 */
async function measure(run: () => Promise<unknown>, seconds: number): Promise<Seconds> {
  const first = stopwatch();
  await run();
  if (first().clock < seconds) await run();
  const times: Seconds[] = [], whole = stopwatch();
  while (times.length < 1 || (times.length < 50 && whole().clock < seconds)) {
    const watch = stopwatch();
    await run();
    times.push(watch());
  }
  return { clock: median(times.map(({ clock }) => clock)), processor: median(times.map(({ processor }) => processor)) };
}

/** Waits for the result of a pass, and frees it. */
async function pass(forward: () => Tensor): Promise<void> {
  using _ = scope();
  const result = forward();
  await result.backend.synchronize();
}

/** Measures a work in this process. */
async function measureWork(name: WorkName, phases: readonly string[], seconds: number): Promise<Measured> {
  await useBackend("cpu");
  seed(0);
  const work = WORKS[name], watch = stopwatch();
  const network = work.create();
  const construct = watch(), training = new Training(work, network);
  const has = (phase: Phase): boolean => phases.includes(phase);
  const step = has("train-step") ? await measure(() => training.step(), seconds) : undefined;
  const forward = has("train-forward") ? await measure(() => pass(() => training.forward()), seconds) : undefined;
  const peak = await peakMemory();
  const compiled = has("inference") ? await compile(network, work.inputShape) : undefined;
  const inference = compiled === undefined
    ? undefined
    : await measure(() => compiled.run(training.inputs).backend.synchronize(), seconds);
  const parameters = network.parameterCount();
  return { construct, "train-forward": forward, "train-step": step, inference, parameters, peak };
}

const { values, positionals: [name] } = parseArgs({
  allowPositionals: true,
  options: {
    phases: { type: "string", default: PHASES.join() },
    seconds: { type: "string", default: "3" },
  },
});
if (!(name in WORKS)) throw new Error(`expected a work (${Object.keys(WORKS).join(", ")}), got ${name}`);
const measured = await measureWork(name as WorkName, values.phases.split(","), Number(values.seconds));
console.log(JSON.stringify({ ...measured, backend: backendInfo() }));
