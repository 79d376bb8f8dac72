/**
 * Elementwise operations under their names, with NumPy's broadcasting and promotion: each is a one-node (or few-node) expression
 * run by `map`. Numbers become runtime scalars, so that a changing number compiles no new kernel.
 */

import { aliasOf } from "./core.ts";
import { type DType, isFloat, promote } from "./dtype.ts";
import { ArgumentError, DTypeError } from "./errors.ts";
import * as E from "./expr.ts";
import type { Expr } from "./expr.ts";
import type { BinaryOp, CompareOp, UnaryOp } from "./expr_ops.ts";
import { runMap } from "./fused.ts";
import { type FusedPlan, fusedPlan } from "./fused_plan.ts";
import { commonShape } from "./map.ts";
import type { Tensor } from "./tensor.ts";

/** An operand: a tensor, or a number that takes the other operand's type. */
export type TensorOperand = Tensor | number;

/** Which types an operation works in: any number, floats only (integers are converted), or integers and bools. */
type Arithmetic = "number" | "float" | "bits" | "compare";

const BINARY_KINDS: { readonly [Op in BinaryOp]: Arithmetic } = {
  add: "number",
  sub: "number",
  mul: "number",
  div: "float",
  mod: "number",
  pow: "float",
  minimum: "number",
  maximum: "number",
  atan2: "float",
  and: "bits",
  or: "bits",
  xor: "bits",
};

/** Numbers that are part of a kernel: expressions simplify with them. */
const INLINED: ReadonlySet<number> = new Set([0, 1, -1, 2, 0.5]);

function workingType(op: string, kind: Arithmetic, dtype: DType): DType {
  if (kind === "float") return isFloat(dtype) ? dtype : "float32";
  if (kind === "number") return dtype === "bool" ? "int32" : dtype;
  if (kind === "bits" && isFloat(dtype)) {
    throw new DTypeError({ op, expected: "int32 or bool operands", actual: dtype, hint: "Convert with cast()" });
  }
  return dtype;
}

function numberType(op: string, kind: Arithmetic, tensor: Tensor, value: number): DType {
  const dtype = workingType(op, kind, tensor.dtype);
  if (isFloat(dtype)) return dtype;
  if (!Number.isInteger(value) || value !== (value | 0)) {
    throw new DTypeError({
      op,
      expected: `an int32 number beside ${tensor.describe()}`,
      actual: String(value),
      hint: 'Convert the tensor with cast("float32") first',
    });
  }
  return dtype === "bool" ? "int32" : dtype;
}

const plans = new Map<string, FusedPlan>();

/** The plan kept under `key`. */
function cachedPlan(key: string, make: () => FusedPlan): FusedPlan {
  let plan = plans.get(key);
  if (plan === undefined) {
    plan = make();
    plans.set(key, plan);
  }
  return plan;
}

function twoOperands(
  op: string,
  kind: Arithmetic,
  a: TensorOperand,
  b: TensorOperand,
  build: (x: Expr, y: Expr) => Expr,
): Tensor {
  if (typeof a !== "number" && typeof b !== "number") {
    const plan = cachedPlan(`${op} ${a.dtype} ${b.dtype}`, () => {
      const dtype = workingType(op, kind, promote(a.dtype, b.dtype));
      const x = E.cast(E.input(0, a.dtype), dtype);
      const y = E.cast(E.input(1, b.dtype), dtype);
      return fusedPlan([build(x, y)], [a.dtype, b.dtype]);
    });
    const inputs = [a, b];
    return runMap(op, plan, inputs, [], commonShape(inputs, op))[0];
  }
  if (typeof a === "number" && typeof b === "number") {
    throw new ArgumentError({ op, expected: "at least one tensor", actual: `the numbers ${a} and ${b}` });
  }
  const reversed = typeof a === "number";
  const tensor = (reversed ? b : a) as Tensor;
  const value = (reversed ? a : b) as number;
  const dtype = numberType(op, kind, tensor, value);
  const inlined = INLINED.has(value);
  const plan = cachedPlan(`${op} ${tensor.dtype} ${reversed ? "r" : ""}${inlined ? value : "s"}`, () => {
    const x = E.cast(E.input(0, tensor.dtype), dtype);
    const y = inlined ? E.constant(value, dtype) : E.scalar(0, dtype);
    return fusedPlan([reversed ? build(y, x) : build(x, y)], [tensor.dtype]);
  });
  return runMap(op, plan, [tensor], inlined ? [] : [value], tensor.shape)[0];
}

/** A binary operation of the table, on tensors or one tensor and a number. */
export function binaryOperation(op: BinaryOp, a: TensorOperand, b: TensorOperand): Tensor {
  return twoOperands(op, BINARY_KINDS[op], a, b, (x, y) => E.binary(op, x, y));
}

/** A comparison: a bool tensor. */
export function comparison(op: CompareOp, a: TensorOperand, b: TensorOperand): Tensor {
  return twoOperands(op, "compare", a, b, (x, y) => {
    // A bool beside a number is compared as the integers 0 and 1.
    const dtype = promote(x.dtype, y.dtype);
    return E.compare(op, E.cast(x, dtype), E.cast(y, dtype));
  });
}

