// A script for runtime_test.ts that Deno runs without any permission.

import { runtime } from "../../src/runtime/mod.ts";

async function failure(fn: () => Promise<unknown>): Promise<unknown> {
  try {
    return await fn();
  } catch (error) {
    return [(error as Error).name, (error as { flag?: string }).flag];
  }
}

console.log(JSON.stringify({
  env: runtime.env("PATH") ?? null,
  exists: await runtime.exists("deno.json"),
  read: await failure(() => runtime.readFile("deno.json")),
  write: await failure(() => runtime.writeFile("never.bin", new Uint8Array(1))),
  cores: runtime.cores() >= 1,
}));
