/**
 * Writes `backends/cpu/stored_kernels.js`: the modules that common programs ask for, as the cpu backend builds them now. Run it after a
 * change of generated code: `deno task store:kernels`. With `--check` it compares and writes nothing.
 */

import { useBackend } from "@escnn/escnn";
import type { CpuOptions } from "../backends/cpu/create_context.ts";
import { runCommonPrograms } from "./common_programs.ts";

const FILE = new URL("../backends/cpu/stored_kernels.js", import.meta.url);

const HEAD = `/**
 * Modules of kernels, in base64, by the digest under which \`kernel_store.ts\` finds them. Written by \`tools/store_kernels.ts\`; what they
 * do is in the files that build them. Plain JavaScript, because a runtime that takes types out would write all of it once more.
 */

/**
 * Binaries for shared memory and relaxed SIMD.
 *
 * @type {Readonly<Record<string, string>>}
 */
export const STORED_KERNELS = {
`;

const modules = new Map<string, Uint8Array>();
const options: CpuOptions = { onModule: (key, module) => modules.set(key, module.slice()) };
await useBackend("cpu", options);
await runCommonPrograms();

const toBase64 = (bytes: Uint8Array): string => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
const rows = [...modules].sort(([a], [b]) => a < b ? -1 : 1).map(([key, module]) => {
  const name = /^\d/.test(key) ? `"${key}"` : key;
  return `  ${name}:\n    "${toBase64(module)}",\n`;
});
const text = `${HEAD}${rows.join("")}};\n`;
const bytes = [...modules.values()].reduce((sum, module) => sum + module.length, 0);
console.log(`${modules.size} modules, ${bytes} bytes`);

if (Deno.args.includes("--check")) {
  const stored = await Deno.readTextFile(FILE);
  if (stored !== text) {
    console.error("backends/cpu/stored_kernels.js is not what the backend builds now: run `deno task store:kernels`");
    Deno.exit(1);
  }
} else {
  await Deno.writeTextFile(FILE, text);
}
