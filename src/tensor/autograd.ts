/**
 * Reverse-mode differentiation over the tape: from the gradients of some outputs to those of leaves (`backward`) or of chosen
 * tensors (`grad`). Each node's memory is freed as soon as its derivative has been computed, unless the graph is retained.
 */

import { type Owned, type Owner, runSynchronously } from "./context.ts";
import { aliasOf, allocateTensor, attach, type TensorCore, viewOf } from "./core.ts";
import { BYTES_PER_ELEMENT, isFloat } from "./dtype.ts";
import { ArgumentError, DTypeError, GradientError, ShapeError } from "./errors.ts";
import * as E from "./expr.ts";
import { runMap, sameShape } from "./fused.ts";
import { fusedPlan } from "./fused_plan.ts";
import { formatShape, isContiguous } from "./layout.ts";
import { type Gradients, GradNode } from "./node.ts";
import { stepNotes } from "./step_notes.ts";
import type { Tensor } from "./tensor.ts";

/** Options of `backward` and {@linkcode grad}. */
export interface BackwardOptions {
  /** Record the derivative itself, so that it can be differentiated. Retains the graph. Default false. */
  readonly createGraph?: boolean;
  /** Keep the graph for another backward pass. Default: `createGraph`. */
  readonly retainGraph?: boolean;
}

/** Options of {@linkcode grad}. */
export interface GradOptions extends BackwardOptions {
  /** Gradients of the outputs. Default: 1 for outputs with one element. */
  readonly gradOutputs?: readonly (Tensor | undefined)[];
  /** Give zeros for inputs that the outputs do not depend on, instead of an error. Default false. */
  readonly allowUnused?: boolean;
}

/** Owner of what a derivative makes on its way: all of it goes except the results. */
class Workspace implements Owner {
  readonly ended = false;
  readonly parent = undefined;
  #made: Owned[] = [];

  add(owned: Owned): void {
    owned.owner = this;
    this.#made.push(owned);
  }

  remove(owned: Owned): void {
    owned.owner = undefined;
  }

  clear(): void {
    const made = this.#made;
    this.#made = [];
    for (const owned of made) {
      if (owned.owner !== this) continue;
      owned.owner = undefined;
      owned.dispose();
    }
  }
}

/** A tensor of ones, row-major. */
function onesLike(tensor: Tensor): Tensor {
  const ones = allocateTensor(tensor.backend, tensor.shape, tensor.dtype);
  const expressions = [E.constant(1, tensor.dtype)];
  tensor.backend.map({ expressions, shape: ones.shape, inputs: [], scalars: [], outputs: [ones] });
  return ones;
}

function initialGradient(op: string, output: Tensor, gradient: Tensor | undefined): Tensor {
  void output.storage;
  if (output.node === undefined) {
    throw new GradientError({
      op,
      expected: "a result that was computed from a tensor with requireGrad()",
      actual: `${output.describe()}, which depends on none in a differentiable way`,
      hint: "Call requireGrad() on the leaves before computing, outside noGrad()",
    });
  }
  if (gradient === undefined) {
    if (output.size !== 1) {
      throw new GradientError({
        op,
        expected: "an output with one element, or the gradient of the output",
        actual: output.describe(),
        hint: "Reduce it first, e.g. with sum() or mean()",
      });
    }
    return onesLike(output);
  }
  if (!sameShape(gradient.shape, output.shape)) {
    throw new ShapeError({
      op,
      expected: `a gradient of the output's shape ${formatShape(output.shape)}`,
      actual: formatShape(gradient.shape),
    });
  }
  if (gradient.dtype !== output.dtype) {
    throw new DTypeError({ op, expected: `a gradient of type ${output.dtype}`, actual: gradient.dtype });
  }
  return aliasOf(gradient);
}

/** All nodes that the roots depend on, latest first. */
function collect(roots: readonly GradNode[]): GradNode[] {
  const seen = new Set<GradNode>(roots);
  const stack = [...seen];
  while (stack.length > 0) {
    for (const edge of stack.pop()!.edges) {
      if (edge !== undefined && !seen.has(edge.node)) {
        seen.add(edge.node);
        stack.push(edge.node);
      }
    }
  }
  return [...seen].sort((a, b) => b.sequence - a.sequence);
}

