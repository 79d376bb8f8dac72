/**
 * A check of networks before they run: shapes, parameters, operations, memory and plans layer by layer, and the places where strides, paddings
 * and sizes break the exact symmetry of the pixel grid, with the nearest input sizes that keep it.
 */

import type { Backend } from "../tensor/backend.ts";
import { ArgumentError, ShapeError } from "../tensor/errors.ts";
import { BYTES_PER_ELEMENT, type FloatDType } from "../tensor/dtype.ts";
import { formatShape, type Shape } from "../tensor/layout.ts";
import { currentBackend, type Tensor, zeros } from "../tensor/mod.ts";
import { flopsOf } from "./analysis/cost.ts";
import { axisSymmetry, brokenSymmetries, samplingsOf } from "./analysis/geometry.ts";
import { firstTensor, type LayerCall, type Trace, traceLayers } from "./analysis/trace.ts";
import type { ConvolutionPlan } from "./conv/convolution_plan.ts";
import { GridConv, GridConvTransposed } from "./conv/grid_conv.ts";
import { Linear } from "./conv/linear.ts";
import { EquivariantModule } from "./equivariant_module.ts";
import { FieldType } from "./field_type.ts";
import { GeometricTensor } from "./geometric_tensor.ts";
import { TensorProductModule } from "./nonlinearity/tensor_product.ts";
import type { Module } from "./plain/module.ts";
import { PointConv } from "./point/point_conv.ts";

/** A network that can be analyzed: a module with a `forward` from one input, equivariant, plain or your own. */
export interface AnalyzableModule extends Module {
  /** The network's result. */
  forward(...inputs: never[]): unknown;
}

/** Options of {@linkcode analyze}. */
export interface AnalyzeOptions {
  /** The type of the input where `forward` takes a geometric tensor. Default: the model's `inType`, if it has one. */
  readonly inType?: FieldType;
  /**
   * Runs the network in the place of `model.forward(input)`, on zeros of the whole `inputShape`: for point clouds with their edges, and
   * for networks of several inputs. It computes, and sizes are not searched.
   */
  readonly run?: (input: Tensor) => unknown;
}

/** A layer's call. */
export interface LayerAnalysis {
  /** Its dotted name in the network. */
  readonly name: string;
  /** Its class. */
  readonly layer: string;
  /** The shape of its first input. */
  readonly inputShape: Shape;
  /** The shape of its first output. */
  readonly outputShape: Shape;
  /** Trained numbers. */
  readonly parameters: number;
  /** Floating-point operations: two for a multiplication and an addition, with dense filters. */
  readonly flops: number;
  /** Bytes of its output. */
  readonly outputBytes: number;
  /**
   * How a steerable convolution, linear map or tensor product is computed for this shape on the model's backend: forward and both
   * gradients by the same plan, which is the fastest for all three. `undefined` for other layers.
   */
  readonly plan: ConvolutionPlan | undefined;
  /** Where it breaks the symmetry of the grid. */
  readonly warnings: readonly string[];
}

/** What {@linkcode analyze} found. */
export class ModelAnalysis {
  /** The layers in the order of their calls. */
  readonly layers: readonly LayerAnalysis[];
  /** Trained numbers of the whole network, each counted once. */
  readonly parameters: number;
  /** Operations of all layers. */
  readonly flops: number;
  /** Bytes of all outputs: what training holds at the least. */
  readonly activationBytes: number;
  /** Bytes of parameters and buffers. */
  readonly stateBytes: number;
  /** Warnings with the names of their layers. */
  readonly warnings: readonly string[];
  /** The nearest smaller and larger spatial sizes without warnings; empty if there are no warnings or no such sizes. */
  readonly symmetricSizes: readonly (readonly number[])[];

  /** Sums up layers. */
  constructor(layers: readonly LayerAnalysis[], model: Module, symmetricSizes: readonly (readonly number[])[]) {
    const sum = (of: (layer: LayerAnalysis) => number): number => layers.reduce((total, layer) => total + of(layer), 0);
    this.layers = layers;
    this.parameters = model.parameterCount();
    this.flops = sum(({ flops }) => flops);
    this.activationBytes = sum(({ outputBytes }) => outputBytes);
    this.stateBytes = [...model.parameters(), ...model.buffers()]
      .reduce((bytes, tensor) => bytes + tensor.size * BYTES_PER_ELEMENT[tensor.dtype], 0);
    this.warnings = layers.flatMap(({ name, layer, warnings }) =>
      warnings.map((text) => `${name} (${layer}): ${text}`)
    );
    this.symmetricSizes = symmetricSizes;
  }

