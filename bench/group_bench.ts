/**
 * Groups from nothing, each in a fresh process: the icosahedral and the octahedral group with all irreps, the regular
 * representation and all Clebsch-Gordan tensors, and SO(3) with irreps and Clebsch-Gordan tensors to frequency 6, beside a
 * program that does nothing. The work itself, without the start of the process, is held to its limit.
 */

const root = new URL("../", import.meta.url);
const at = (path: string): string => decodeURIComponent(new URL(path, root).pathname);
const empty = await Deno.makeTempFile({ suffix: ".ts" });
await Deno.writeTextFile(empty, "export {};\n");

/** The milliseconds that each work may take from its first import to its end. */
const LIMITS: Readonly<Record<string, number>> = { icosahedral: 200, octahedral: 100, "so3 to frequency 6": 100 };

async function run(script: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script, ...args],
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`${script} ${args.join(" ")} failed: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

Deno.bench({ name: "nothing", group: "groups", baseline: true, warmup: 2, n: 10 }, async () => {
  await run(empty);
});

for (const [name, limit] of Object.entries(LIMITS)) {
  const times: number[] = [];
  for (let i = 0; i < 5; i++) times.push(JSON.parse(await run(at("bench/group_work.ts"), name)).milliseconds);
  const best = Math.min(...times);
  console.log(`${name}: ${best.toFixed(1)} ms of work in a fresh process, limit ${limit} ms`);
  if (best > limit) throw new Error(`${name} took ${best} ms, more than ${limit}`);
  Deno.bench({ name, group: "groups", warmup: 2, n: 10 }, async () => {
    await run(at("bench/group_work.ts"), name);
  });
}
