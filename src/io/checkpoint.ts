/**
 * Checkpoints of a training run: a module, its optimizer and a few values in one safetensors file, written so that an interruption
 * leaves either the old or the new one. Names are prefixed `model.` and `optimizer.`; values and versions are in the metadata.
 */

import { Module } from "../nn/plain/module.ts";
import { STATE_CONVENTION } from "../nn/plain/state_dict.ts";
import { runtime } from "../runtime/mod.ts";
import { ArgumentError } from "../tensor/errors.ts";
import { scope, type Tensor, tensor } from "../tensor/mod.ts";
import { TensorFileError } from "./errors.ts";
import { decodeSafetensors, encodeSafetensors, type StoredTensor, type TensorFile } from "./safetensors.ts";

/** What a checkpoint needs of an optimizer; those of `optim` have it. */
export interface StatefulOptimizer {
  /** State tensors and numbers. */
  stateDict(): {
    readonly tensors: { readonly [name: string]: Tensor };
    readonly values: { readonly [name: string]: number };
  };
  /** Throws unless `loadStateDict` could take it over. */
  checkStateDict(state: ReturnType<StatefulOptimizer["stateDict"]>): void;
  /** Takes it over. */
  loadStateDict(state: ReturnType<StatefulOptimizer["stateDict"]>): void;
}

/** A value that JSON can hold. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** What a checkpoint is made of. */
export interface CheckpointParts {
  /** The module whose parameters and buffers are saved. */
  readonly model: Module;
  /** The optimizer whose state is saved. */
  readonly optimizer?: StatefulOptimizer;
}

const FORMAT = "escnn-checkpoint-1";

/**
 * The bytes of a checkpoint's file, for places that are no files: a download, a database, a server. {@linkcode loadCheckpoint} takes them.
 */
export async function encodeCheckpoint(
  parts: CheckpointParts,
  values: CheckpointValues = {},
): Promise<Uint8Array<ArrayBuffer>> {
  if (parts.model?.stateDict === undefined) {
    throw new ArgumentError({
      op: "encodeCheckpoint",
      expected: "the parts of a checkpoint, { model } or { model, optimizer }",
      actual: parts instanceof Module ? "a module by itself" : "no model",
    });
  }
  const model = parts.model.stateDict();
  const optimizer = parts.optimizer?.stateDict();
  const named: [string, Tensor][] = [
    ...[...model.tensors].map(([name, value]): [string, Tensor] => [`model.${name}`, value]),
    ...Object.entries(optimizer?.tensors ?? {}).map(([name, value]): [string, Tensor] => [`optimizer.${name}`, value]),
  ];
  const stored = await Promise.all(named.map(async ([name, value]): Promise<[string, StoredTensor]> => [
    name,
    { dtype: value.dtype, shape: value.shape, data: await value.data() },
  ]));
  const metadata: { [name: string]: string } = {
    format: FORMAT,
    convention: String(model.convention),
    values: JSON.stringify(values),
  };
  if (optimizer !== undefined) metadata.optimizer = JSON.stringify(optimizer.values);
  return encodeSafetensors({ tensors: Object.fromEntries(stored), metadata });
}

/**
 * Writes a checkpoint. `values` (epoch, losses so far, …) come back from {@linkcode loadCheckpoint}.
 * A file that was there before is replaced as a whole, or stays whole when writing fails.
 */
export async function saveCheckpoint(
  path: string,
  parts: CheckpointParts,
  values: CheckpointValues = {},
): Promise<void> {
  await runtime.writeFile(path, await encodeCheckpoint(parts, values));
}

/** The values that {@linkcode saveCheckpoint} was given. */
export type CheckpointValues = { readonly [key: string]: JsonValue };

/** Where a checkpoint goes, and whether it is wanted. */
export interface LoadCheckpointParts extends CheckpointParts {
  /** Looks at the values before anything is loaded; `false` leaves all as it is. Default: every checkpoint is wanted. */
  readonly accept?: (values: CheckpointValues) => boolean;
}

/**
 * Loads a checkpoint into a module, and an optimizer if one is given, of the same construction as those that were saved; returns the
 * values, or `undefined` where `accept` refused them. `source` is a path (in a browser an address) or the bytes of a file.
 *
 * Throws `TensorFileError` where the file is damaged or no checkpoint, `StateDictError` or `OptimizerStateError` where module or optimizer do
 * not fit. Then nothing has changed.
 */
export async function loadCheckpoint(
  source: string | Uint8Array,
  parts: LoadCheckpointParts,
): Promise<CheckpointValues | undefined> {
  const path = typeof source === "string" ? source : "of bytes";
  const file = decodeSafetensors(typeof source === "string" ? await runtime.readFile(source) : source, path);
  if (file.metadata.format !== FORMAT) {
    throw new TensorFileError({
      op: `loadCheckpoint ${path}`,
      expected: `a file of format ${FORMAT}`,
      actual: file.metadata.format ?? "a safetensors file without format",
      hint: "Use decodeSafetensors for files of other origin",
    });
  }
  const values: CheckpointValues = JSON.parse(file.metadata.values ?? "{}");
  if (parts.accept !== undefined && !parts.accept(values)) return undefined;
  // The scope frees the file's tensors, also where one of the two refuses them.
  scope(() => {
    const model = {
      convention: Number(file.metadata.convention ?? STATE_CONVENTION),
      tensors: new Map(Object.entries(restore(file, "model."))),
    };
    if (parts.optimizer === undefined) {
      parts.model.loadStateDict(model);
      return;
    }
    const state = { tensors: restore(file, "optimizer."), values: JSON.parse(file.metadata.optimizer ?? "{}") };
    parts.optimizer.checkStateDict(state);
    parts.model.loadStateDict(model);
    parts.optimizer.loadStateDict(state);
  });
  return values;
}

/** The file's tensors whose names begin with `prefix`, on the current backend, without the prefix. */
function restore(file: TensorFile, prefix: string): { [name: string]: Tensor } {
  const entries = Object.entries(file.tensors).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, stored]) => [
    name.slice(prefix.length),
    tensor(stored.data, stored.shape, { dtype: stored.dtype }),
  ]));
}