  /** A table of the layers, the sums, and the warnings. */
  toString(): string {
    const rows = this.layers.map(({ name, layer, outputShape, parameters, flops, outputBytes, plan }) => [
      name,
      layer,
      formatShape(outputShape),
      plan ?? "",
      String(parameters),
      scaled(flops),
      `${scaled(outputBytes)}B`,
    ]);
    const total = [
      "",
      "total",
      "",
      "",
      String(this.parameters),
      scaled(this.flops),
      `${scaled(this.activationBytes)}B`,
    ];
    const table = [["name", "layer", "output", "plan", "parameters", "operations", "output memory"], ...rows, total];
    const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
    const lines = table.map((row) =>
      row.map((cell, column) => column < 4 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])).join("  ")
        .trimEnd()
    );
    const sizes = this.symmetricSizes.map((size) => size.join(" x ")).join(" or ");
    const hint = this.warnings.length === 0
      ? []
      : [sizes === "" ? "no size within 32 of this one is symmetric" : `symmetric input sizes nearby: ${sizes}`];
    return [...lines, ...this.warnings.map((text) => `warning: ${text}`), ...hint].join("\n");
  }
}

function scaled(value: number): string {
  const units = ["", "k", "M", "G", "T"];
  let unit = 0, rest = value;
  while (rest >= 1000 && unit < units.length - 1) [rest, unit] = [rest / 1000, unit + 1];
  return `${rest >= 100 || unit === 0 ? Math.round(rest) : rest.toPrecision(3)} ${units[unit]}`;
}

/** How far from the given sizes symmetric ones are looked for. */
const SEARCH_REACH = 32;

/**
 * Analyzes a network for inputs of a shape: for each layer its output's shape, parameters, operations and memory, the plan of a convolution, and whether it keeps
 * the symmetry of the pixel grid exactly. The network runs in eval mode on an empty batch, so that nothing is computed; its mode and state
 * are as before afterwards.
 *
 * @param model A module.
 * @param inputShape `[batch, channels, …spatial]`, or `[points, channels]` with `run`.
 * @returns The layers, their sums, warnings, and the nearest sizes without.
 * @throws What the network throws for inputs of this shape; ArgumentError when nothing says what its input is.
 *
 * @example
 * ```ts
 * import { assertEquals, assertStringIncludes } from "@std/assert";
 * import { analyze, FieldType, gspaces, R2Conv, ReLU, SequentialModule, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const space = gspaces.rot2dOnR2(4);
 * const grey = new FieldType(space, space.trivialRepr), fields = new FieldType(space, space.regularRepr, 2);
 * const model = new SequentialModule(new R2Conv(grey, fields, 3, { stride: 2, padding: 1 }), new ReLU(fields));
 * const analysis = analyze(model, [16, 1, 28, 28]);
 * assertEquals(analysis.layers.map(({ outputShape }) => outputShape), [[16, 8, 14, 14], [16, 8, 14, 14]]);
 * assertStringIncludes(analysis.warnings[0], "0 (R2Conv): along the vertical axis 14 outputs lie off the centre of 28 inputs");
 * assertEquals(analysis.symmetricSizes, [[27, 27], [29, 29]]);
 * assertEquals(analyze(model, [16, 1, 29, 29]).warnings, []);
 * ```
 */
export function analyze(model: AnalyzableModule, inputShape: Shape, options: AnalyzeOptions = {}): ModelAnalysis {
  const { run } = options;
  const trace = run === undefined
    ? traceOnEmpty(model, inputShape, options)
    : traceLayers(model, () => run(zeros(inputShape, tensorOptions(model))), isLayer);
  if (trace.error !== undefined) throw trace.error;
  const batch = run === undefined ? inputShape[0] : undefined;
  const layers = trace.calls.map((call) => describeCall(call, batch, tensorOptions(model).backend));
  const warned = layers.some(({ warnings }) => warnings.length > 0);
  const sizes = run === undefined && warned ? symmetricSizes(model, inputShape, options, trace) : [];
  return new ModelAnalysis(layers, model, sizes);
}

