/**
 * Datasets, batches and augmentation.
 */

export { DataError } from "./errors.ts";
export { type IdxArray, parseIdx, readIdx } from "./idx.ts";
export { type ImageDataset, loadIdxImages, type Split } from "./dataset.ts";
export { rotateImage } from "./rotation.ts";
export { type Batch, BatchLoader, type BatchOptions, epochOrder } from "./loader.ts";
