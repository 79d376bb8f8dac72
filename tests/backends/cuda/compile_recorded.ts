// Run by real_libraries_test.ts, a process for each architecture: compiles the recorded sources of a folder with the real NVRTC. Arguments: the
// folder, the architecture. Prints {"sources": how many, "failures": [texts]}.

import { runtime } from "../../../src/runtime/mod.ts";
import { openNvrtc } from "./kernels/nvrtc.ts";

const [folder, architecture] = runtime.args;
const nvrtc = await openNvrtc();
if (nvrtc === undefined) throw new Error("Expected the real NVRTC, found none");
const failures: string[] = [];
const names = (await runtime.listDirectory(folder)).sort();
for (const name of names) {
  // The first line is a comment with the options.
  const text = new TextDecoder().decode(await runtime.readFile(`${folder}/${name}`));
  const end = text.indexOf("\n");
  const options = text.slice(2, end).trim().split(" ");
  try {
    if (!options.includes("--std=c++17")) throw new Error(`options ${options}`);
    const code = nvrtc.compile(text.slice(end + 1), [`--gpu-architecture=sm_${architecture}`, ...options]);
    // Machine code is an ELF file.
    if (String.fromCharCode(...code.subarray(1, 4)) !== "ELF") failures.push(`${name}: no ELF file`);
  } catch (error) {
    failures.push(`${name}: ${error}\n${text.slice(end + 1)}`);
  }
}
console.log(JSON.stringify({ sources: names.length, failures }));
