/**
 * The program of a worker, as one string of plain JavaScript, because a worker from a source string is the only kind that
 * starts in every runtime without permissions. It waits for jobs in the shared heap, compiles the modules it meets, runs
 * pieces, and parks when there is nothing to do; see `executor.ts` for the protocol. Its only message is why it cannot start.
 */

import {
  COMMAND_HEAD,
  CONTROL,
  ERROR_CHARACTERS,
  JOB,
  KERNEL_ROW,
  KERNEL_WORDS,
  MAXIMUM_ARGUMENTS,
} from "./job_layout.ts";

/** What a worker gets at its start. */
export interface WorkerData {
  /** The heap. */
  readonly memory: WebAssembly.Memory;
  /** Offset of the control block. */
  readonly control: number;
  /** Its number, from 1. */
  readonly thread: number;
  /** Microseconds that it looks for the next job before it parks. */
  readonly spin: number;
  /** Address of the heap, 0 when there are no native functions. */
  readonly base: number;
  /** Which native functions to open: what `openNative` of {@linkcode workerSource} takes. */
  readonly native: unknown;
}

/** One line for each number of arguments: a call with separate arguments is several times faster than a spread. */
function callCases(): string {
  const lines: string[] = [];
  for (let count = 0; count <= MAXIMUM_ARGUMENTS; count++) {
    const args = Array.from({ length: count }, (_, i) => `a[${i}]`).join(", ");
    lines.push(`      case ${count}: fn(${args}); return;`);
  }
  return lines.join("\n");
}

/**
 * The program.
 *
 * @param nativeSource Statements that define `openNative`, a function from `data.native` to an object of native functions
 *   that take absolute addresses. "" when there are none.
 */
export function workerSource(nativeSource: string): string {
  const C = CONTROL;
  return `
${nativeSource}
const memory = data.memory, thread = data.thread, spin = data.spin / 1000, base = data.base;
const C = data.control >>> 2;
let i32 = new Int32Array(memory.buffer), f64 = new Float64Array(memory.buffer), pages = i32.byteLength / 65536;
let native = {};
const functions = [], pointers = [], modules = new Map(), a = new Array(${MAXIMUM_ARGUMENTS}).fill(0);

function refresh() {
  const wanted = i32[C + ${C.pages}];
  while (pages < wanted) {
    i32 = new Int32Array(memory.buffer);
    f64 = new Float64Array(memory.buffer);
    pages = i32.byteLength / 65536;
  }
}

function load(id) {
  const row = (i32[C + ${C.kernels}] >>> 2) + id * ${KERNEL_WORDS};
  const offset = i32[row + ${KERNEL_ROW.module}] >>> 0;
  const start = i32[row + ${KERNEL_ROW.name}] >>> 0;
  const name = String.fromCharCode(...new Uint8Array(memory.buffer, start, i32[row + ${KERNEL_ROW.nameLength}]));
  pointers[id] = i32[row + ${KERNEL_ROW.pointers}];
  if (offset === 0) return functions[id] = native[name];
  let exports = modules.get(offset);
  if (exports === undefined) {
    const bytes = new Uint8Array(memory.buffer, offset, i32[row + ${KERNEL_ROW.moduleLength}]).slice();
    exports = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } }).exports;
    modules.set(offset, exports);
  }
  return functions[id] = exports[name];
}

function call(fn, count) {
  switch (count) {
${callCases()}
  }
}

function runTask(index) {
  const starts = (i32[C + ${C.starts}] >>> 2) + index;
  const first = (i32[C + ${C.commands}] >>> 3);
  const end = first + i32[starts + 1];
  let p = first + i32[starts];
  while (p < end) {
    const id = f64[p], count = f64[p + 1], mask = f64[p + 2] | 0, shift = thread * f64[p + 3];
    const fn = functions[id] || load(id);
    const addresses = pointers[id];
    p += ${COMMAND_HEAD};
    if (addresses === 0 && mask === 0) {
      for (let i = 0; i < count; i++) a[i] = f64[p + i];
    } else {
      for (let i = 0; i < count; i++) {
        let value = f64[p + i];
        if ((addresses >>> i) & 1) value += base;
        if ((mask >>> i) & 1) value += shift;
        a[i] = value;
      }
    }
    call(fn, count);
    p += count;
  }
}

function runRange(index) {
  const id = i32[C + ${C.kernel}];
  const end = i32[C + ${C.end}] >>> 0, length = i32[C + ${C.pieceLength}] >>> 0;
  const from = index * length;
  (functions[id] || load(id))(i32[C + ${C.parameters}] >>> 0, from, Math.min(end, from + length));
}

function report(error) {
  if (Atomics.compareExchange(i32, C + ${C.error}, 0, thread) !== 0) return;
  const text = String(error && error.message || error).slice(0, ${ERROR_CHARACTERS});
  for (let i = 0; i < text.length; i++) i32[C + ${C.errorText} + i] = text.charCodeAt(i);
  Atomics.store(i32, C + ${C.errorLength}, text.length);
}

// Takes the last piece that nobody has taken, runs it, and says whether there was one.
function help() {
  let index;
  for (;;) {
    const state = Atomics.load(i32, C + ${C.pieces});
    const left = state & 65535;
    if (left === 0) return false;
    if (Atomics.compareExchange(i32, C + ${C.pieces}, state, state - 1) === state) {
      index = (state >>> 16) + left - 1;
      break;
    }
  }
  if (Atomics.load(i32, C + ${C.error}) === 0) {
    try {
      refresh();
      if (i32[C + ${C.kind}] === ${JOB.tasks}) runTask(index);
      else runRange(index);
    } catch (error) {
      report(error);
    }
  }
  Atomics.add(i32, C + ${C.done}, 1);
  if (Atomics.load(i32, C + ${C.callerWaits}) === 1) Atomics.notify(i32, C + ${C.done});
  return true;
}

function serve() {
  Atomics.add(i32, C + ${C.ready}, 1);
  while (Atomics.load(i32, C + ${C.stop}) === 0) {
    if (help()) continue;
    const limit = performance.now() + spin;
    let found = false;
    do {
      for (let i = 0; i < 64 && !found; i++) found = (Atomics.load(i32, C + ${C.pieces}) & 65535) !== 0;
    } while (!found && performance.now() < limit);
    if (found) continue;
    const sequence = Atomics.load(i32, C + ${C.sequence});
    Atomics.add(i32, C + ${C.parked}, 1);
    const idle = (Atomics.load(i32, C + ${C.pieces}) & 65535) === 0 && Atomics.load(i32, C + ${C.stop}) === 0;
    if (idle) Atomics.wait(i32, C + ${C.sequence}, sequence);
    Atomics.sub(i32, C + ${C.parked}, 1);
  }
}

try {
  if (data.native !== undefined) native = openNative(data.native);
  serve();
} catch (error) {
  port.post(String(error && error.message || error));
}
`;
}
