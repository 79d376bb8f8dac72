/**
 * Scalar expressions: immutable trees over inputs, constants, runtime scalars, indices and random numbers, from which
 * every elementwise and reducing computation is made. Nodes are interned, so equal trees are the same object, common
 * subtrees are shared, and a backend can cache its compiled kernel by `key`.
 */

import { type DType, isFloat, roundTo } from "./dtype.ts";
import { ArgumentError, DTypeError } from "./errors.ts";
import {
  accepts,
  BINARY_OPS,
  type BinaryOp,
  COMPARE_OPS,
  type CompareOp,
  UNARY_OPS,
  type UnaryOp,
} from "./expr_ops.ts";

/** What every node has. */
export interface ExprBase {
  /** Element type of the value. */
  readonly dtype: DType;
  /** Identifies the tree: equal keys mean the same computation. Stable within a process only. */
  readonly key: string;
}

/** The element of the `index`-th operand at the current position. */
export interface InputExpr extends ExprBase {
  /** Which kind of node it is. */
  readonly kind: "input";
  /** Position among the operands. */
  readonly index: number;
}

/** A number fixed in the kernel, already rounded to the type. */
export interface ConstantExpr extends ExprBase {
  /** Which kind of node it is. */
  readonly kind: "constant";
  /** The number. */
  readonly value: number;
}

/** A number given at each run (a learning rate, a seed); rounded to the type by the backend. */
export interface ScalarExpr extends ExprBase {
  /** Which kind of node it is. */
  readonly kind: "scalar";
  /** Position among the run's scalars. */
  readonly index: number;
}

/** The position along an axis of the iteration space, or the row-major position (`"linear"`); int32. */
export interface IndexExpr extends ExprBase {
  /** Which kind of node it is. */
  readonly kind: "index";
  /** Which axis, or the row-major position. */
  readonly axis: number | "linear";
}

/** An operation of one operand. */
export interface UnaryExpr extends ExprBase {
  /** Which kind of node it is. */
  readonly kind: "unary";
  /** Which operation. */
  readonly op: UnaryOp;
  /** What it is applied to. */
  readonly operand: Expr;
}

/** An operation of two operands of one type. */
export interface BinaryExpr extends ExprBase {
  /** Which kind of node it is. */
  readonly kind: "binary";
  /** Which operation. */
  readonly op: BinaryOp;
  /** The first operand. */
  readonly left: Expr;
  /** The second operand. */
  readonly right: Expr;
}

/** A comparison of two operands of one type; bool. */
export interface CompareExpr extends ExprBase {
  /** Which kind of node it is. */
  readonly kind: "compare";
  /** Which comparison. */
  readonly op: CompareOp;
  /** The first operand. */
  readonly left: Expr;
  /** The second operand. */
  readonly right: Expr;
}

/** `whenTrue` where the bool `condition` holds, else `whenFalse`. */
export interface SelectExpr extends ExprBase {
  /** Which kind of node it is. */
  readonly kind: "select";
  /** The bool that chooses. */
  readonly condition: Expr;
  /** The value where it holds. */
  readonly whenTrue: Expr;
  /** The value elsewhere. */
  readonly whenFalse: Expr;
}

/**
 * Conversion to another type. Float to int32 truncates and saturates, NaN gives 0; anything to bool is `≠ 0`.
 */
export interface CastExpr extends ExprBase {
  /** Which kind of node it is. */
  readonly kind: "cast";
  /** What is converted. */
  readonly operand: Expr;
}

/** What a random node yields: 32 random bits (int32), uniform in [0, 1), or standard normal. */
export type Distribution = "bits" | "uniform" | "normal";

/**
 * A counter-based random number: Philox4x32-10 (Salmon et al. 2011) with key `(words[0], words[1])` and counter
 * `(words[2], words[3], words[4], 0)`, all int32. See `philox.ts` for how its output becomes a number.
 */
export interface RandomExpr extends ExprBase {
  /** Which kind of node it is. */
  readonly kind: "random";
  /** What it yields. */
  readonly distribution: Distribution;
  /** Key and counter. */
  readonly words: readonly [Expr, Expr, Expr, Expr, Expr];
  /** For bits: which of the block's four words they are. */
  readonly word: number;
}

/** A node of a scalar expression. */
export type Expr =
  | InputExpr
  | ConstantExpr
  | ScalarExpr
  | IndexExpr
  | UnaryExpr
  | BinaryExpr
  | CompareExpr
  | SelectExpr
  | CastExpr
  | RandomExpr;