const isLayer = (module: Module): boolean => module instanceof PointConv;

function tensorOptions(model: Module): { readonly dtype: FloatDType; readonly backend: Tensor["backend"] } {
  const state = firstTensor(model);
  return { dtype: state?.dtype === "float64" ? "float64" : "float32", backend: state?.backend ?? currentBackend() };
}

function traceOnEmpty(model: AnalyzableModule, inputShape: Shape, { inType }: AnalyzeOptions): Trace {
  if (inputShape.length < 2 || inputShape.some((size) => !Number.isInteger(size) || size < 0)) {
    throw new ShapeError({
      op: "analyze",
      expected: "a shape [batch, channels, …spatial]",
      actual: formatShape(inputShape),
    });
  }
  const own: unknown = Reflect.get(model, "inType");
  const type = inType ?? (own instanceof FieldType ? own : undefined);
  if (model instanceof PointConv) {
    throw new ArgumentError({
      op: "analyze",
      expected: "the option run for networks on points",
      actual: "none",
      hint: "Pass run: (x) => model.forward(new GeometricTensor(x, type, positions), edges)",
    });
  }
  return traceLayers(model, () => {
    const input = zeros([0, ...inputShape.slice(1)], tensorOptions(model));
    const { forward } = model as unknown as { forward(input: unknown): unknown };
    return forward.call(model, type === undefined ? input : new GeometricTensor(input, type));
  }, isLayer);
}

function describeCall(
  { name, module, inputs, outputs, args }: LayerCall,
  batch: number | undefined,
  backend: Backend,
): LayerAnalysis {
  const whole = (shape: Shape): number[] => batch === undefined ? [...shape] : [batch, ...shape.slice(1)];
  const shapes = [inputs.map(whole), outputs.map(whole)], [[input = []], [output = []]] = shapes;
  const dtype = module.parameters()[0]?.dtype === "float64" ? "float64" : "float32";
  const numbers = shapes[1].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
  return {
    name,
    layer: module.constructor.name,
    inputShape: input,
    outputShape: output,
    parameters: module.parameterCount(),
    flops: flopsOf(module, shapes[0], shapes[1], args),
    outputBytes: numbers * BYTES_PER_ELEMENT[dtype],
    plan: module instanceof GridConv || module instanceof GridConvTransposed || module instanceof Linear ||
        module instanceof TensorProductModule
      ? module.planFor(input, backend)
      : undefined,
    warnings: module instanceof EquivariantModule ? brokenSymmetries(module, input.slice(2)) : [],
  };
}

/** The nearest sizes below and above at which all sampling layers of the network run without a warning. */
function symmetricSizes(
  model: AnalyzableModule,
  inputShape: Shape,
  options: AnalyzeOptions,
  trace: Trace,
): readonly (readonly number[])[] {
  const sampling = ({ calls }: Trace) => calls.filter(({ module }) => samplingsOf(module).length > 0);
  const wanted = sampling(trace).length;
  const first = trace.calls.find(({ module }) => module instanceof EquivariantModule)?.module as EquivariantModule;
  const { moved } = axisSymmetry(first.inType.gspace), spatial = inputShape.slice(2);
  const isSymmetric = (sizes: readonly number[]): boolean => {
    // A head that takes one size alone stops the run behind the layers that matter.
    const at = traceOnEmpty(model, [0, inputShape[1], ...sizes], options), calls = sampling(at);
    return calls.length === wanted &&
      calls.every(({ module, inputs: [shape] }) =>
        brokenSymmetries(module as EquivariantModule, shape.slice(2)).length === 0
      );
  };
  return [-1, 1].flatMap((direction) => {
    for (let step = 1; step <= SEARCH_REACH; step++) {
      const sizes = spatial.map((size, axis) => moved[axis] ? size + direction * step : size);
      if (sizes.some((size) => size < 1)) return [];
      if (isSymmetric(sizes)) return [sizes];
    }
    return [];
  });
}
