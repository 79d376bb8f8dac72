/**
 * Linear straight-line programs: sums, differences and multiples of inputs as a graph in which equal nodes are one, zeros
 * vanish and what no output needs is never computed. Transforms are written on it as if on numbers, and the same code gives
 * their pruned forms (zeros at the end of the input, a part of the outputs) with no case of their own.
 */

import type { Element } from "../gemm/element.ts";
import type { FunctionBuilder, Local } from "../wasm/assembler.ts";

/** A value of a program. */
export interface Node {
  /** Its number, in order of creation; operands come before. */
  readonly id: number;
  /** What it is: an input, `a + b`, `a − b`, `factor · a`. */
  readonly kind: "input" | "add" | "sub" | "scale";
  /** First operand; absent for an input. */
  readonly a?: Node;
  /** Second operand of a sum or difference. */
  readonly b?: Node;
  /** Factor of a multiple, number of an input. */
  readonly factor: number;
}

/** A value, or nothing where it is zero. */
export type Value = Node | undefined;

/** A program under construction. */
export class LinearProgram {
  readonly #known = new Map<string, Node>();
  #count = 0;
  #inputs = 0;

  /** A new input. */
  input(): Node {
    return this.#node("input", undefined, undefined, this.#inputs++);
  }

  /** `a + b`. */
  add(a: Value, b: Value): Value {
    if (a === undefined) return b;
    if (b === undefined) return a;
    if (a === b) return this.scale(a, 2);
    if (isNegative(b)) return this.sub(a, b.a);
    if (isNegative(a)) return this.sub(b, a.a);
    return a.id < b.id ? this.#node("add", a, b, 1) : this.#node("add", b, a, 1);
  }

  /** `a − b`. */
  sub(a: Value, b: Value): Value {
    if (b === undefined) return a;
    if (a === b) return undefined;
    if (a === undefined) return this.scale(b, -1);
    if (isNegative(b)) return this.add(a, b.a);
    if (isNegative(a)) return this.scale(this.add(a.a, b), -1);
    // One order of the operands: the other difference is its negative.
    return a.id < b.id ? this.#node("sub", a, b, 1) : this.scale(this.#node("sub", b, a, 1), -1);
  }

  /** `factor · a`. */
  scale(a: Value, factor: number): Value {
    if (a === undefined || factor === 0) return undefined;
    if (factor === 1) return a;
    if (a.kind === "scale") return this.scale(a.a, a.factor * factor);
    return this.#node("scale", a, undefined, factor);
  }

  #node(kind: Node["kind"], a: Node | undefined, b: Node | undefined, factor: number): Node {
    const key = `${kind} ${a?.id} ${b?.id} ${factor}`;
    let node = this.#known.get(key);
    if (node === undefined) this.#known.set(key, node = { id: this.#count++, kind, a, b, factor });
    return node;
  }
}

function isNegative(node: Node): boolean {
  return node.kind === "scale" && node.factor === -1;
}

/** How often each node is an operand or an output. */
function countUses(outputs: readonly Value[]): Map<Node, number> {
  const uses = new Map<Node, number>();
  const visit = (node: Value) => {
    if (node === undefined) return;
    const known = uses.get(node) ?? 0;
    uses.set(node, known + 1);
    if (known > 0) return;
    visit(node.a);
    visit(node.b);
  };
  outputs.forEach(visit);
  return uses;
}

/**
 * Writes a program's instructions on vectors.
 *
 * @param inputs The locals that hold the inputs, by their number; they may be released and handed out again.
 * @param outputs What is computed, in this order.
 * @param sink Called with each output's number and a local that holds it until the call returns.
 */
export function emitProgram(
  f: FunctionBuilder,
  e: Element,
  inputs: readonly Local[],
  outputs: readonly Value[],
  sink: (index: number, value: Local) => void,
): void {
  const uses = countUses(outputs);
  const places = new Map<Node, Local>();
  const owned = new Set<Local>();
  const drop = (node: Node) => {
    const left = uses.get(node)! - 1;
    uses.set(node, left);
    if (left > 0) return;
    const place = places.get(node);
    if (place !== undefined && owned.has(place)) f.release(place);
  };
  const splat = (value: number): Local =>
    f.constant(
      new Uint8Array(
        e.type === "f32" ? new Float32Array(e.lanes).fill(value).buffer : new Float64Array(e.lanes).fill(value).buffer,
      ),
    );
  /** A multiple that only its one user needs: part of a fused instruction. */
  const isFusable = (node: Node): boolean =>
    e.fused && node.kind === "scale" && node.factor !== -1 && uses.get(node) === 1 && !places.has(node);
  const fused = e.type === "f32" ? "f32x4.relaxed_madd" : "f64x2.relaxed_madd";
  const compute = (node: Node): Local => {
    const known = places.get(node);
    if (known !== undefined) return known;
    if (node.kind === "input") {
      places.set(node, inputs[node.factor]);
      return inputs[node.factor];
    }
    const a = node.a!;
    const b = node.b;
    const operands: Node[] = [];
    const operand = (value: Node): Local => {
      operands.push(value);
      return compute(value);
    };
    if (node.kind === "scale") {
      f.get(operand(a)).get(splat(node.factor)).op(e.mul);
    } else if (isFusable(b!)) {
      const other = operand(a), multiple = operand(b!.a!);
      f.get(multiple).get(splat(node.kind === "add" ? b!.factor : -b!.factor)).get(other).op(fused);
    } else if (isFusable(a) && node.kind === "add") {
      const other = operand(b!), multiple = operand(a.a!);
      f.get(multiple).get(splat(a.factor)).get(other).op(fused);
    } else {
      const left = operand(a), right = operand(b!);
      f.get(left).get(right).op(node.kind === "add" ? e.add : e.type === "f32" ? "f32x4.sub" : "f64x2.sub");
    }
    operands.forEach(drop);
    const place = f.local("v128");
    owned.add(place);
    f.set(place);
    places.set(node, place);
    return place;
  };
  outputs.forEach((node, index) => {
    if (node === undefined) {
      sink(index, f.constant(new Uint8Array(16)));
      return;
    }
    sink(index, compute(node));
    drop(node);
  });
}

/** What a program computes from numbers: for tests and for tables. */
export function runProgram(inputs: readonly number[], outputs: readonly Value[]): number[] {
  const values = new Map<Node, number>();
  const value = (node: Value): number => {
    if (node === undefined) return 0;
    const known = values.get(node);
    if (known !== undefined) return known;
    const result = node.kind === "input"
      ? inputs[node.factor]
      : node.kind === "scale"
      ? node.factor * value(node.a)
      : node.kind === "add"
      ? value(node.a) + value(node.b)
      : value(node.a) - value(node.b);
    values.set(node, result);
    return result;
  };
  return outputs.map(value);
}

/** Instructions of a program, without loads and stores. */
export function programSize(outputs: readonly Value[]): number {
  return [...countUses(outputs).keys()].filter((node) => node.kind !== "input").length;
}
