/**
 * What a compiled network does, for people: its steps with their operations, and its memory.
 */

import type { MapCall, SteerableConvolutionCall } from "../../tensor/backend.ts";
import { convolutionFlops } from "../../tensor/conv_geometry.ts";
import { topologicalOrder } from "../../tensor/expr.ts";
import { elementCount, formatShape, type Shape } from "../../tensor/layout.ts";
import { type SteerablePlan, steerableWork } from "../../tensor/steerable_plan.ts";
import type { ConvolutionPlan } from "../conv/convolution_plan.ts";
import { type Step, writesOf } from "./program.ts";

/** A call of the backend, or several for a step that runs piece by piece. */
export interface CompiledStep {
  /** The backend's method. */
  readonly operation: string;
  /** How a convolution is computed. */
  readonly plan: ConvolutionPlan | undefined;
  /** The dotted names of the modules whose work it does; `""` is the network itself. */
  readonly modules: readonly string[];
  /** The shape of its first result. */
  readonly outputShape: Shape;
  /** Floating-point operations, a multiplication and an addition counted as two. */
  readonly flops: number;
}

/** What {@linkcode CompiledNetwork.describe} tells. */
export class PlanDescription {
  /** The steps in order. */
  readonly steps: readonly CompiledStep[];
  /** The calls of a run: more than steps where large steps run piece by piece. */
  readonly calls: number;
  /** The calls that the network itself makes. */
  readonly recordedSteps: number;
  /** Bytes of the one buffer in which all results of a run lie, the output included. */
  readonly plannedBytes: number;
  /** What they would take without sharing. */
  readonly unsharedBytes: number;
  /** Bytes of weights, prepared, and other constants. */
  readonly constantBytes: number;
  /** The modules whose weights were multiplied by the scales of channels that follow them, as those of a batch normalization. */
  readonly folded: readonly string[];
  /** Floating-point operations of a run. */
  readonly flops: number;

  /** From its parts. */
  constructor(parts: Omit<PlanDescription, "flops">) {
    this.steps = parts.steps;
    this.calls = parts.calls;
    this.recordedSteps = parts.recordedSteps;
    this.plannedBytes = parts.plannedBytes;
    this.unsharedBytes = parts.unsharedBytes;
    this.constantBytes = parts.constantBytes;
    this.folded = parts.folded;
    this.flops = parts.steps.reduce((sum, { flops }) => sum + flops, 0);
  }

  /** A table of the steps, and the memory. */
  toString(): string {
    const rows = this.steps.map(({ operation, plan, modules, outputShape, flops }) => [
      plan === undefined ? operation : `${operation} (${plan})`,
      formatShape(outputShape),
      `${(flops / 1e6).toFixed(2)}`,
      modules.join(", "),
    ]);
    const table = [["operation", "output", "MFLOP", "modules"], ...rows];
    const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
    const lines = table.map((row) =>
      row.map((cell, column) => column === 2 ? cell.padStart(widths[2]) : cell.padEnd(widths[column])).join("  ")
        .trimEnd()
    );
    const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`;
    return [
      ...lines,
      `${this.steps.length} steps of ${this.recordedSteps} in ${this.calls} calls, ${
        (this.flops / 1e9).toFixed(3)
      } GFLOP`,
      `results ${megabytes(this.plannedBytes)} (${megabytes(this.unsharedBytes)} without sharing), ` +
      `constants ${megabytes(this.constantBytes)}`,
      ...(this.folded.length === 0 ? [] : [`scales of channels folded into the weights of ${this.folded.join(", ")}`]),
    ].join("\n");
  }
}

/** Whether a plan knows nothing of irreps: each channel by itself, all paths for one function each. */
export function isHarmonic({ inputs, outputs }: SteerablePlan): boolean {
  return inputs.length === 1 && outputs.length === 1 && inputs[0].size === 1 && outputs[0].size === 1 &&
    inputs[0].parts.every(({ paths, coefficients }) => paths * paths === coefficients.length);
}

function planOf({ op, call }: Step): ConvolutionPlan | undefined {
  switch (op) {
    case "convolution":
    case "convolutionInputGradient":
      return "dense";
    case "steerableConvolution":
    case "steerableConvolutionMap":
    case "steerableConvolutionInputGradient":
      return isHarmonic(call.plan) ? "harmonic" : "structured";
    default:
      return undefined;
  }
}

function elementwiseFlops({ shape, expressions }: Pick<MapCall, "shape" | "expressions">): number {
  const leaves = ["input", "constant", "scalar", "index"];
  return elementCount(shape) * topologicalOrder(expressions).filter(({ kind }) => !leaves.includes(kind)).length;
}

function planFlops({ plan, geometry }: Pick<SteerableConvolutionCall, "plan" | "geometry">): number {
  const { projection, contraction, product } = steerableWork(plan, geometry);
  return 2 * (projection + contraction + product);
}

function flopsOf({ op, call }: Step): number {
  switch (op) {
    case "copy":
    case "gather":
      return 0;
    case "map":
    case "mapReduce":
      return elementwiseFlops(call);
    case "matmul":
      return 2 * elementCount(call.output.shape) * call.a.shape[call.a.shape.length - 1];
    case "convolution":
    case "convolutionInputGradient":
    case "convolutionWeightGradient":
      return convolutionFlops(call.geometry);
    case "steerableConvolution":
    case "steerableConvolutionInputGradient":
    case "steerableConvolutionWeightGradient":
      return planFlops(call);
    case "steerableConvolutionMap":
      return planFlops(call) + elementwiseFlops(call);
    case "separableFilter":
    case "separableFilterAdjoint": {
      // One axis after the other, the last one first: each leaves fewer positions for the next.
      const { geometry: { batch, inChannels, inputSize, outputSize }, profiles } = call;
      return profiles.reduce((sum, { length }, axis) => {
        const positions = elementCount(inputSize.slice(0, axis)) * elementCount(outputSize.slice(axis));
        return sum + 2 * batch * inChannels * positions * length;
      }, 0);
    }
    case "maxPool":
    case "averagePool":
      return elementCount(call.output.shape) * elementCount(call.geometry.windowSize);
    case "averagePoolGradient":
      return elementCount(call.output.shape) * elementCount(call.geometry.windowSize);
    case "scatterAdd":
      return elementCount(call.source.shape);
  }
}

/** Describes a step. */
export function describeStep(step: Step): CompiledStep {
  return {
    operation: step.op,
    plan: planOf(step),
    modules: step.modules,
    outputShape: writesOf(step.op, step.call)[0]?.shape ?? [],
    flops: flopsOf(step),
  };
}
