// A backend from outside the project, as CONTRIBUTING.md shows it: it hands all work to another backend and adds up calls and time.

import { type Backend, type BackendFactory, type BackendInfo, disposeBackend, startBackend } from "@escnn/escnn";

/** Calls and milliseconds by method. */
export type Profile = Map<string, { calls: number; milliseconds: number }>;

/** A backend that measures another one. */
export class ProfilingBackend implements Backend {
  readonly name = "profiling";
  readonly profile: Profile = new Map();
  readonly #inner: Backend;

  constructor(inner: Backend) {
    this.#inner = inner;
  }

  get canReadSync(): boolean {
    return this.#inner.canReadSync;
  }

  #measure<M extends keyof Backend>(method: M, run: (inner: Backend) => void): void {
    const start = performance.now();
    run(this.#inner);
    const entry = this.profile.get(method) ?? { calls: 0, milliseconds: 0 };
    this.profile.set(method, { calls: entry.calls + 1, milliseconds: entry.milliseconds + performance.now() - start });
  }

  // Memory: buffers are the inner backend's own.
  allocate: Backend["allocate"] = (bytes) => this.#inner.allocate(bytes);
  free: Backend["free"] = (buffer) => this.#inner.free(buffer);
  write: Backend["write"] = (target, data) => this.#inner.write(target, data);
  read: Backend["read"] = (source) => this.#inner.read(source);
  readSync: Backend["readSync"] = (source) => this.#inner.readSync(source);

  // Computations.
  copy: Backend["copy"] = (source, target) => this.#measure("copy", (inner) => inner.copy(source, target));
  map: Backend["map"] = (call) => this.#measure("map", (inner) => inner.map(call));
  mapReduce: Backend["mapReduce"] = (call) => this.#measure("mapReduce", (inner) => inner.mapReduce(call));
  matmul: Backend["matmul"] = (call) => this.#measure("matmul", (inner) => inner.matmul(call));
  convolution: Backend["convolution"] = (call) => this.#measure("convolution", (inner) => inner.convolution(call));
  convolutionInputGradient: Backend["convolutionInputGradient"] = (call) =>
    this.#measure("convolutionInputGradient", (inner) => inner.convolutionInputGradient(call));
  convolutionWeightGradient: Backend["convolutionWeightGradient"] = (call) =>
    this.#measure("convolutionWeightGradient", (inner) => inner.convolutionWeightGradient(call));
  maxPool: Backend["maxPool"] = (call) => this.#measure("maxPool", (inner) => inner.maxPool(call));
  averagePool: Backend["averagePool"] = (call) => this.#measure("averagePool", (inner) => inner.averagePool(call));
  averagePoolGradient: Backend["averagePoolGradient"] = (call) =>
    this.#measure("averagePoolGradient", (inner) => inner.averagePoolGradient(call));
  gather: Backend["gather"] = (call) => this.#measure("gather", (inner) => inner.gather(call));
  scatterAdd: Backend["scatterAdd"] = (call) => this.#measure("scatterAdd", (inner) => inner.scatterAdd(call));

  // Housekeeping.
  synchronize: Backend["synchronize"] = () => this.#inner.synchronize();
  memory: Backend["memory"] = () => this.#inner.memory();
  dispose: Backend["dispose"] = () => disposeBackend(this.#inner.name);

  info(): BackendInfo {
    const { description, details } = this.#inner.info();
    return { name: this.name, description: `profiling: measures ${description}`, details };
  }
}

/** Starts the backend around the reference backend. */
export const createProfilingBackend: BackendFactory = async (options) =>
  new ProfilingBackend(await startBackend("reference", options));
