/**
 * The work dense-conv in jax-js on its WebAssembly backend, measured in this process: one JSON line as `measure.ts` prints it.
 *
 *     node jax.mjs FOLDER [--seconds 3]     FOLDER has node_modules with the package
 */

import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { measure, settings } from "./measure_js.mjs";

const { folder, seconds } = settings();
const require = createRequire(join(resolve(folder), "index.js"));
const entry = require.resolve("@jax-js/jax").replace(/index\.cjs$/, "index.js");
const { version } = require(join(entry, "../../package.json"));
const { defaultDevice, init, jit, lax, random } = await import(pathToFileURL(entry).href);
await init("wasm");
defaultDevice("wasm");

const x = random.normal(random.key(0), [64, 64, 29, 29]), filter = random.normal(random.key(1), [64, 64, 5, 5]);
const convolution = jit((x, filter) => lax.convGeneralDilated(x, filter, [1, 1], "SAME"));
// A function takes over its arguments, so that an array which is used again is counted up by `ref`.
const forward = async () => {
  const y = await convolution(x.ref, filter.ref).blockUntilReady();
  y.dispose();
};
const measured = await measure(forward, seconds);
console.log(JSON.stringify({ "train-forward": measured, inference: measured, versions: { "jax-js": version } }));
