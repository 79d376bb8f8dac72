// The plain-JavaScript frame around a worker's source: it gives every runtime's worker the same two names, `port` and
// `data`, so that one source string runs under node:worker_threads and as a Web Worker.

/**
 * Wraps the body of a worker for `new Worker(source, { eval: true })` of node:worker_threads.
 *
 * @param body Plain JavaScript that uses `port` and `data`.
 * @param loader A module whose `register()` teaches the thread to import TypeScript. Default: none.
 */
export function threadWorkerSource(body: string, loader?: string): string {
  const ready = loader === undefined
    ? "Promise.resolve()"
    : `import(${JSON.stringify(loader)}).then((module) => void module.register())`;
  return `"use strict";
const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads");
(function (port, data) {
${body}
})({
  post: (message, transfer) => parentPort.postMessage(message, transfer),
  listen: (fn) => parentPort.on("message", fn),
  load: (url) => ${ready}.then(() => import(url)),
}, workerData);
`;
}

/**
 * Wraps the body of a worker for a Web Worker. The first message carries `data`; the body runs when it arrives.
 *
 * @param body Plain JavaScript that uses `port` and `data`.
 */
export function webWorkerSource(body: string): string {
  return `"use strict";
const start = function (port, data) {
${body}
};
self.addEventListener("message", (first) => {
  start({
    post: (message, transfer) => self.postMessage(message, transfer || []),
    listen: (fn) => self.addEventListener("message", (event) => fn(event.data)),
    load: (url) => import(url),
  }, first.data);
}, { once: true });
`;
}