/** Nodes from which one of the targets can be reached. `nodes` come latest first. */
function reaching(nodes: readonly GradNode[], targets: ReadonlySet<GradNode>): Set<GradNode> {
  const result = new Set<GradNode>();
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    if (targets.has(node) || node.edges.some((edge) => edge !== undefined && result.has(edge.node))) result.add(node);
  }
  return result;
}

/** Whether no other tensor or tape entry sees the memory of a row-major tensor. */
function isExclusive(tensor: TensorCore): boolean {
  return tensor.storage.references === 1 && isContiguous(tensor);
}

/** `target += gradient` in place. */
function addInPlace(target: Tensor, gradient: Tensor): void {
  const dtype = target.dtype;
  target.storage.version++;
  target.backend.map({
    expressions: [E.add(E.input(0, dtype), E.input(1, dtype))],
    shape: target.shape,
    inputs: [target, gradient],
    scalars: [],
    outputs: [target],
  });
}

function addTensors(a: Tensor, b: Tensor): Tensor {
  const plan = fusedPlan([E.add(E.input(0, a.dtype), E.input(1, a.dtype))], [a.dtype, a.dtype]);
  return runMap("add", plan, [a, b], [], a.shape)[0];
}

/** Adds two gradients that the pass owns, and gives up both. */
function combine(present: Tensor, gradient: Tensor, createGraph: boolean): Tensor {
  if (!createGraph && isExclusive(present)) {
    addInPlace(present, gradient);
    gradient.dispose();
    return present;
  }
  if (!createGraph && isExclusive(gradient)) {
    addInPlace(gradient, present);
    present.dispose();
    return gradient;
  }
  const total = addTensors(present, gradient);
  total.owner?.remove(total);
  present.dispose();
  gradient.dispose();
  return total;
}

/** A row-major tensor with memory of its own and no more than it needs, in no scope, from a gradient that the pass owns. */
function settle(gradient: Tensor, createGraph: boolean): Tensor {
  const bytes = gradient.size * BYTES_PER_ELEMENT[gradient.dtype];
  if (createGraph || (isExclusive(gradient) && gradient.buffer.bytes === bytes)) return gradient;
  const copy = allocateTensor(gradient.backend, gradient.shape, gradient.dtype);
  copy.owner?.remove(copy);
  gradient.backend.copy(gradient, copy);
  gradient.dispose();
  return copy;
}

/** Adds a gradient that the pass owns to a leaf's. */
function accumulate(leaf: Tensor, gradient: Tensor, createGraph: boolean): void {
  if (leaf.isDisposed) return gradient.dispose();
  const present = leaf.grad;
  stepNotes?.accumulates(leaf, present !== undefined && !present.isDisposed);
  if (present === undefined || present.isDisposed) {
    leaf.grad = settle(gradient, createGraph);
  } else if (createGraph) {
    const total = addTensors(present, gradient);
    total.owner?.remove(total);
    leaf.grad = total;
    gradient.dispose();
  } else {
    addInPlace(present, gradient);
    gradient.dispose();
  }
}

/** What a pass does with the gradient of a node's outputs before it goes on; `undefined` for nodes of no interest. */
type Capture = (node: GradNode, gradients: Gradients) => void;

/**
 * The pass. `seeds` are gradients that it takes over. Gradients that reach a leaf go to `capture`, which takes them over.
 */
