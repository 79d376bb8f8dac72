/**
 * The work dense-conv in tfjs on its WebAssembly backend, measured in this process: one JSON line as `measure.ts` prints it. It has no
 * gradient of the filter, so it measures the forward pass alone; on Node it runs on one thread whatever is asked.
 *
 *     node tfjs.mjs FOLDER [--seconds 3]     FOLDER has node_modules with the packages
 */

import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { measure, settings } from "./measure_js.mjs";

const { folder, seconds } = settings();
const require = createRequire(join(resolve(folder), "index.js"));
const tf = require("@tensorflow/tfjs");
const wasm = require("@tensorflow/tfjs-backend-wasm");
wasm.setWasmPaths(join(dirname(require.resolve("@tensorflow/tfjs-backend-wasm")), "/"));
await tf.setBackend("wasm");
await tf.ready();

// Channels last is the layout that its convolution takes.
const x = tf.randomNormal([64, 29, 29, 64]), filter = tf.randomNormal([5, 5, 64, 64], 0, 0.025), bias = tf.zeros([64]);
const forward = async () => {
  const y = tf.tidy(() => tf.conv2d(x, filter, 1, "same").add(bias));
  await y.data();
  y.dispose();
};
const measured = await measure(forward, seconds);
console.log(JSON.stringify({
  "train-forward": measured,
  inference: measured,
  versions: { tfjs: tf.version.tfjs, backend: tf.getBackend() },
}));
