/**
 * Fused elementwise computations written as scalar expressions: `map` makes new tensors and can be differentiated to any
 * order, `mapInPlace` changes tensors and is meant for optimizers. Both run as one kernel on every backend.
 */

import type { Backend } from "./backend.ts";
import { isGradEnabled } from "./context.ts";
import { commonBackend, expandedView } from "./core.ts";
import { type DType, isFloat, type TypedArray } from "./dtype.ts";
import { ArgumentError, DTypeError, GradientError, ShapeError } from "./errors.ts";
import * as E from "./expr.ts";
import type { Expr } from "./expr.ts";
import { runMap, sameShape } from "./fused.ts";
import { fusedPlan } from "./fused_plan.ts";
import { broadcastShapes, expandLayout, formatShape, type Shape } from "./layout.ts";
import type { Storage } from "./storage.ts";
import { joinScalars, stepNotes } from "./step_notes.ts";
import type { Tensor } from "./tensor.ts";

/** Options of {@linkcode map}. */
export interface MapOptions {
  /** Numbers that may change from call to call; `build` gets them as nodes behind those of the inputs. Default none. */
  readonly scalars?: readonly number[];
  /** The same for int32 numbers (e.g. those of `nextDraw`), behind the scalars. Default none. */
  readonly integers?: readonly number[];
}

/** Builds the expression of each element from nodes for the inputs and, behind them, the scalars and the integers. */
export type MapBuilder = (...operands: Expr[]) => Expr | readonly Expr[];

/** The float type of scalars beside these inputs: that of the first float input, else float32. */
export function scalarType(inputs: readonly Tensor[]): DType {
  for (const input of inputs) if (isFloat(input.dtype)) return input.dtype;
  return "float32";
}

/** The common shape of tensors, at little cost when they are equal. */
export function commonShape(tensors: readonly Tensor[], op: string): Shape {
  const first = tensors[0].shape;
  for (let i = 1; i < tensors.length; i++) {
    if (!sameShape(first, tensors[i].shape)) return broadcastShapes(tensors.map((tensor) => tensor.shape), op);
  }
  return first;
}

/** Nodes for inputs, scalars and integers, in this order. */
export function operandNodes(inputs: readonly Tensor[], options: MapOptions): Expr[] {
  const { scalars = [], integers = [] } = options;
  const nodes = inputs.map((input, i) => E.input(i, input.dtype));
  const dtype = scalarType(inputs);
  for (let i = 0; i < scalars.length; i++) nodes.push(E.scalar(i, dtype));
  for (let i = 0; i < integers.length; i++) nodes.push(E.scalar(scalars.length + i, "int32"));
  return nodes;
}

/** The numbers of the scalar nodes of {@linkcode operandNodes}. */
export function scalarValues({ scalars = [], integers = [] }: MapOptions): readonly number[] {
  return integers.length === 0 ? scalars : joinScalars(scalars, integers);
}

/** Throws {@linkcode ArgumentError} when there is no input. */
export function requireInputs(inputs: readonly Tensor[], op: string): void {
  if (inputs.length === 0) {
    throw new ArgumentError({ op, expected: "at least one input tensor", actual: "none" });
  }
}

/**
 * Several elementwise results from one kernel: `outputs[j] = build(inputs…, scalars…)[j]` at each point of the shape to which the
 * inputs broadcast. Differentiable with respect to float inputs. Index nodes refer to the axes of that shape.
 */
export function mapMany(inputs: readonly Tensor[], build: MapBuilder, options: MapOptions = {}): Tensor[] {
  requireInputs(inputs, "map");
  const scalars = scalarValues(options);
  const built = build(...operandNodes(inputs, options));
  const expressions = Array.isArray(built) ? built as readonly Expr[] : [built as Expr];
  const shape = commonShape(inputs, "map");
  return runMap("map", fusedPlan(expressions, inputs.map((input) => input.dtype)), inputs, scalars, shape);
}

/**
 * A fused elementwise computation, see {@linkcode mapMany}: one kernel, differentiable to any order.
 *
 * @example
 * ```ts
 * import { expr, map, tensor, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const x = tensor([[1, 2], [3, 4]]);
 * const row = tensor([10, 20]);
 * const y = map([x, row], (a, b, scale) => expr.mul(expr.add(a, b), scale), { scalars: [0.5] });
 * assertEquals(await y.data(), new Float32Array([5.5, 11, 6.5, 12]));
 * ```
 */
export function map(inputs: readonly Tensor[], build: MapBuilder, options: MapOptions = {}): Tensor {
  return mapMany(inputs, build, options)[0];
}

/** Builds new values of the targets from nodes for the targets, the inputs and the scalars. */
export type InPlaceBuilder = (
  targets: readonly Expr[],
  inputs: readonly Expr[],
  scalars: readonly Expr[],
) => readonly Expr[];