/** An operand of a builder function: a node, or a number that takes the other operand's type. */
export type Operand = Expr | number;

const interned = new Map<string, Expr>();
let nextKey = 0;

type WithoutKey<T> = T extends Expr ? Omit<T, "key"> : never;

/** The one node with this structure; `structure` names the kind, its parameters and the keys of its operands. */
function intern(structure: string, node: WithoutKey<Expr>): Expr {
  let found = interned.get(structure);
  if (found === undefined) {
    found = { ...node, key: `e${nextKey++}` } as Expr;
    interned.set(structure, found);
  }
  return found;
}

/** The element of operand number `index`, of type `dtype`. */
export function input(index: number, dtype: DType): Expr {
  return intern(`input ${index} ${dtype}`, { kind: "input", index, dtype });
}

/** A fixed number. Use {@linkcode scalar} for one that changes between runs, so that the kernel is not compiled anew. */
export function constant(value: number, dtype: DType): Expr {
  const rounded = roundTo(dtype, value);
  return intern(`constant ${Object.is(rounded, -0) ? "-0" : rounded} ${dtype}`, {
    kind: "constant",
    value: rounded,
    dtype,
  });
}

/** The `index`-th number of the run's scalars. */
export function scalar(index: number, dtype: DType): Expr {
  return intern(`scalar ${index} ${dtype}`, { kind: "scalar", index, dtype });
}

/** The current position along `axis` of the iteration space, or the row-major position. */
export function index(axis: number | "linear"): Expr {
  return intern(`index ${axis}`, { kind: "index", axis, dtype: "int32" });
}

function refuse(op: string, expected: string, ...operands: Expr[]): never {
  throw new DTypeError({
    op: `expression ${op}`,
    expected,
    actual: operands.map((operand) => operand.dtype).join(" and "),
    hint: "Convert with cast()",
  });
}

/** A unary operation; constants fold. */
export function unary(op: UnaryOp, operand: Expr): Expr {
  const definition = UNARY_OPS[op];
  if (!accepts(definition.operands, operand.dtype)) refuse(op, `a ${definition.operands} operand`, operand);
  if (operand.kind === "constant") return constant(definition.evaluate(operand.value), operand.dtype);
  if (op === "neg" && operand.kind === "unary" && operand.op === "neg") return operand.operand;
  return intern(`unary ${op} ${operand.key}`, { kind: "unary", op, operand, dtype: operand.dtype });
}

/** Both operands as nodes of one type: a bare number takes the type of the other. */
function pair(op: string, left: Operand, right: Operand): [Expr, Expr] {
  if (typeof left === "number") {
    if (typeof right === "number") return [constant(left, "float32"), constant(right, "float32")];
    return [constant(left, right.dtype), right];
  }
  const a = left;
  const b = typeof right === "number" ? constant(right, left.dtype) : right;
  if (a.dtype !== b.dtype) refuse(op, "operands of one type", a, b);
  return [a, b];
}

const isConstant = (node: Expr, value: number): boolean => node.kind === "constant" && node.value === value;

/** A binary operation; constants fold, neutral elements vanish (`x + 0`, `x · 1`, `x ÷ 1`, `x − 0`, `x ^ 1`). */
export function binary(op: BinaryOp, left: Operand, right: Operand): Expr {
  const [a, b] = pair(op, left, right);
  const definition = BINARY_OPS[op];
  if (!accepts(definition.operands, a.dtype)) refuse(op, `${definition.operands} operands`, a, b);
  if (a.kind === "constant" && b.kind === "constant") {
    return constant(evaluateBinary(op, a.dtype, a.value, b.value), a.dtype);
  }
  // −0 + 0 is 0, so dropping "+ 0" may change the sign of a zero; nothing else.
  if (op === "add" && isConstant(b, 0)) return a;
  if (op === "add" && isConstant(a, 0)) return b;
  if (op === "sub" && isConstant(b, 0)) return a;
  if (op === "sub" && isConstant(a, 0)) return unary("neg", b);
  if ((op === "mul" || op === "div" || op === "pow") && isConstant(b, 1)) return a;
  if (op === "mul" && isConstant(a, 1)) return b;
  if (op === "mul" && isConstant(b, -1)) return unary("neg", a);
  if (op === "mul" && isConstant(a, -1)) return unary("neg", b);
  return intern(`binary ${op} ${a.key} ${b.key}`, { kind: "binary", op, left: a, right: b, dtype: a.dtype });
}

