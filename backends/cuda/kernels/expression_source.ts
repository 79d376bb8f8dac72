/**
 * Scalar expressions as statements of CUDA C: one variable for each distinct node, so that common subtrees are computed once. The text
 * depends on the structure of the expressions alone and is the same in every process, which makes it the key of compiled kernels.
 */

import { type DType, type FloatDType, isFloat } from "../../../src/tensor/dtype.ts";
import { BackendError } from "../../../src/tensor/errors.ts";
import {
  type BinaryExpr,
  type Expr,
  type IndexExpr,
  type InputExpr,
  operandsOf,
  type ScalarExpr,
  topologicalOrder,
} from "../../../src/tensor/expr.ts";
import {
  BINARY_CODE,
  CAST_CODE,
  COMPARE_CODE,
  CONSTANT_POWERS,
  FLOAT_CODES,
  type FloatCode,
  UNARY_CODE,
  VALUE_TYPES,
} from "./operations.ts";

/** What stands for the leaves: expressions in C of their value types. */
export interface LeafCode {
  /** The current element of an operand. */
  input(node: InputExpr): string;
  /** The current position. */
  index(node: IndexExpr): string;
  /** A runtime scalar. */
  scalar(node: ScalarExpr): string;
}

/** A number as a literal of its type. */
export function literal(dtype: DType, value: number): string {
  if (dtype === "bool") return value === 0 ? "false" : "true";
  if (dtype === "int32") return value === -0x80000000 ? "(-2147483647 - 1)" : value < 0 ? `(${value})` : `${value}`;
  const own = FLOAT_CODES[dtype].own;
  if (value !== value) return `${own("nan")}()`;
  if (!Number.isFinite(value)) return value < 0 ? `(-${own("infinity")}())` : `${own("infinity")}()`;
  const digits = Object.is(value, -0) ? "-0.0" : /[.e]/.test(String(value)) ? String(value) : `${value}.0`;
  const text = dtype === "float32" ? `${digits}f` : digits;
  return digits.startsWith("-") ? `(${text})` : text;
}

/** The statements that compute some expressions, and the names (or literals) of their values. */
export interface ExpressionCode {
  /** One for each node that is not a constant. */
  readonly statements: readonly string[];
  /** One for each expression. */
  readonly values: readonly string[];
}

/**
 * Writes the values of expressions.
 *
 * @param prefix The start of the variables' names.
 */
export function expressionCode(expressions: readonly Expr[], leaves: LeafCode, prefix = "v"): ExpressionCode {
  const names = new Map<Expr, string>();
  const statements: string[] = [];
  for (const node of topologicalOrder(expressions)) {
    if (node.kind === "constant") {
      names.set(node, literal(node.dtype, node.value));
      continue;
    }
    const operands = operandsOf(node).map((operand) => names.get(operand)!);
    const name = `${prefix}${statements.length}`;
    statements.push(`const ${VALUE_TYPES[node.dtype]} ${name} = ${valueOf(node, operands, leaves)};`);
    names.set(node, name);
  }
  return { statements, values: expressions.map((expression) => names.get(expression)!) };
}

function valueOf(node: Expr, operands: readonly string[], leaves: LeafCode): string {
  const [x, y, z] = operands;
  switch (node.kind) {
    case "input":
      return leaves.input(node);
    case "index":
      return leaves.index(node);
    case "scalar":
      return leaves.scalar(node);
    case "constant":
      return literal(node.dtype, node.value);
    case "unary":
      return operationCode(node.op, UNARY_CODE[node.op], node.dtype, x, "");
    case "binary": {
      const power = constantPower(node);
      return power === undefined ? operationCode(node.op, BINARY_CODE[node.op], node.dtype, x, y) : power(x);
    }
    case "compare":
      return `${x} ${COMPARE_CODE[node.op]} ${y}`;
    case "select":
      return `${x} ? ${y} : ${z}`;
    case "cast":
      return CAST_CODE[node.operand.dtype][node.dtype](x);
    case "random": {
      const words = `escnn_philox(${operands.join(", ")})`;
      if (node.distribution === "bits" && node.word > 0) return `(int)${words}.w${node.word}`;
      if (node.distribution === "bits") return `escnn_random_bits(${words})`;
      return `${FLOAT_CODES[node.dtype as FloatDType].own(node.distribution)}(${words})`;
    }
  }
}

/** A power by a constant that has a form of its own. */
function constantPower({ op, right, dtype }: BinaryExpr): ((x: string) => string) | undefined {
  if (op !== "pow" || right.kind !== "constant" || !isFloat(dtype)) return undefined;
  const write = CONSTANT_POWERS.get(right.value);
  return write && ((x) => write(FLOAT_CODES[dtype], x));
}

/** A row of a table of operations. */
interface OperationRow {
  readonly float?: (f: FloatCode, x: string, y: string) => string;
  readonly int32?: (x: string, y: string) => string;
  readonly bool?: (x: string, y: string) => string;
}

/** An operation of a table on operands of one type; throws {@linkcode BackendError} where its row lacks the type. */
export function operationCode(op: string, row: OperationRow, dtype: DType, x: string, y: string): string {
  if (isFloat(dtype) && row.float !== undefined) return row.float(FLOAT_CODES[dtype], x, y);
  const write = dtype === "int32" ? row.int32 : dtype === "bool" ? row.bool : undefined;
  if (write === undefined) {
    throw new BackendError({ op: `expression ${op}`, expected: "a type that it is defined for", actual: dtype });
  }
  return write(x, y);
}

/** Rough number of instructions for one element. */
export function expressionCost(expressions: readonly Expr[]): number {
  let cost = 0;
  for (const node of topologicalOrder(expressions)) {
    const factor = node.dtype === "float64" ? 2 : 1;
    if (node.kind === "unary") cost += factor * UNARY_CODE[node.op].cost;
    else if (node.kind === "binary") cost += factor * (constantPower(node) ? 4 : BINARY_CODE[node.op].cost);
    else if (node.kind === "random") cost += node.distribution === "normal" ? 300 : 80;
    else if (node.kind !== "constant") cost += 1;
  }
  return cost;
}
