// Random scalar expressions: trees over the given inputs and scalars with every operation that the tables know.

import { type DType, DTYPES, isFloat } from "../../src/tensor/dtype.ts";
import {
  binary,
  cast,
  compare,
  constant,
  type Expr,
  index,
  input,
  operandsOf,
  random,
  scalar,
  select,
  topologicalOrder,
  unary,
} from "../../src/tensor/expr.ts";
import {
  accepts,
  BINARY_OPS,
  type BinaryOp,
  COMPARE_OPS,
  type CompareOp,
  UNARY_OPS,
  type UnaryOp,
} from "../../src/tensor/expr_ops.ts";
import type { Draw } from "./random.ts";

const UNARY_NAMES = Object.keys(UNARY_OPS) as UnaryOp[];
const BINARY_NAMES = Object.keys(BINARY_OPS) as BinaryOp[];
const COMPARE_NAMES = Object.keys(COMPARE_OPS) as CompareOp[];

/** What a tree may refer to. */
export interface Vocabulary {
  /** Types of the inputs. */
  readonly inputs: readonly DType[];
  /** Types of the scalars. */
  readonly scalars: readonly DType[];
  /** Number of axes of the iteration space. */
  readonly rank: number;
}

/** The unary operations that take a type. */
export const unaryOpsOf = (dtype: DType): UnaryOp[] =>
  UNARY_NAMES.filter((op) => accepts(UNARY_OPS[op].operands, dtype));

/** The binary operations that take a type. */
export const binaryOpsOf = (dtype: DType): BinaryOp[] =>
  BINARY_NAMES.filter((op) => accepts(BINARY_OPS[op].operands, dtype));

/** Weights of the element types in a draw. */
export function drawDType(draw: Draw): DType {
  return draw.weighted({ float32: 60, float64: 16, int32: 14, bool: 10 });
}

/** A tree without operands. */
function drawLeaf(draw: Draw, dtype: DType, vocabulary: Vocabulary): Expr {
  const indices = (types: readonly DType[], wanted: DType): number[] =>
    types.flatMap((type, i) => type === wanted ? [i] : []);
  const inputs = indices(vocabulary.inputs, dtype);
  if (inputs.length > 0 && draw.chance(0.75)) return input(draw.pick(inputs), dtype);
  const scalars = indices(vocabulary.scalars, dtype);
  if (scalars.length > 0 && draw.chance(0.5)) return scalar(draw.pick(scalars), dtype);
  if (dtype === "int32" && draw.chance(0.6)) return drawIndex(draw, vocabulary);
  if (vocabulary.inputs.length > 0 && draw.chance(0.4)) {
    const i = draw.integer(0, vocabulary.inputs.length - 1);
    return cast(input(i, vocabulary.inputs[i]), dtype);
  }
  if (dtype !== "bool" && draw.chance(0.2)) return cast(drawIndex(draw, vocabulary), dtype);
  if (dtype === "bool") return constant(draw.integer(0, 1), dtype);
  return constant(draw.pick(isFloat(dtype) ? [0, 1, -1, 0.5, 2, 0.1, -3.25, 1e-3] : [0, 1, -1, 2, 7, 255]), dtype);
}

function drawIndex(draw: Draw, { rank }: Vocabulary): Expr {
  return index(rank === 0 || draw.chance(0.4) ? "linear" : draw.integer(0, rank - 1));
}