/** The meaning of a binary operation on one pair of elements of `dtype`. */
export function evaluateBinary(op: BinaryOp, dtype: DType, x: number, y: number): number {
  const definition = BINARY_OPS[op];
  return isFloat(dtype)
    ? definition.evaluate(x, y)
    : roundTo(dtype, (definition.evaluateInteger ?? definition.evaluate)(x, y));
}

/** A comparison. */
export function compare(op: CompareOp, left: Operand, right: Operand): Expr {
  const [a, b] = pair(op, left, right);
  if (a.kind === "constant" && b.kind === "constant") {
    return constant(COMPARE_OPS[op](a.value, b.value) ? 1 : 0, "bool");
  }
  return intern(`compare ${op} ${a.key} ${b.key}`, { kind: "compare", op, left: a, right: b, dtype: "bool" });
}

/** A choice by a bool. Both branches are evaluated; neither can fail. */
export function select(condition: Expr, whenTrue: Operand, whenFalse: Operand): Expr {
  if (condition.dtype !== "bool") refuse("select", "a bool condition", condition);
  const [a, b] = pair("select", whenTrue, whenFalse);
  if (a === b) return a;
  if (condition.kind === "constant") return condition.value ? a : b;
  return intern(`select ${condition.key} ${a.key} ${b.key}`, {
    kind: "select",
    condition,
    whenTrue: a,
    whenFalse: b,
    dtype: a.dtype,
  });
}

/** The meaning of a conversion on one element. */
export function evaluateCast(from: DType, to: DType, value: number): number {
  if (to === "int32" && isFloat(from)) {
    if (value !== value) return 0;
    return Math.max(-0x80000000, Math.min(0x7fffffff, value)) | 0;
  }
  return roundTo(to, value);
}

/** A conversion to `dtype`. */
export function cast(operand: Expr, dtype: DType): Expr {
  if (operand.dtype === dtype) return operand;
  if (operand.kind === "constant") return constant(evaluateCast(operand.dtype, dtype, operand.value), dtype);
  return intern(`cast ${dtype} ${operand.key}`, { kind: "cast", operand, dtype });
}

/**
 * A counter-based random number, see {@linkcode RandomExpr}. `dtype` is int32 for `"bits"`, else a float type. Bits may be any of the four
 * words that a block of the generator gives; kernels compute a block once for all words of it that an expression takes.
 *
 * @param word From 0 to 3; 0 but for bits. Default 0.
 */
export function random(
  distribution: Distribution,
  dtype: DType,
  words: readonly [Expr, Expr, Expr, Expr, Expr],
  word = 0,
): Expr {
  if (![0, 1, 2, 3].includes(word) || (word > 0 && distribution !== "bits")) {
    throw new ArgumentError({
      op: `random ${distribution}`,
      expected: distribution === "bits" ? "a word from 0 to 3" : "word 0: other numbers than bits take several",
      actual: String(word),
    });
  }
  for (const word of words) if (word.dtype !== "int32") refuse("random", "int32 words", word);
  if ((distribution === "bits") !== (dtype === "int32") || dtype === "bool") {
    throw new DTypeError({
      op: `random ${distribution}`,
      expected: "int32 for bits, else a float type",
      actual: dtype,
    });
  }
  const name = word === 0 ? distribution : `${distribution}.${word}`;
  return intern(`random ${name} ${dtype} ${words.map(({ key }) => key).join(" ")}`, {
    kind: "random",
    distribution,
    words,
    word,
    dtype,
  });
}

/** `left + right` */
export const add = (left: Operand, right: Operand): Expr => binary("add", left, right);
/** `left − right` */
export const sub = (left: Operand, right: Operand): Expr => binary("sub", left, right);
/** `left · right` */
export const mul = (left: Operand, right: Operand): Expr => binary("mul", left, right);
/** `left ÷ right`; int32 truncates */
export const div = (left: Operand, right: Operand): Expr => binary("div", left, right);
/** `left ^ right` for floats */
export const pow = (left: Operand, right: Operand): Expr => binary("pow", left, right);
/** the smaller one; NaN if one is NaN */
export const minimum = (left: Operand, right: Operand): Expr => binary("minimum", left, right);
/** the greater one; NaN if one is NaN */
export const maximum = (left: Operand, right: Operand): Expr => binary("maximum", left, right);
/** `−x` */
export const neg = (x: Expr): Expr => unary("neg", x);
/** `|x|` */
export const abs = (x: Expr): Expr => unary("abs", x);
/** `√x` */
export const sqrt = (x: Expr): Expr => unary("sqrt", x);
/** `eˣ` */
export const exp = (x: Expr): Expr => unary("exp", x);
/** natural logarithm */
export const log = (x: Expr): Expr => unary("log", x);
/** hyperbolic tangent */
export const tanh = (x: Expr): Expr => unary("tanh", x);
/** logistic function `1 / (1 + e⁻ˣ)` */
export const sigmoid = (x: Expr): Expr => unary("sigmoid", x);
/** `x²` */
export const square = (x: Expr): Expr => binary("mul", x, x);
/** `left = right` */
export const eq = (left: Operand, right: Operand): Expr => compare("eq", left, right);
/** `left ≠ right`; true with NaN */
export const ne = (left: Operand, right: Operand): Expr => compare("ne", left, right);
/** `left < right` */
export const lt = (left: Operand, right: Operand): Expr => compare("lt", left, right);
/** `left ≤ right` */
export const le = (left: Operand, right: Operand): Expr => compare("le", left, right);
/** `left > right` */
export const gt = (left: Operand, right: Operand): Expr => compare("gt", left, right);
/** `left ≥ right` */
export const ge = (left: Operand, right: Operand): Expr => compare("ge", left, right);

