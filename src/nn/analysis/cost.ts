/**
 * What a call of a layer costs: floating-point operations, a multiplication and an addition counted as two, as convolutions with dense
 * filters and matrix products need them.
 */

import type { Shape } from "../../tensor/layout.ts";
import { Tensor } from "../../tensor/mod.ts";
import { poolGeometry } from "../../tensor/pool_geometry.ts";
import { RdConv } from "../conv/rd_conv.ts";
import { GridConvTransposed } from "../conv/grid_conv.ts";
import { LayerModule } from "../layer_module.ts";
import { FourierModule } from "../nonlinearity/fourier.ts";
import { TensorProductModule } from "../nonlinearity/tensor_product.ts";
import { ConvolutionBase, ConvolutionTransposed } from "../plain/convolution.ts";
import { Linear } from "../plain/linear.ts";
import type { Module } from "../plain/module.ts";
import { NormMaxPool } from "../plain/norm_pooling.ts";
import { PointConvolution } from "../plain/point_convolution.ts";
import { PointGraph } from "../plain/point_graph.ts";
import { WindowPool } from "../plain/pooling.ts";
import { PointConv } from "../point/point_conv.ts";
import { AntialiasedAvgPoolModule, AntialiasedMaxPoolModule } from "../pooling/antialiased_pool.ts";
import { PointwiseAvgPoolModule, PointwiseMaxPoolModule } from "../pooling/pointwise_pool.ts";
import { Sequential } from "../plain/structure.ts";

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);
const elements = (shapes: readonly Shape[]): number => shapes.reduce((sum, shape) => sum + product(shape), 0);
/** Batch and positions, without channels. */
const places = (shape: Shape): number => product(shape) / (shape[1] || 1);

function taps(kernelSize: number | readonly number[], axes: number): number {
  return typeof kernelSize === "number" ? Math.pow(kernelSize, axes) : product(kernelSize);
}

/** Operations of one call; layers that are not known take one for each number of their output. */
export function flopsOf(
  module: Module,
  inputs: readonly Shape[],
  outputs: readonly Shape[],
  args: readonly unknown[],
): number {
  const [input = []] = inputs, [output = []] = outputs;
  if (module instanceof RdConv) {
    const fine = module instanceof GridConvTransposed ? input : output;
    const { groups } = module.settings;
    return 2 * places(fine) * module.outType.size * module.inType.size / groups * product(module.kernelSize);
  }
  if (module instanceof ConvolutionBase) {
    const fine = module instanceof ConvolutionTransposed ? input : output;
    return 2 * places(fine) * module.outChannels * module.inChannels / module.groups * product(module.kernelSize);
  }
  if (module instanceof PointConv || module instanceof PointConvolution) {
    return pointFlops(module, output, args);
  }
  if (module instanceof Linear) return 2 * output[0] * module.inFeatures * module.outFeatures;
  if (module instanceof TensorProductModule) {
    const fields = module.inType.length, { size } = module.inType;
    return places(output) * fields * (size / fields) ** 2 * (1 + 2 * module.outType.size / fields);
  }
  if (module instanceof FourierModule) {
    const { sampling, analysis } = module.matrices;
    const samples = places(output) * module.channels * sampling.rows;
    return samples * (2 * sampling.columns + 1 + 2 * analysis.rows);
  }
  if (module instanceof AntialiasedAvgPoolModule || module instanceof AntialiasedMaxPoolModule) {
    using layer = module.export();
    const parts = layer instanceof Sequential ? layer.layers : [layer];
    let shape = input;
    return parts.reduce((sum, part) => {
      const from = shape;
      shape = part instanceof WindowPool
        ? [...input.slice(0, 2), ...poolGeometry([1, 1, ...from.slice(2)], part.kernelSize, part.options).outputSize]
        : output;
      return sum + flopsOf(part, [from], [shape], []);
    }, 0);
  }
  if (module instanceof LayerModule) return flopsOf(module.layer, inputs, outputs, args);
  if (
    module instanceof WindowPool || module instanceof NormMaxPool || module instanceof PointwiseMaxPoolModule ||
    module instanceof PointwiseAvgPoolModule
  ) return elements(outputs) * taps(module.kernelSize, output.length - 2);
  return elements(outputs);
}

/** Functions times features for each edge, and the weights once for each point. */
function pointFlops(module: PointConv | PointConvolution, output: Shape, args: readonly unknown[]): number {
  const [channels, out] = module instanceof PointConv
    ? [module.inType.size, module.outType.size]
    : [module.inChannels, module.outChannels];
  const functions = module instanceof PointConv ? module.tables.functionCount : module.functions.count;
  const edges = args.reduce<number>((count, value) => {
    if (value instanceof PointGraph) return value.edgeCount;
    return value instanceof Tensor && value.dtype === "int32" ? value.shape[1] : count;
  }, 0);
  return 2 * functions * channels * (edges + output[0] * out / module.groups);
}
