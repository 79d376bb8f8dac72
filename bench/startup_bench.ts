/**
 * From the start of a process to the output of its first steerable convolution (5 × 5, RGB to ten regular fields of C8), and of the
 * README's snippet, which has a ReLU and two sums behind it: in Deno, Bun and Node, beside a program that does nothing. Loading some four
 * hundred modules is most of it, so Deno also runs the first one bundled.
 */

const root = new URL("../", import.meta.url);
const at = (path: string): string => decodeURIComponent(new URL(path, root).pathname);
const folder = await Deno.makeTempDir();
const empty = `${folder}/empty.ts`;
await Deno.writeTextFile(empty, "export {};\n");

async function run(command: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args: [...args], stdout: "null", stderr: "piped" })
    .output();
  if (!success) throw new Error(`${command} ${args.join(" ")} failed: ${new TextDecoder().decode(stderr)}`);
}

await run(Deno.execPath(), ["bundle", "--code-splitting", "--outdir", folder, at("bench/first_convolution.ts")]);

const RUNTIMES = [
  { name: "deno", command: Deno.execPath(), args: ["run", "-A", "--no-check"] },
  { name: "bun", command: at("node_modules/.bin/bun"), args: [] },
  { name: "node (tsx)", command: at("node_modules/.bin/tsx"), args: [] },
];

for (const { name, command, args } of RUNTIMES) {
  const scripts = [
    ["nothing", empty],
    ["the first 5×5 C8 convolution", at("bench/first_convolution.ts")],
    ["the README's snippet", at("examples/snippet.ts")],
  ];
  if (name === "deno") scripts.push(["the first 5×5 C8 convolution, bundled", `${folder}/first_convolution.js`]);
  for (const [what, script] of scripts) {
    Deno.bench({ name: `${name}: ${what}`, group: name, baseline: what === "nothing", warmup: 2, n: 5 }, async () => {
      await run(command, [...args, script]);
    });
  }
}
