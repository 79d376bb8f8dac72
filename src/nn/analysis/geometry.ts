/**
 * How layers sample their grids, and whether they sample them symmetrically. A reflection or a quarter turn of the input is one of the
 * output only where the windows lie symmetrically about the centre; a stride that does not divide evenly loses this silently.
 */

import type { GSpace } from "../../gspaces/gspace.ts";
import { convolutionGeometry, perAxis } from "../../tensor/conv_geometry.ts";
import { poolGeometry } from "../../tensor/pool_geometry.ts";
import { GridConv, GridConvTransposed } from "../conv/grid_conv.ts";
import { EquivariantModule } from "../equivariant_module.ts";
import { LayerModule } from "../layer_module.ts";
import { ConvolutionBase, ConvolutionTransposed } from "../plain/convolution.ts";
import type { Module } from "../plain/module.ts";
import { NormMaxPool } from "../plain/norm_pooling.ts";
import { WindowPool } from "../plain/pooling.ts";
import { Sequential } from "../plain/structure.ts";
import { Upsample } from "../plain/upsampling.ts";
import { AntialiasedAvgPoolModule, AntialiasedMaxPoolModule } from "../pooling/antialiased_pool.ts";
import { PointwiseAvgPoolModule, PointwiseMaxPoolModule } from "../pooling/pointwise_pool.ts";
import { UpsamplingModule } from "../structure/upsampling.ts";

/** The windows of a layer along one axis, for an input of one size. */
export interface AxisWindows {
  /** Size of the input. */
  readonly size: number;
  /** Size of the output. */
  readonly output: number;
  /** Twice the distance of the windows' centre from the grid's centre, in steps of the finer grid; 0 if symmetric. */
  readonly shift: number;
  /** The options along the axis, for comparing axes and for people. */
  readonly options: string;
}

/** How a layer samples a grid: for spatial sizes the windows along each axis. */
export type Sampling = (spatial: readonly number[]) => AxisWindows[];

function correlation(
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
  before: readonly number[],
  outputsOf: (spatial: readonly number[]) => readonly number[],
): Sampling {
  return (spatial) => {
    const outputs = outputsOf(spatial);
    return spatial.map((size, axis) => {
      const reach = dilation[axis] * (kernel[axis] - 1) + 1, output = outputs[axis];
      // The windows cover −before … −before + (output − 1) · stride + reach − 1, the grid 0 … size − 1.
      const shift = (output - 1) * stride[axis] + reach - 2 * before[axis] - size;
      const options = `kernel ${kernel[axis]}, stride ${stride[axis]}, padding ${before[axis]}` +
        (dilation[axis] === 1 ? "" : `, dilation ${dilation[axis]}`);
      return { size, output, shift, options };
    });
  };
}

function transposed(
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
  sides: readonly (readonly [number, number])[],
  extra: readonly number[],
): Sampling {
  return (spatial) =>
    spatial.map((size, axis) => {
      const [before, after] = sides[axis], span = (size - 1) * stride[axis] + dilation[axis] * (kernel[axis] - 1) + 1;
      const output = span - before - after + extra[axis];
      const options = `kernel ${kernel[axis]}, stride ${stride[axis]}, padding ${before}+${after}, ` +
        `outputPadding ${extra[axis]}`;
      return { size, output, shift: extra[axis] + before - after, options };
    });
}

function upsampled(layer: Upsample): Sampling {
  const { scaleFactor, mode, alignCorners } = layer.options;
  return (spatial) => {
    const outputs = layer.outputSize(spatial);
    return spatial.map((size, axis) => {
      const output = outputs[axis], whole = output % size === 0;
      // Corners that coincide and sizes that are asked for keep the centre; a factor rounds the size, nearest pixels lean to one side.
      const symmetric = mode === "nearest"
        ? whole
        : alignCorners || scaleFactor === undefined || output === size * scaleFactor;
      const options = scaleFactor === undefined ? `to size ${output}` : `by a factor of ${scaleFactor}`;
      return { size, output, shift: symmetric ? 0 : 1, options };
    });
  };
}

function poolSampling(kernelSize: WindowPool["kernelSize"], options: WindowPool["options"], axes: number): Sampling {
  const kernel = perAxis(kernelSize, axes, "kernelSize", 1, "analyze");
  const stride = perAxis(options.stride ?? kernel, axes, "stride", 1, "analyze");
  const padding = perAxis(options.padding ?? 0, axes, "padding", 0, "analyze");
  const dilation = perAxis(options.dilation ?? 1, axes, "dilation", 1, "analyze");
  const outputs = (spatial: readonly number[]) => poolGeometry([1, 1, ...spatial], kernelSize, options).outputSize;
  return correlation(kernel, stride, dilation, padding, outputs);
}