function propagate(
  outputs: readonly Tensor[],
  seeds: readonly Tensor[],
  options: BackwardOptions,
  targets: ReadonlySet<GradNode> | undefined,
  capture: Capture,
): void {
  const createGraph = options.createGraph ?? false;
  const retain = options.retainGraph ?? createGraph;
  const all = collect(outputs.map((output) => output.node!));
  const wanted = targets === undefined ? undefined : reaching(all, targets);
  const nodes = wanted === undefined ? all : all.filter((node) => wanted.has(node));
  const buffers = new Map<GradNode, Gradients>();
  const workspace = new Workspace();
  const deliver = (node: GradNode, index: number, gradient: Tensor): void => {
    let entry = buffers.get(node);
    if (entry === undefined) {
      entry = new Array(node.outputs.length).fill(undefined);
      buffers.set(node, entry);
    }
    const present = entry[index];
    entry[index] = present === undefined ? gradient : combine(present, gradient, createGraph);
  };
  const step = (node: GradNode): void => {
    const gradients = buffers.get(node);
    if (gradients === undefined) return;
    capture(node, gradients);
    if (node.leaf === undefined && gradients.some((gradient) => gradient !== undefined)) {
      const edges = node.edges;
      const needs = edges.map((edge) => edge !== undefined && (wanted === undefined || wanted.has(edge.node)));
      if (needs.includes(true)) {
        const results = node.run(gradients, needs);
        const taken = new Set<Tensor>();
        edges.forEach((edge, i) => {
          let result = results[i];
          if (result === undefined || edge === undefined || !needs[i]) return;
          if (taken.has(result) || result.owner !== workspace) result = aliasOf(result);
          taken.add(result);
          result.owner?.remove(result);
          results[i] = result;
        });
        if (!retain) node.free();
        // Freed before delivery, so that a gradient whose memory was shared only with these can be added to in place.
        for (const gradient of gradients) gradient?.dispose();
        workspace.clear();
        edges.forEach((edge, i) => {
          const result = results[i];
          if (result !== undefined && edge !== undefined && needs[i]) deliver(edge.node, edge.index, result);
        });
      }
    }
    buffers.delete(node);
    for (const gradient of gradients) gradient?.dispose();
  };
  try {
    // A freed node whose gradient is wanted itself is not run again; any other one that is reached would be.
    for (const node of all) if (node.freed ? !targets?.has(node) : wanted?.has(node) ?? true) node.validate();
  } catch (error) {
    for (const seed of seeds) seed.dispose();
    throw error;
  }
  for (const node of nodes) node.retain();
  try {
    runSynchronously({ owner: workspace, gradEnabled: createGraph }, () => {
      outputs.forEach((output, i) => deliver(output.node!, output.outputIndex, seeds[i]));
      for (const node of nodes) step(node);
    });
  } finally {
    workspace.clear();
    for (const gradients of buffers.values()) for (const gradient of gradients) gradient?.dispose();
    for (const node of nodes) node.release();
  }
}

/** The gradients with which a pass starts, in no scope. */
function seedsOf(op: string, outputs: readonly Tensor[], given: readonly (Tensor | undefined)[]): Tensor[] {
  const seeds: Tensor[] = [];
  try {
    outputs.forEach((output, i) => {
      const seed = initialGradient(op, output, given[i]);
      seed.owner?.remove(seed);
      seeds.push(seed);
    });
  } catch (error) {
    for (const seed of seeds) seed.dispose();
    throw error;
  }
  return seeds;
}

/**
 * Adds the derivatives of `output` with respect to all leaves that it depends on to their `grad`. `gradient` (of the output's
 * shape) is the gradient of the output; for one element it is 1 by default. Frees the graph unless it is retained.
 * Throws {@linkcode GradientError} when there is no graph, when it was freed, or when an operand was changed in place.
 */
export function backward(output: Tensor, gradient?: Tensor, options: BackwardOptions = {}): void {
  const createGraph = options.createGraph ?? false;
  const seeds = seedsOf("backward", [output], [gradient]);
  propagate([output], seeds, options, undefined, (node, gradients) => {
    const collected = gradients[0];
    if (node.leaf === undefined || collected === undefined) return;
    gradients[0] = undefined;
    accumulate(node.leaf, collected, createGraph);
  });
}

/**
 * The derivatives of the sum of `outputs` (weighted with `gradOutputs`) with respect to `inputs`, which may be leaves or
 * intermediate results. Leaves' `grad` is not touched. With `createGraph` the results can be differentiated again.
 * Throws {@linkcode GradientError} for an input that no output depends on, unless `allowUnused`.
 *
 * @example
 * ```ts
 * import { grad, tensor, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const x = tensor([1, 2]).requireGrad();
 * const energy = x.mul(x).mul(x).sum();
 * const [first] = grad([energy], [x], { createGraph: true });
 * const [second] = grad([first.sum()], [x]);
 * assertEquals(await second.data(), new Float32Array([6, 12]));
 * ```
 */