/** An operation of one operand given by its expression; `float` converts integers to float32 first. */
function oneOperand(op: string, tensor: Tensor, kind: Arithmetic, build: (x: Expr) => Expr): Tensor {
  const plan = cachedPlan(`${op} ${tensor.dtype}`, () => {
    const dtype = workingType(op, kind, tensor.dtype);
    return fusedPlan([build(E.cast(E.input(0, tensor.dtype), dtype))], [tensor.dtype]);
  });
  return runMap(op, plan, [tensor], [], tensor.shape)[0];
}

const UNARY_KINDS: { readonly [Op in UnaryOp]: Arithmetic } = {
  neg: "number",
  abs: "number",
  sign: "number",
  floor: "float",
  ceil: "float",
  round: "float",
  trunc: "float",
  sqrt: "float",
  exp: "float",
  expm1: "float",
  log: "float",
  log1p: "float",
  sin: "float",
  cos: "float",
  tanh: "float",
  sigmoid: "float",
  not: "compare",
};

/** A unary operation of the table. */
export function unaryOperation(op: UnaryOp, tensor: Tensor): Tensor {
  if (op === "not" && tensor.dtype !== "bool") {
    throw new DTypeError({ op, expected: "a bool tensor", actual: tensor.describe(), hint: "Compare with eq(0)" });
  }
  return oneOperand(op, tensor, UNARY_KINDS[op], (x) => E.unary(op, x));
}

/** `max(x, 0)`; NaN stays NaN, the derivative at 0 is 0. */
export function relu(tensor: Tensor): Tensor {
  return oneOperand("relu", tensor, "number", (x) => E.select(E.le(x, 0), 0, x));
}

/** `x²` */
export function square(tensor: Tensor): Tensor {
  return oneOperand("square", tensor, "number", E.square);
}

/** `1 / x` */
export function reciprocal(tensor: Tensor): Tensor {
  return oneOperand("reciprocal", tensor, "float", (x) => E.div(1, x));
}

/** Elements limited to `[min, max]` (either may be infinite); the derivative is 1 inside and at the limits, 0 beyond. */
export function clamp(tensor: Tensor, min: number, max: number): Tensor {
  if (!(min <= max)) {
    throw new ArgumentError({ op: "clamp", expected: "min ≤ max", actual: `${min} and ${max}` });
  }
  const isInteger = !isFloat(tensor.dtype);
  const low = isInteger ? Math.max(min, -0x80000000) : min;
  const high = isInteger ? Math.min(max, 0x7fffffff) : max;
  const dtype = numberType("clamp", "number", tensor, low);
  numberType("clamp", "number", tensor, high);
  const plan = cachedPlan(`clamp ${tensor.dtype}`, () => {
    const x = E.cast(E.input(0, tensor.dtype), dtype);
    const lower = E.scalar(0, dtype);
    const upper = E.scalar(1, dtype);
    return fusedPlan([E.select(E.lt(x, lower), lower, E.select(E.gt(x, upper), upper, x))], [tensor.dtype]);
  });
  return runMap("clamp", plan, [tensor], [low, high], tensor.shape)[0];
}

/** Elements converted to `dtype`; see the cast of scalar expressions for rounding. Differentiable between float types. */
export function cast(tensor: Tensor, dtype: DType): Tensor {
  if (tensor.dtype === dtype) return aliasOf(tensor);
  const plan = cachedPlan(
    `cast ${tensor.dtype} ${dtype}`,
    () => fusedPlan([E.cast(E.input(0, tensor.dtype), dtype)], [tensor.dtype]),
  );
  return runMap("cast", plan, [tensor], [], tensor.shape)[0];
}

/** `whenTrue` where the bool tensor `condition` holds, else `whenFalse`; all broadcast together. */
export function where(condition: Tensor, whenTrue: TensorOperand, whenFalse: TensorOperand): Tensor {
  if (condition.dtype !== "bool") {
    throw new DTypeError({
      op: "where",
      expected: "a bool condition",
      actual: condition.describe(),
      hint: "Compare first, e.g. x.gt(0)",
    });
  }
  const branches = [whenTrue, whenFalse];
  const tensors = branches.filter((branch) => typeof branch !== "number");
  const dtype = tensors.length === 0
    ? "float32"
    : tensors.map((tensor) => tensor.dtype).reduce((a, b) => promote(a, b));
  const scalars = branches.filter((branch) => typeof branch === "number");
  for (const value of scalars) if (tensors.length > 0) numberType("where", "compare", tensors[0], value);
  const inputs = [condition, ...tensors];
  let inputIndex = 1;
  let scalarIndex = 0;
  const working = scalars.length > 0 && dtype === "bool" ? "int32" : dtype;
  const nodes = branches.map((branch) =>
    typeof branch === "number" ? E.scalar(scalarIndex++, working) : E.cast(E.input(inputIndex++, branch.dtype), working)
  );
  const plan = fusedPlan([E.select(E.input(0, "bool"), nodes[0], nodes[1])], inputs.map((input) => input.dtype));
  return runMap("where", plan, inputs, scalars, commonShape(inputs, "where"))[0];
}
