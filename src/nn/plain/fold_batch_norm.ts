/**
 * Folds batch normalizations into the convolutions and linear maps before them, as eval mode computes them: then both are affine maps of
 * the channels, y = A (W x + b) + t, and one layer with the weights A W and the bias A b + t does the work of two.
 */

import { eye, noGrad, scope, type Tensor, zeros } from "../../tensor/mod.ts";
import type { FloatDType } from "../../tensor/dtype.ts";
import { BatchNorm } from "./batch_norm.ts";
import {
  Conv1d,
  Conv2d,
  Conv3d,
  ConvolutionBase,
  type ConvolutionLayerOptions,
  ConvolutionTransposed,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
} from "./convolution.ts";
import { IIDBatchNorm } from "./field_norm.ts";
import { GNormBatchNorm } from "./gnorm_batch_norm.ts";
import type { Layer } from "./layer.ts";
import { Linear } from "./linear.ts";
import { Module } from "./module.ts";
import { InducedNormBatchNorm, NormBatchNorm } from "./norm_batch_norm.ts";
import { assign } from "./persistent.ts";
import { Identity, Sequential } from "./structure.ts";

/** Options of {@linkcode foldBatchNorm}. */
export interface FoldOptions {
  /** Called for each batch normalization that stays, with its dotted name and why. Default: nothing is said. */
  readonly onKept?: (name: string, reason: string) => void;
}

type Normalization = BatchNorm | IIDBatchNorm | GNormBatchNorm | NormBatchNorm | InducedNormBatchNorm;
type LinearMap = ConvolutionBase | Linear;

function isNormalization(layer: Module): layer is Normalization & Module {
  return layer instanceof BatchNorm || layer instanceof IIDBatchNorm || layer instanceof GNormBatchNorm ||
    layer instanceof NormBatchNorm || layer instanceof InducedNormBatchNorm;
}

/** A layer of the new sequence, or a sequence in it. */
interface Entry {
  readonly name: string;
  content: Layer | readonly Entry[];
}

/**
 * The sequence with its batch normalizations folded into the convolution or linear map right before each, in sequences inside it and
 * across their bounds too. In eval mode the result is the same; normalizations that are folded are no longer there, so train mode has
 * nothing to normalize. Layers that stay are the same objects under the same names, and those that something is folded into are new.
 * What does not follow such a layer, or is not in a sequence, or has no running statistics, stays.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { plain, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const network = new plain.Sequential(new plain.Conv2d(3, 8, 3, { bias: false }), new plain.BatchNorm2d(8), new plain.ReLU());
 * const folded = plain.foldBatchNorm(network.eval());
 * assertEquals(folded.namedParameters().map(([name, { shape }]) => [name, shape]), [["0.weight", [8, 3, 3, 3]], ["0.bias", [8]]]);
 * ```
 */
export function foldBatchNorm(sequence: Sequential, options: FoldOptions = {}): Sequential {
  const { onKept = () => {} } = options;
  let before: Entry | undefined;
  const entriesOf = (current: Sequential, prefix: string): Entry[] =>
    [...current.children()].flatMap(([name, child]): Entry[] => {
      const path = `${prefix}${name}`, layer = child as Layer;
      if (layer instanceof Sequential) return [{ name, content: entriesOf(layer, `${path}.`) }];
      if (isNormalization(layer)) {
        const made = joined(before?.content, layer);
        if (typeof made !== "string") {
          before!.content = made;
          return [];
        }
        onKept(path, made);
      }
      for (const [inner, part] of layer.namedModules()) {
        if (part !== layer && isNormalization(part)) {
          onKept(`${path}.${inner}`, `it is inside ${layer.constructor.name}`);
        }
      }
      const entry: Entry = { name, content: layer };
      if (!(layer instanceof Identity)) before = entry;
      return [entry];
    });
  return sequenceOf(entriesOf(sequence, "")).train(sequence.training);
}

function sequenceOf(entries: readonly Entry[]): Sequential {
  return new Sequential(
    Object.fromEntries(
      entries.map(({ name, content }) => [name, content instanceof Module ? content : sequenceOf(content)]),
    ),
  );
}

