// Random selections along an axis, their adjoint, copies between views, and reads and writes of views.

import { createTypedArray, type DType, type FloatDType, isFloat, type TypedArray } from "../../src/tensor/dtype.ts";
import { elementCount, formatShape, type Shape } from "../../src/tensor/layout.ts";
import type { Case } from "./case.ts";
import {
  drawBudget,
  drawFill,
  drawOperand,
  drawShape,
  dropAxis,
  type Operand,
  smallerSizes,
  values,
} from "./operand.ts";
import { drawDType } from "./expressions.ts";
import { acceptSums } from "./product_cases.ts";
import type { Draw } from "./random.ts";

interface Indexing {
  readonly primitive: "gather" | "scatterAdd";
  /** Shape of what is chosen from, or added to. */
  readonly chosen: Shape;
  readonly axis: number;
  /** Number of choices. */
  readonly count: number;
  /** The chosen, the indices, the selection. */
  readonly operands: readonly Operand[];
}

/** A gather or scatterAdd from its parameters. */
export function indexing(p: Indexing): Case {
  const selection = p.chosen.map((size, axis) => axis === p.axis ? p.count : size);
  const shapes = [p.chosen, selection, selection];
  const dtype = p.operands[0].dtype;
  const adding = p.primitive === "scatterAdd";
  // Indices follow the axis as it shrinks.
  const operands = p.operands.map((operand, i) =>
    i === 1 ? { ...operand, fill: { indices: p.chosen[p.axis] } } : operand
  );
  return {
    primitive: p.primitive,
    operands,
    shapes,
    outputs: [adding ? 0 : 2],
    run: (backend, [chosen, indices, selected]) => {
      if (adding) backend.scatterAdd({ source: selected, indices, axis: p.axis, output: chosen });
      else backend.gather({ input: chosen, indices, axis: p.axis, output: selected });
    },
    accept: (logical, [expected]) => {
      if (!adding || !isFloat(dtype)) return [undefined];
      const size = scatteredMagnitudes(p, logical);
      return [acceptSums(dtype as FloatDType, expected, size, p.count + 1)];
    },
    withOperands: (changed) => indexing({ ...p, operands: changed }),
    simpler: () => simplerIndexings(p),
    describe: () => `${p.primitive} axis ${p.axis} of ${formatShape(p.chosen)}, ${p.count} indices along it`,
  };
}

/** What each element of the result of a scatterAdd sums, in magnitude. */
function scatteredMagnitudes({ chosen, axis, count }: Indexing, logical: readonly TypedArray[]): Float64Array {
  const size = Float64Array.from(logical[0], Math.abs);
  const inner = elementCount(chosen.slice(axis + 1));
  logical[2].forEach((value: number, i: number) => {
    const outer = Math.floor(i / (inner * count));
    size[(outer * chosen[axis] + logical[1][i]) * inner + i % inner] += Math.abs(value);
  });
  return size;
}

function* simplerIndexings(p: Indexing): Iterable<Case> {
  for (const count of smallerSizes(p.count)) yield indexing({ ...p, count });
  for (let axis = 0; axis < p.chosen.length; axis++) {
    for (const size of smallerSizes(p.chosen[axis])) {
      yield indexing({ ...p, chosen: p.chosen.map((old, i) => i === axis ? size : old) });
    }
    if (axis === p.axis || p.chosen[axis] !== 1) continue;
    yield indexing({
      ...p,
      chosen: p.chosen.filter((_, i) => i !== axis),
      axis: p.axis > axis ? p.axis - 1 : p.axis,
      operands: p.operands.map((operand) => ({ ...operand, arrangement: dropAxis(operand.arrangement, axis) })),
    });
  }
}

/** A random gather or scatterAdd. */
export function drawIndexing(draw: Draw, primitive: Indexing["primitive"]): Case {
  const chosen = drawShape(draw, drawBudget(draw), 1, 4);
  const axis = draw.integer(0, chosen.length - 1);
  const rest = elementCount(chosen.map((size, i) => i === axis ? 1 : size));
  const most = Math.max(1, Math.min(60, Math.floor(3000 / Math.max(1, rest))));
  const count = chosen[axis] === 0 || draw.chance(0.03) ? 0 : draw.integer(1, most);
  const adding = primitive === "scatterAdd";
  const dtype: DType = adding
    ? draw.weighted({ float32: 60, float64: 20, int32: 20 })
    : draw.weighted({ float32: 55, float64: 15, int32: 15, bool: 15 });
  const fill = () => adding && isFloat(dtype) ? draw.pick(["normal", "small"] as const) : drawFill(draw);
  const operands = [
    drawOperand(draw, dtype, chosen.length, fill(), !adding),
    drawOperand(draw, "int32", chosen.length, { indices: chosen[axis] }, true),
    drawOperand(draw, dtype, chosen.length, fill(), adding),
  ];
  return indexing({ primitive, chosen, axis, count, operands });
}

interface Transfer {
  readonly primitive: "copy" | "write" | "read";
  readonly shape: Shape;
  readonly operands: readonly Operand[];
}

/** A copy, write or read from its parameters. */
export function transfer(p: Transfer): Case {
  const { dtype, seed } = p.operands[0];
  const count = elementCount(p.shape);
  return {
    primitive: p.primitive,
    operands: p.operands,
    shapes: p.operands.map(() => p.shape),
    outputs: [p.primitive === "write" ? 0 : 1],
    run: async (backend, views) => {
      const [source, target] = views;
      if (p.primitive === "copy") return backend.copy(source, target);
      // Data of a write: a part of a longer array, so that its byteOffset is not 0.
      const data = createTypedArray(dtype, count + 3).subarray(3);
      if (p.primitive === "write") {
        data.set(values({ ...p.operands[0], fill: "normal", seed: seed + 1 }, count));
        return backend.write(source, data);
      }
      const read = backend.canReadSync && seed % 2 === 0 ? backend.readSync(source) : await backend.read(source);
      // What user code gets is its own: changing it must not change the backend's memory.
      const kept = read.slice();
      read.fill(1);
      backend.write(target, kept);
    },
    accept: () => [undefined],
    withOperands: (operands) => transfer({ ...p, operands }),
    simpler: () => simplerTransfers(p),
    describe: () => `${p.primitive} ${formatShape(p.shape)}`,
  };
}

function* simplerTransfers(p: Transfer): Iterable<Case> {
  for (let axis = 0; axis < p.shape.length; axis++) {
    for (const size of smallerSizes(p.shape[axis])) {
      yield transfer({ ...p, shape: p.shape.map((old, i) => i === axis ? size : old) });
    }
    if (p.shape[axis] !== 1) continue;
    yield transfer({
      ...p,
      shape: p.shape.filter((_, i) => i !== axis),
      operands: p.operands.map((operand) => ({ ...operand, arrangement: dropAxis(operand.arrangement, axis) })),
    });
  }
}

/** A random copy, write or read. */
export function drawTransfer(draw: Draw, primitive: Transfer["primitive"]): Case {
  const shape = drawShape(draw, drawBudget(draw));
  const dtype = drawDType(draw);
  const source = drawOperand(draw, dtype, shape.length, drawFill(draw), primitive !== "write");
  const operands = primitive === "write" ? [source] : [source, drawOperand(draw, dtype, shape.length, drawFill(draw))];
  return transfer({ primitive, shape, operands });
}