export function grad(outputs: readonly Tensor[], inputs: readonly Tensor[], options: GradOptions = {}): Tensor[] {
  const given = options.gradOutputs ?? [];
  if (given.length > outputs.length) {
    throw new ArgumentError({
      op: "grad",
      expected: `at most ${outputs.length} gradOutputs, one for each output`,
      actual: String(given.length),
    });
  }
  const createGraph = options.createGraph ?? false;
  for (const input of inputs) {
    void input.storage;
    if (input.node === undefined && options.allowUnused !== true) refuseUnused(input);
  }
  const targets = new Set<GradNode>();
  for (const input of inputs) if (input.node !== undefined) targets.add(input.node);
  const seeds = seedsOf("grad", outputs, outputs.map((_, i) => given[i]));
  const results: Gradients = new Array(inputs.length).fill(undefined);
  try {
    propagate(outputs, seeds, options, targets, (node, gradients) => {
      if (!targets.has(node)) return;
      inputs.forEach((input, i) => {
        const gradient = gradients[input.outputIndex];
        if (input.node !== node || gradient === undefined) return;
        const result = aliasOf(gradient);
        result.owner?.remove(result);
        results[i] = result;
      });
    });
    inputs.forEach((input, i) => {
      if (results[i] === undefined && options.allowUnused !== true) refuseUnused(input);
    });
  } catch (error) {
    for (const result of results) result?.dispose();
    throw error;
  }
  return results.map((result, i) => result === undefined ? zerosLike(inputs[i]) : adopt(settle(result, createGraph)));
}

function refuseUnused(input: Tensor): never {
  throw new GradientError({
    op: "grad",
    expected: "inputs that the outputs depend on in a differentiable way",
    actual: `${input.describe()}, on which none depends`,
    hint: "Pass { allowUnused: true } to get zeros",
  });
}

/** Puts a tensor of no scope into the current one. */
function adopt(tensor: Tensor): Tensor {
  const adopted = viewOf(tensor, tensor);
  attach(adopted, tensor.node, tensor.outputIndex);
  tensor.dispose();
  return adopted;
}

function zerosLike(tensor: Tensor): Tensor {
  const zeros = allocateTensor(tensor.backend, tensor.shape, tensor.dtype);
  const expressions = [E.constant(0, tensor.dtype)];
  tensor.backend.map({ expressions, shape: zeros.shape, inputs: [], scalars: [], outputs: [zeros] });
  return zeros;
}

/** Makes a tensor a leaf whose gradient is wanted. Throws {@linkcode DTypeError} unless it holds floats. */
export function requireGrad<T extends Tensor>(tensor: T): T {
  void tensor.storage;
  if (tensor.node !== undefined) return tensor;
  if (!isFloat(tensor.dtype)) {
    throw new DTypeError({
      op: "requireGrad",
      expected: "a float32 or float64 tensor",
      actual: tensor.dtype,
      hint: "Convert with cast()",
    });
  }
  const node = new GradNode("leaf", [], [{ shape: tensor.shape, dtype: tensor.dtype }], undefined, tensor);
  attach(tensor, node, 0);
  return tensor;
}

/**
 * Makes a leaf one whose gradient is not wanted, and drops the gradient that it has; graphs that were recorded before keep it.
 * Throws {@linkcode GradientError} for the result of an operation.
 */
export function forgoGrad<T extends Tensor>(tensor: T): T {
  void tensor.storage;
  const node = tensor.node;
  if (node === undefined) return tensor;
  if (node.leaf !== tensor) {
    throw new GradientError({
      op: "requireGrad(false)",
      expected: "a leaf: a tensor that is not the result of an operation",
      actual: `${tensor.describe()}, the result of ${node.op}`,
      hint: "Use detach(), which gives the same elements without history",
    });
  }
  tensor.node = undefined;
  node.release();
  tensor.clearGrad();
  return tensor;
}

/** The same elements (a view) without history. */
export function detach(tensor: Tensor): Tensor {
  return viewOf(tensor, tensor);
}