/** One layer for a linear map and the normalization behind it, or why there is none. */
function joined(before: Entry["content"] | undefined, norm: Normalization): LinearMap | string {
  if (!(before instanceof ConvolutionBase || before instanceof Linear)) {
    return "no convolution or linear map comes right before it";
  }
  if (!norm.settings.trackRunningStats) return "it has no running statistics";
  const make = makerOf(before);
  if (make === undefined) return `${before.constructor.name} is a class of its own`;
  return noGrad(() => {
    using _ = scope();
    const { matrix, shift, diagonal } = affineOf(before, norm);
    const groups = before instanceof Linear ? 1 : before.groups, count = shift.size / groups;
    const blocks = diagonal === undefined ? blocksOf(matrix, groups, count) : undefined;
    if (diagonal === undefined && blocks === undefined) {
      return "it mixes channels of different groups of the convolution";
    }
    const apply = (rows: Tensor): Tensor =>
      diagonal === undefined ? blocks!.matmul(rows) : rows.mul(diagonal.reshape([groups, count, 1]));
    const { weight, bias } = before, shape = weight.shape;
    // The axes of the output's channels before the others: those of a transposed convolution stand behind the input's.
    const turned = before instanceof ConvolutionTransposed;
    const double = weight.detach().cast("float64");
    const rows = turned
      ? double.reshape([groups, shape[0] / groups, count, -1]).permute([0, 2, 1, 3])
      : double.reshape([groups, count, 1, -1]);
    const [, , inputs, rest] = rows.shape;
    const product = apply(rows.reshape([groups, count, inputs * rest])).reshape([groups, count, inputs, rest]);
    const weights = (turned ? product.permute([0, 2, 1, 3]) : product).reshape(shape);
    const constant = bias === undefined
      ? shift
      : apply(bias.detach().cast("float64").reshape([groups, count, 1])).reshape([-1]).add(shift);
    const layer = make();
    assign([[layer.weight, weights], [layer.bias!, constant]]);
    return layer.train(before.training);
  });
}

/** A normalization in eval mode as y = matrix · x + shift, in float64; the diagonal where the matrix has no other numbers. */
function affineOf(
  before: LinearMap,
  norm: Normalization,
): { readonly matrix: Tensor; readonly shift: Tensor; readonly diagonal: Tensor | undefined } {
  const channels = before instanceof Linear ? before.outFeatures : before.outChannels;
  const axes = before instanceof Linear ? [] : before.kernelSize.map(() => 1);
  const options = { dtype: "float64", backend: before.weight.backend } as const;
  const mode = norm.training;
  try {
    norm.eval();
    const run = (x: Tensor): Tensor => norm.forward(x.reshape([-1, channels, ...axes])).reshape([-1, channels]);
    const shift = run(zeros([1, channels], options)).reshape([channels]);
    // What is made of each channel alone.
    const rows = run(eye(channels, channels, options)).sub(shift);
    const numbers = rows.dataSync();
    const isDiagonal = numbers.every((value, i) => value === 0 || i % (channels + 1) === 0);
    const diagonal = isDiagonal ? rows.mul(eye(channels, channels, options)).sum([0]) : undefined;
    return { matrix: rows.transpose(0, 1), shift, diagonal };
  } finally {
    norm.train(mode);
  }
}

/** The blocks of a block-diagonal matrix, `[groups, count, count]`; nothing where there is more outside of them than rounding makes. */
function blocksOf(matrix: Tensor, groups: number, count: number): Tensor | undefined {
  const parts = matrix.reshape([groups, count, groups, count]).permute([0, 2, 1, 3]);
  const own = eye(groups, groups, { dtype: matrix.dtype, backend: matrix.backend }).reshape([groups, groups, 1, 1]);
  const outside = parts.mul(own.neg().add(1)).abs().max().itemSync();
  return outside > 0 ? undefined : parts.mul(own).sum([1]);
}

/** A function that makes a layer like this with a bias; nothing for classes that are not the library's own. */
function makerOf(layer: LinearMap): (() => LinearMap) | undefined {
  const dtype = layer.weight.dtype as FloatDType;
  if (layer instanceof Linear) {
    if (layer.constructor !== Linear) return undefined;
    return () => new Linear(layer.inFeatures, layer.outFeatures, { initialize: false, dtype });
  }
  const { inChannels, outChannels, kernelSize, stride, padding, dilation, groups, paddingMode } = layer;
  const options: ConvolutionLayerOptions = { stride, padding, dilation, groups, paddingMode, initialize: false, dtype };
  for (const Class of [Conv1d, Conv2d, Conv3d]) {
    if (layer.constructor === Class) return () => new Class(inChannels, outChannels, kernelSize, options);
  }
  for (const Class of [ConvTranspose1d, ConvTranspose2d, ConvTranspose3d]) {
    if (!(layer instanceof Class) || layer.constructor !== Class) continue;
    const { outputPadding } = layer;
    return () =>
      new Class(inChannels, outChannels, kernelSize, {
        stride,
        padding,
        dilation,
        groups,
        outputPadding,
        initialize: false,
        dtype,
      });
  }
  return undefined;
}
