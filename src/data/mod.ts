/**
 * Datasets, batches and augmentation.
 */

export { DataError, LoaderError } from "./errors.ts";
export { type IdxArray, parseIdx, readIdx } from "./idx.ts";
export { type ImageDataset, loadIdxImages, type Split } from "./dataset.ts";
export { rotateImage } from "./rotation.ts";
export { type Batch, BatchLoader, type BatchOptions, epochOrder } from "./loader.ts";
export {
  type BatchSource,
  type BatchSourceFactory,
  type EpochLoader,
  loadInWorker,
  type ModuleLoaderOptions,
} from "./module_loader.ts";