/**
 * Replaces the elements of all `targets` (of one shape) by `build(targets, inputs, scalars)` in one kernel; inputs broadcast to
 * the targets' shape. Not differentiable: throws {@linkcode GradientError} where a target requires a gradient outside `noGrad`, and
 * a later `backward` that needs the old values says so.
 *
 * @example
 * ```ts
 * import { expr, mapInPlace, noGrad, parameter, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const weight = parameter([1, 2]);
 * weight.square().sum().backward();
 * noGrad(() =>
 *   mapInPlace([weight], [weight.grad!], [0.25], ([w], [g], [rate]) => [expr.sub(w, expr.mul(rate, g))])
 * );
 * assertEquals(await weight.data(), new Float32Array([0.5, 1]));
 * ```
 */
export function mapInPlace(
  targets: readonly Tensor[],
  inputs: readonly Tensor[],
  scalars: readonly number[],
  build: InPlaceBuilder,
): void {
  mapInPlaceGroup([{ targets, inputs }], scalars, build);
}

/** Tensors to change and tensors to change them by, for {@linkcode mapInPlaceGroup}. */
export interface InPlaceSet {
  /** As the targets of {@linkcode mapInPlace}. */
  readonly targets: readonly Tensor[];
  /** As its inputs. */
  readonly inputs: readonly Tensor[];
}

/**
 * {@linkcode mapInPlace} with the same expressions for several sets of tensors, which a backend may compute in one kernel. `build` is called once for each
 * combination of types and backends. All sets are checked before any is changed. Throws as `mapInPlace` does.
 */
export function mapInPlaceGroup(
  sets: readonly InPlaceSet[],
  scalars: readonly number[],
  build: InPlaceBuilder,
): void {
  mapInPlaceGroups([{ sets, scalars, build }]);
}

/** What {@linkcode mapInPlaceGroup} takes, for {@linkcode mapInPlaceGroups}. */
export interface InPlaceGroup {
  /** The sets. */
  readonly sets: readonly InPlaceSet[];
  /** Their scalars. */
  readonly scalars: readonly number[];
  /** Their expressions. */
  readonly build: InPlaceBuilder;
}

/** {@linkcode mapInPlaceGroup} for each of `groups` in turn; the sets of all of them are checked before any is changed. */
export function mapInPlaceGroups(groups: readonly InPlaceGroup[]): void {
  const sorted = groups.map(({ sets }) => sortByTypes(sets));
  groups.forEach(({ scalars, build }, i) => {
    for (const [backend, alike] of sorted[i]) {
      for (const sets of alike.values()) {
        // Sets that share memory follow each other.
        if (shareTargets(sets)) { for (const set of sets) runInPlace(backend, [set], scalars, build); }
        else runInPlace(backend, sets, scalars, build);
      }
    }
  });
}

/** Checks the sets, and gives those of the same types together, by backend. */
function sortByTypes(sets: readonly InPlaceSet[]): Map<Backend, Map<string, InPlaceSet[]>> {
  const alike = new Map<Backend, Map<string, InPlaceSet[]>>();
  for (const set of sets) {
    const backend = validateSet(set);
    const types = [...set.targets, { dtype: "|" }, ...set.inputs].map(({ dtype }) => dtype).join();
    const ofBackend = alike.get(backend) ?? new Map<string, InPlaceSet[]>();
    alike.set(backend, ofBackend.set(types, [...ofBackend.get(types) ?? [], set]));
  }
  return alike;
}

/** Whether a set uses memory that another one changes. */
function shareTargets(sets: readonly InPlaceSet[]): boolean {
  const changed = new Map(sets.flatMap((set) => set.targets.map(({ storage }) => [storage, set] as const)));
  return sets.some((set) =>
    [...set.targets, ...set.inputs].some(({ storage }) => (changed.get(storage) ?? set) !== set)
  );
}

/** Checks the tensors of a set; gives their backend. */
function validateSet({ targets, inputs }: InPlaceSet): Backend {
  requireInputs(targets, "mapInPlace");
  const operands = [...targets, ...inputs];
  const backend = commonBackend(operands, "mapInPlace");
  const { shape } = targets[0];
  for (const target of targets) validateTarget(target, shape);
  for (const input of inputs) {
    // Single numbers, such as an optimizer's flag, broadcast to every shape.
    if (input.rank > 0 && !sameShape(input.shape, shape)) expandLayout(input, shape, "mapInPlace");
  }
  targets.forEach((target, i) => {
    for (const operand of operands.slice(i + 1)) refuseOverlap("mapInPlace", target, operand);
    if (targets.indexOf(target) !== i) refuseOverlap("mapInPlace", target, undefined);
  });
  return backend;
}

/** Tells the tape, and whoever records the step, that values change. */
function markChanged(storage: Storage): void {
  storage.version++;
  stepNotes?.changed(storage);
}