/** The operands of a node, left to right. */
export function operandsOf(node: Expr): readonly Expr[] {
  switch (node.kind) {
    case "input":
    case "constant":
    case "scalar":
    case "index":
      return [];
    case "unary":
    case "cast":
      return [node.operand];
    case "binary":
    case "compare":
      return [node.left, node.right];
    case "select":
      return [node.condition, node.whenTrue, node.whenFalse];
    case "random":
      return node.words;
  }
}

/** All distinct nodes of several trees, operands before the nodes that use them. */
export function topologicalOrder(roots: readonly Expr[]): Expr[] {
  const order: Expr[] = [];
  const seen = new Set<Expr>();
  const visit = (node: Expr): void => {
    if (seen.has(node)) return;
    seen.add(node);
    for (const operand of operandsOf(node)) visit(operand);
    order.push(node);
  };
  for (const root of roots) visit(root);
  return order;
}

/** The tree with inputs and scalars replaced: `inputs(i, dtype)` and `scalars(i, dtype)` give the new nodes. */
export function substitute(
  root: Expr,
  inputs: (index: number, dtype: DType) => Expr,
  scalars: (index: number, dtype: DType) => Expr = scalar,
): Expr {
  const done = new Map<Expr, Expr>();
  for (const node of topologicalOrder([root])) {
    const next = (operand: Expr): Expr => done.get(operand)!;
    done.set(node, rebuild(node, next, inputs, scalars));
  }
  return done.get(root)!;
}

function rebuild(
  node: Expr,
  next: (operand: Expr) => Expr,
  inputs: (index: number, dtype: DType) => Expr,
  scalars: (index: number, dtype: DType) => Expr,
): Expr {
  switch (node.kind) {
    case "input":
      return inputs(node.index, node.dtype);
    case "scalar":
      return scalars(node.index, node.dtype);
    case "constant":
    case "index":
      return node;
    case "unary":
      return unary(node.op, next(node.operand));
    case "cast":
      return cast(next(node.operand), node.dtype);
    case "binary":
      return binary(node.op, next(node.left), next(node.right));
    case "compare":
      return compare(node.op, next(node.left), next(node.right));
    case "select":
      return select(next(node.condition), next(node.whenTrue), next(node.whenFalse));
    case "random": {
      const [a, b, c, d, e] = node.words;
      return random(node.distribution, node.dtype, [next(a), next(b), next(c), next(d), next(e)], node.word);
    }
  }
}

/** A tree as text, e.g. `select(gt(x0, 0), x0, 0)`. Inputs are `x0, x1, …`, scalars `s0, …`, positions `i0, …, i`. */
export function formatExpr(node: Expr): string {
  switch (node.kind) {
    case "input":
      return `x${node.index}`;
    case "scalar":
      return `s${node.index}`;
    case "constant":
      return Object.is(node.value, -0) ? "-0" : String(node.value);
    case "index":
      return node.axis === "linear" ? "i" : `i${node.axis}`;
    case "unary":
    case "binary":
    case "compare":
      return `${node.op}(${operandsOf(node).map(formatExpr).join(", ")})`;
    case "select":
      return `select(${operandsOf(node).map(formatExpr).join(", ")})`;
    case "cast":
      return `${node.dtype}(${formatExpr(node.operand)})`;
    case "random":
      return `random_${node.distribution}${node.word === 0 ? "" : node.word}(${node.words.map(formatExpr).join(", ")})`;
  }
}
