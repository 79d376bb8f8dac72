/**
 * The generated kernels of reductions. Along reduced rows the lanes of accumulators are combined at the end of each result;
 * across rows each lane is a result of its own. Around them run the loops over what is left to reduce, and over the results.
 */

import { BYTES_PER_ELEMENT, type DType } from "../../src/tensor/dtype.ts";
import type { Expr } from "../../src/tensor/expr.ts";
import type { ReduceOp } from "../../src/tensor/expr_ops.ts";
import type { Leaves } from "../../src/tensor/kernel_calls.ts";
import type { CpuContext, Kernel } from "./context.ts";
import type { Group } from "./emit_expr.ts";
import { emitNest, emitSteps, emitWalk, pushParameter } from "./emit_loops.ts";
import { Accumulator } from "./emit_reduce.ts";
import { KernelFrame } from "./kernel_frame.ts";
import type { Access, ParameterLayout } from "./loop_plan.ts";
import { unrolling } from "./map.ts";
import type { Local } from "./wasm/assembler.ts";

/** What a kernel reduces. */
export interface Reduction {
  readonly expressions: readonly Expr[];
  readonly reductions: readonly ReduceOp[];
  /** Element types of the outputs: that of the expression, or that of its accumulator. */
  readonly outputTypes: readonly DType[];
}

/** Whether the innermost loop is reduced (lanes of one result are combined at its end) or kept (a result for each lane). */
export type InnerLoop = "reduced" | "kept";

/** Compiles and registers `kernel(params, begin, end)` over the results. Operands: outputs, inputs, positions. */
export function compileReduction(
  context: CpuContext,
  reduction: Reduction,
  leaves: Leaves,
  access: readonly Access[],
  layout: ParameterLayout,
  innerLoop: InnerLoop,
): Kernel {
  const { expressions, reductions, outputTypes } = reduction;
  const what = ["reduce", innerLoop, reductions, outputTypes, layout.outer, layout.nest, access].join("|");
  const build = () => buildReduction(context, reduction, leaves, access, layout, innerLoop);
  return context.executor.register(context.store.module(what, expressions, build), ["kernel"])[0];
}

function buildReduction(
  context: CpuContext,
  { expressions, reductions, outputTypes }: Reduction,
  leaves: Leaves,
  access: readonly Access[],
  layout: ParameterLayout,
  innerLoop: InnerLoop,
): Uint8Array {
  const outputs = expressions.length;
  const units = outputTypes.map((dtype) => BYTES_PER_ELEMENT[dtype]);
  const frame = new KernelFrame(context, expressions, leaves, units, access, layout);
  const { f, code, emitter, pointers, parameters } = frame;
  const operands = pointers.map((_, operand) => operand);
  const sources = operands.slice(outputs);
  // `walk` stands at a result, `cursor` moves through what is reduced, `pointers` through the innermost loop.
  const walk = f.locals("i32", pointers.length);
  const cursor = f.locals("i32", pointers.length);
  const count = f.local("i32");
  const copy = (from: readonly Local[], to: readonly Local[], which: readonly number[]): void => {
    for (const operand of which) f.get(from[operand]).set(to[operand]);
  };
  const unroll = unrolling(expressions, access.slice(outputs));
  const accumulators = Array.from(
    { length: unroll },
    () => expressions.map((expression, j) => new Accumulator(code, reductions[j], expression.dtype)),
  );
  const reset = (groups: number): void => {
    for (let u = 0; u < groups; u++) for (const accumulator of accumulators[u]) accumulator.reset();
  };

  const reduceAlongRows = (): void => {
    const rowCount = f.local("i32");
    emitWalk(
      f,
      layout,
      parameters,
      walk,
      count,
      () => f.i32(0),
      () => {
        reset(unroll);
        copy(walk, cursor, sources);
        emitNest(f, layout, parameters.block, sources, cursor, () => {
          copy(cursor, pointers, sources);
          pushParameter(f, parameters.block, layout.innerSize).set(rowCount);
          emitter.enterRow();
          for (const groups of unroll > 1 ? [unroll, 1] : [1]) {
            emitSteps(f, rowCount, 4 * groups, () => {
              for (let u = 0; u < groups; u++) {
                emitter.group(u, (values) => values.forEach((value, j) => accumulators[u][j].accept(value)));
              }
              frame.advance(4 * groups);
            });
          }
          f.get(rowCount).if(() => {
            emitter.enterTail(rowCount);
            code.scoped(() => {
              const present = code.keep(
                code.op("i32x4.lt_s", code.i32(0, 1, 2, 3), () => f.get(rowCount).op("i32x4.splat")),
              );
              emitter.group(
                "tail",
                (values) => values.forEach((value, j) => accumulators[0][j].accept(value, present)),
              );
            });
          });
        });
        for (let width = unroll >> 1; width >= 1; width >>= 1) {
          for (let u = 0; u < width; u++) accumulators[u].forEach((own, j) => own.merge(accumulators[u + width][j]));
        }
        accumulators[0].forEach((accumulator, j) =>
          code.scoped(() => {
            const [result] = accumulator.total(outputTypes[j]);
            f.get(walk[j]);
            if (outputTypes[j] === "bool") code.op("v128.and", result, code.i32(1))();
            else result();
            f.memLane(
              outputTypes[j] === "float64"
                ? "v128.store64_lane"
                : outputTypes[j] === "bool"
                ? "v128.store8_lane"
                : "v128.store32_lane",
              0,
            );
          })
        );
      },
      true,
    );
  };

  const reduceAcrossRows = (): void => {
    const groups = (which: readonly Group[]): void => {
      reset(which.length);
      copy(walk, cursor, sources);
      emitNest(f, layout, parameters.block, sources, cursor, () => {
        copy(cursor, pointers, sources);
        emitter.enterRow();
        which.forEach((group, u) =>
          emitter.group(group, (values) => values.forEach((value, j) => accumulators[u][j].accept(value)))
        );
      });
      copy(walk, pointers, operands.slice(0, outputs));
      which.forEach((group, u) =>
        accumulators[u].forEach((accumulator, j) =>
          code.scoped(() => {
            const lanes = accumulator.lanes(outputTypes[j]).map((half) => code.keep(half));
            emitter.storeGroup(frame.operand(j), outputTypes[j], lanes, group);
          })
        )
      );
    };
    emitWalk(f, layout, parameters, walk, count, frame.pushInnerDistance, () => {
      for (const width of unroll > 1 ? [unroll, 1] : [1]) {
        emitSteps(f, count, 4 * width, () => {
          groups(Array.from({ length: width }, (_, u) => u));
          frame.advance(4 * width, walk);
        });
      }
      f.get(count).if(() => {
        emitter.enterTail(count);
        groups(["tail"]);
      });
    });
  };

  if (innerLoop === "reduced") reduceAlongRows();
  else reduceAcrossRows();
  return frame.toBytes();
}