/** Computes sets of the same types. */
function runInPlace(
  backend: Backend,
  group: readonly InPlaceSet[],
  scalars: readonly number[],
  build: InPlaceBuilder,
): void {
  const [{ targets, inputs }] = group;
  const dtype = scalarType(targets);
  const expressions = build(
    targets.map((target, i) => E.input(i, target.dtype)),
    inputs.map((input, i) => E.input(targets.length + i, input.dtype)),
    scalars.map((_, i) => E.scalar(i, dtype)),
  );
  validateResults(expressions, targets);
  const sets = group.map((set) => {
    const { shape } = set.targets[0];
    const views = [...set.targets, ...set.inputs].map((operand) =>
      sameShape(operand.shape, shape)
        ? operand
        : expandedView(operand, shape, expandLayout(operand, shape, "mapInPlace").strides)
    );
    return { shape, inputs: views, outputs: set.targets };
  });
  for (const set of group) for (const target of set.targets) markChanged(target.storage);
  if (sets.length > 1 && backend.mapGroup !== undefined) backend.mapGroup({ expressions, scalars, sets });
  else for (const set of sets) backend.map({ expressions, scalars, ...set });
}

function validateTarget(target: Tensor, shape: Shape): void {
  if (!sameShape(target.shape, shape)) {
    throw new ShapeError({
      op: "mapInPlace",
      expected: `targets of one shape ${formatShape(shape)}`,
      actual: formatShape(target.shape),
    });
  }
  if (target.strides.some((stride, axis) => stride === 0 && target.shape[axis] > 1)) {
    throw new ShapeError({
      op: "mapInPlace",
      expected: "targets whose elements are all at different places",
      actual: `${target.describe()}, which was expanded`,
      hint: "Use contiguous() to get a copy",
    });
  }
  if (target.node !== undefined && isGradEnabled()) {
    throw new GradientError({
      op: "mapInPlace",
      expected: "targets that do not require a gradient, or a call inside noGrad()",
      actual: target.describe(),
      hint: "Wrap the update in noGrad(() => …)",
    });
  }
}

/** Throws unless `operand` is elsewhere in memory or, as an input, exactly the same view. */
function refuseOverlap(op: string, target: Tensor, operand: Tensor | undefined): void {
  if (operand !== undefined && (operand === target || operand.storage !== target.storage)) return;
  throw new ArgumentError({
    op,
    expected: "targets and inputs that share no memory",
    actual: `${target.describe()} and ${operand === undefined ? "itself" : `${operand.describe()}, a view of it`}`,
    hint: "Use clone() on one of them",
  });
}

function validateResults(expressions: readonly Expr[], targets: readonly Tensor[]): void {
  if (expressions.length !== targets.length) {
    throw new ArgumentError({
      op: "mapInPlace",
      expected: `${targets.length} expressions, one for each target`,
      actual: String(expressions.length),
    });
  }
  targets.forEach((target, i) => {
    if (expressions[i].dtype !== target.dtype) {
      throw new DTypeError({
        op: "mapInPlace",
        expected: `an expression of type ${target.dtype} for target ${i}`,
        actual: expressions[i].dtype,
        hint: "Convert with cast()",
      });
    }
  });
}

/**
 * Replaces the elements of a tensor by `data` (row-major): loading parameters and buffers. Not differentiable; the same rules as
 * for {@linkcode mapInPlace} hold. Throws {@linkcode ShapeError} unless the count is right.
 */
export function assign(target: Tensor, data: TypedArray | Tensor): void {
  validateTarget(target, target.shape);
  if (ArrayBuffer.isView(data)) {
    if (data.length !== target.size) {
      throw new ShapeError({
        op: "assign",
        expected: `${target.size} elements for ${target.describe()}`,
        actual: String(data.length),
      });
    }
    markChanged(target.storage);
    if (target.size > 0) target.backend.write(target, toElements(data, target.dtype));
    return;
  }
  commonBackend([target, data], "assign");
  if (!sameShape(target.shape, data.shape) || target.dtype !== data.dtype) {
    throw new ShapeError({ op: "assign", expected: target.describe(), actual: data.describe() });
  }
  if (data === target) return;
  refuseOverlap("assign", target, data);
  markChanged(target.storage);
  if (target.size > 0) target.backend.copy(data, target);
}

/** `data` as elements of `dtype`, converted where it is of another type. */
export function toElements(data: ArrayLike<number>, dtype: DType): TypedArray {
  switch (dtype) {
    case "float32":
      return data instanceof Float32Array ? data : new Float32Array(data);
    case "float64":
      return data instanceof Float64Array ? data : Float64Array.from(data);
    case "int32":
      return data instanceof Int32Array ? data : Int32Array.from(data);
    case "bool":
      return Uint8Array.from(data, (value) => value !== 0 ? 1 : 0);
  }
}
