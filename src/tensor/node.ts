/**
 * The tape: a node for each recorded operation, with edges to the nodes of its inputs and what it saved for its derivative.
 * Nodes are reference-counted by the tensors and the later nodes that need them, so a graph that is dropped
 * frees its memory at once, whether or not backward ran.
 */

import { GradientError } from "./errors.ts";
import type { DType } from "./dtype.ts";
import type { Shape } from "./layout.ts";
import { observer } from "./observer.ts";
import type { Tensor } from "./tensor.ts";

/** Gradients with respect to outputs or inputs; `undefined` where there is none. */
export type Gradients = (Tensor | undefined)[];

/**
 * The derivative of an operation: from the gradients of its outputs those of the inputs marked in `needs`. Written with
 * differentiable operations. It returns new tensors or the given ones; whatever else it makes is disposed after it.
 */
export type BackwardFunction = (gradients: Gradients, saved: readonly Tensor[], needs: readonly boolean[]) => Gradients;

/** What an output looked like. */
export interface OutputInfo {
  /** Its shape. */
  readonly shape: Shape;
  /** Its element type. */
  readonly dtype: DType;
}

/** An edge of the graph: output number `index` of `node`. */
export interface Edge {
  /** Where the input came from. */
  readonly node: GradNode;
  /** Which of that node's outputs it is. */
  readonly index: number;
}

let nextSequence = 0;

/** A recorded operation, or a leaf whose gradient is wanted. */
export class GradNode {
  /** Grows with time: an operation comes after those of its inputs. */
  readonly sequence: number = nextSequence++;
  /** Name of the operation. */
  readonly op: string;
  /** Where the inputs came from; `undefined` for inputs without gradient. */
  edges: readonly (Edge | undefined)[];
  /** Shapes and types of the outputs. */
  readonly outputs: readonly OutputInfo[];
  /** The tensor that collects the gradient, when this is a leaf. */
  readonly leaf: Tensor | undefined;
  /** Whether a backward pass has used it up. */
  freed = false;
  #backward: BackwardFunction | undefined;
  #saved: readonly Tensor[];
  #versions: readonly number[] = [];
  #references = 0;

  /** A node without users; `saved` are tensors of its own (see `saveTensor`), which it releases. */
  constructor(
    op: string,
    edges: readonly (Edge | undefined)[],
    outputs: readonly OutputInfo[],
    backward: BackwardFunction | undefined,
    leaf?: Tensor,
  ) {
    this.op = op;
    this.edges = edges;
    this.outputs = outputs;
    this.leaf = leaf;
    this.#backward = backward;
    this.#saved = [];
    for (const edge of edges) edge?.node.retain();
    observer?.recorded(this);
  }

  /** Hands over what the derivative needs. */
  save(saved: readonly Tensor[]): void {
    this.#saved = saved;
    this.#versions = saved.map((tensor) => tensor.storage.version);
  }

  /** One more user. */
  retain(): void {
    this.#references++;
  }

  /** One user less; the last one frees it and what only it used. */
  release(): void {
    const stack: GradNode[] = [this];
    while (stack.length > 0) {
      const node = stack.pop()!;
      if (--node.#references === 0) node.#free(stack);
    }
  }

  /** Frees what was saved. A later backward through it is an error. */
  free(): void {
    const stack: GradNode[] = [];
    this.#free(stack);
    for (const node of stack) node.release();
  }

  #free(released: GradNode[]): void {
    if (this.leaf !== undefined) return;
    this.freed = true;
    this.#backward = undefined;
    for (const tensor of this.#saved) tensor.releaseSaved();
    for (const edge of this.edges) if (edge !== undefined) released.push(edge.node);
    this.#saved = [];
    this.#versions = [];
    this.edges = [];
  }

  /** Throws {@linkcode GradientError} if its derivative cannot be computed any more. */
  validate(): void {
    if (this.freed) {
      throw new GradientError({
        op: "backward",
        expected: "a graph that has not been used",
        actual: `the freed graph of ${this.op}`,
        hint: "Add the losses and call backward once, or pass { retainGraph: true } to the first call",
      });
    }
    for (let i = 0; i < this.#saved.length; i++) {
      if (this.#saved[i].storage.version !== this.#versions[i]) {
        throw new GradientError({
          op: "backward",
          expected: `unchanged operands of ${this.op}`,
          actual: `${this.#saved[i].describe()}, which was changed in place after ${this.op} used it`,
          hint: "Call backward before the optimizer's step, or change a clone",
        });
      }
    }
  }

  /** The gradients of its inputs. */
  run(gradients: Gradients, needs: readonly boolean[]): Gradients {
    if (observer === undefined) return this.#backward!(gradients, this.#saved, needs);
    return observer.differentiate(this, () => this.#backward!(gradients, this.#saved, needs));
  }
}