/** A tree with about `size` operations. */
export function drawExpr(draw: Draw, dtype: DType, size: number, vocabulary: Vocabulary): Expr {
  if (size <= 0) return drawLeaf(draw, dtype, vocabulary);
  const part = (): number => draw.integer(0, size - 1);
  const kind = draw.weighted({
    unary: 30,
    binary: 40,
    compare: dtype === "bool" ? 60 : 0,
    select: 14,
    cast: 12,
    random: dtype === "bool" ? 0 : 3,
  });
  switch (kind) {
    case "unary":
      return unary(draw.pick(unaryOpsOf(dtype)), drawExpr(draw, dtype, size - 1, vocabulary));
    case "binary": {
      const ops = binaryOpsOf(dtype);
      const op = draw.chance(0.5) ? ops[draw.integer(0, Math.min(3, ops.length - 1))] : draw.pick(ops);
      const left = part();
      return binary(
        op,
        drawExpr(draw, dtype, left, vocabulary),
        drawExpr(draw, dtype, size - 1 - left, vocabulary),
      );
    }
    case "compare": {
      const operand = drawDType(draw);
      const left = part();
      return compare(
        draw.pick(COMPARE_NAMES),
        drawExpr(draw, operand, left, vocabulary),
        drawExpr(draw, operand, size - 1 - left, vocabulary),
      );
    }
    case "select": {
      const third = Math.floor((size - 1) / 3);
      return select(
        drawExpr(draw, "bool", third, vocabulary),
        drawExpr(draw, dtype, third, vocabulary),
        drawExpr(draw, dtype, size - 1 - 2 * third, vocabulary),
      );
    }
    case "cast":
      return cast(drawExpr(draw, draw.pick(DTYPES), size - 1, vocabulary), dtype);
    case "random":
      return drawRandom(draw, dtype, vocabulary);
  }
}

/** A random-number node of a type, its words drawn from scalars, constants and indices as a sampler would. */
export function drawRandom(draw: Draw, dtype: DType, vocabulary: Vocabulary): Expr {
  const word = (): Expr =>
    draw.chance(0.5) ? constant(draw.bits(), "int32") : drawLeaf(draw, "int32", { ...vocabulary, inputs: [] });
  return random(
    dtype === "int32" ? "bits" : draw.pick(["uniform", "normal"] as const),
    dtype,
    [word(), word(), drawIndex(draw, vocabulary), word(), word()],
    dtype === "int32" ? draw.pick([0, 1, 2, 3]) : 0,
  );
}

/** One operation of one or two operands, conversion or choice, applied to inputs: so that each is met often by itself. */
export function drawSingle(draw: Draw): { expression: Expr; inputs: DType[] } {
  const dtype = drawDType(draw);
  const x = input(0, dtype);
  const y = input(1, dtype);
  switch (draw.weighted({ unary: 40, binary: 35, compare: 10, select: 7, cast: 8 })) {
    case "unary":
      return { expression: unary(draw.pick(unaryOpsOf(dtype)), x), inputs: [dtype] };
    case "binary":
      return { expression: binary(draw.pick(binaryOpsOf(dtype)), x, y), inputs: [dtype, dtype] };
    case "compare":
      return { expression: compare(draw.pick(COMPARE_NAMES), x, y), inputs: [dtype, dtype] };
    case "select":
      return { expression: select(input(2, "bool"), x, y), inputs: [dtype, dtype, "bool"] };
    case "cast":
      return { expression: cast(x, draw.pick(DTYPES)), inputs: [dtype] };
  }
}

/** Smaller trees of the same type: subtrees first, then constants. */
export function simplerExprs(node: Expr): Expr[] {
  const inside = topologicalOrder([node]).filter((part) => part !== node && part.dtype === node.dtype);
  const result = new Set<Expr>(inside);
  for (const operand of operandsOf(node)) {
    if (operandsOf(operand).length === 0) continue;
    for (const simpler of [...simplerExprs(operand), ...inputsOf(operand)]) {
      const replaced = replaceOperand(node, operand, simpler);
      if (replaced !== undefined && replaced !== node) result.add(replaced);
    }
  }
  return [...result];
}

function inputsOf(node: Expr): Expr[] {
  return topologicalOrder([node]).filter((part) => part.kind === "input" && part.dtype === node.dtype);
}

function replaceOperand(node: Expr, operand: Expr, simpler: Expr): Expr | undefined {
  if (operand.dtype !== simpler.dtype) return undefined;
  const swap = (part: Expr): Expr => part === operand ? simpler : part;
  switch (node.kind) {
    case "unary":
      return unary(node.op, swap(node.operand));
    case "binary":
      return binary(node.op, swap(node.left), swap(node.right));
    case "compare":
      return compare(node.op, swap(node.left), swap(node.right));
    case "select":
      return select(swap(node.condition), swap(node.whenTrue), swap(node.whenFalse));
    case "cast":
      return cast(swap(node.operand), node.dtype);
    default:
      return undefined;
  }
}