function plainSamplings(layer: Module, axes: number): Sampling[] {
  if (layer instanceof Sequential) return layer.layers.flatMap((part) => plainSamplings(part, axes));
  if (layer instanceof ConvolutionTransposed) {
    const { kernelSize, stride, dilation, padding, outputPadding } = layer;
    return [transposed(kernelSize, stride, dilation, padding, outputPadding)];
  }
  if (layer instanceof ConvolutionBase) {
    const { kernelSize, stride, dilation, padding } = layer;
    return [convolutionSampling(kernelSize, stride, dilation, padding)];
  }
  if (layer instanceof WindowPool || layer instanceof NormMaxPool) {
    return [poolSampling(layer.kernelSize, layer.options, axes)];
  }
  return layer instanceof Upsample ? [upsampled(layer)] : [];
}

function convolutionSampling(
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
  padding: readonly (readonly [number, number])[],
): Sampling {
  const outputs = (spatial: readonly number[]) =>
    convolutionGeometry([1, 1, ...spatial], [1, 1, ...kernel], { stride, dilation, padding }).outputSize;
  return correlation(kernel, stride, dilation, padding.map(([before]) => before), outputs);
}

/** How an equivariant module samples its grid, step by step; nothing for modules that act at each position. */
export function samplingsOf(module: Module): Sampling[] {
  if (!(module instanceof EquivariantModule)) return [];
  const axes = module.inType.gspace.dimensionality;
  if (module instanceof GridConv) {
    const { stride, dilation, padding } = module.settings;
    return [convolutionSampling(module.kernelSize, stride, stride.map(() => dilation), padding)];
  }
  if (module instanceof GridConvTransposed) {
    const { stride, dilation, padding } = module.settings;
    return [transposed(module.kernelSize, stride, stride.map(() => dilation), padding, module.outputPadding)];
  }
  if (module instanceof PointwiseMaxPoolModule || module instanceof PointwiseAvgPoolModule) {
    return [poolSampling(module.kernelSize, module.options, axes)];
  }
  if (module instanceof AntialiasedAvgPoolModule || module instanceof AntialiasedMaxPoolModule) {
    using layer = module.export();
    return plainSamplings(layer, axes);
  }
  const plain = module instanceof LayerModule || module instanceof UpsamplingModule ? module.layer : undefined;
  return plain === undefined ? [] : plainSamplings(plain, axes);
}

/** What the group does to the axes of a grid, in array order. */
export interface AxisSymmetry {
  /** Whether an element turns or reflects the axis. */
  readonly moved: readonly boolean[];
  /** Pairs of axes that an element turns into each other. */
  readonly exchanged: readonly (readonly [number, number])[];
}

/** What the group of a space does to the axes of its grids. */
export function axisSymmetry(gspace: GSpace): AxisSymmetry {
  const d = gspace.dimensionality;
  const moved = new Array<boolean>(d).fill(false), exchanged = new Map<string, readonly [number, number]>();
  for (const element of gspace.testingElements) {
    const matrix = gspace.baseSpaceAction(element);
    for (let i = 0; i < d; i++) {
      if (Math.abs(matrix[i * d + i] - 1) > 1e-9) moved[d - 1 - i] = true;
      for (let j = 0; j < i; j++) {
        const mixes = Math.abs(matrix[i * d + j]) > 1e-9 || Math.abs(matrix[j * d + i]) > 1e-9;
        if (mixes) exchanged.set(`${i},${j}`, [d - 1 - i, d - 1 - j]);
      }
    }
  }
  return { moved, exchanged: [...exchanged.values()] };
}

const AXIS_NAMES: readonly (readonly string[])[] = [
  [],
  ["horizontal"],
  ["vertical", "horizontal"],
  ["depth", "vertical", "horizontal"],
];

/** Where a layer breaks the symmetries of its grid for inputs of these sizes, as text for each place. */
export function brokenSymmetries(module: EquivariantModule, spatial: readonly number[]): string[] {
  const { moved, exchanged } = axisSymmetry(module.inType.gspace), names = AXIS_NAMES[spatial.length];
  const found: string[] = [];
  let sizes: readonly number[] = spatial;
  for (const sampling of samplingsOf(module)) {
    const windows = sampling(sizes);
    windows.forEach(({ size, output, shift, options }, axis) => {
      if (!moved[axis] || shift === 0) return;
      found.push(
        `along the ${names[axis]} axis ${output} outputs lie off the centre of ${size} inputs (${options}): ` +
          `symmetries that reverse the axis hold approximately only`,
      );
    });
    for (const [a, b] of exchanged) {
      if (windows[a].options === windows[b].options) continue;
      found.push(
        `the ${names[a]} axis (${windows[a].options}) and the ${names[b]} axis (${
          windows[b].options
        }) differ, but the group ` +
          `turns them into each other`,
      );
    }
    sizes = windows.map(({ output }) => output);
  }
  return found;
}
