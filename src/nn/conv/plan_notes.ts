/**
 * Which plans convolutions ran by on each backend, for `backendInfo()`: the last few different ones.
 */

import type { Backend } from "../../tensor/backend.ts";
import type { ConvolutionGeometry } from "../../tensor/conv_geometry.ts";
import { addBackendNotes } from "../../tensor/registry.ts";
import type { PlanChoice } from "./convolution_plan.ts";

/** How many are kept. */
const LIMIT = 24;

/** For each backend the choices by layer and shape, the latest last. */
const notes = new WeakMap<Backend, Map<string, string>>();

/** Keeps in mind by which plan a layer of some form ran on an input of some shape. */
export function noteChoice(backend: Backend, layer: string, choice: string, fixed: boolean): void {
  let known = notes.get(backend);
  if (known === undefined) notes.set(backend, known = new Map<string, string>());
  known.delete(layer);
  known.set(layer, `${choice}${fixed ? " (fixed)" : ""}`);
  if (known.size > LIMIT) known.delete(known.keys().next().value!);
}

/** The same for a convolution. */
export function notePlan(
  backend: Backend,
  geometry: ConvolutionGeometry,
  transposed: boolean,
  { plan, form }: PlanChoice,
  fixed: boolean,
): void {
  const { inChannels, outChannels, inputSize, outputSize, kernelSize, stride, groups, batch } = geometry;
  // The geometry of a transposed convolution is that of its adjoint.
  const [from, to] = transposed ? [outChannels, inChannels] : [inChannels, outChannels];
  const size = (transposed ? outputSize : inputSize).join("×");
  const step = stride.every((value) => value === 1) ? "" : `, stride ${stride.join("×")}`;
  const key = `${transposed ? "transposed " : ""}${from}→${to} channels, k ${kernelSize.join("×")}${step}` +
    `${groups === 1 ? "" : `, ${groups} groups`}, ${size}, batch ${batch}`;
  noteChoice(backend, `convolution ${key}`, `${plan}${form === "adjoint" ? ", channels first" : ""}`, fixed);
}

addBackendNotes((backend) => [...notes.get(backend) ?? []].map(([layer, choice]) => `${layer}: ${choice}`));
