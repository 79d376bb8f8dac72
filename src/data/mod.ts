/**
 * Datasets, batches and augmentation.
 */

export { DataError, LoaderError } from "./errors.ts";
export { type IdxArray, parseIdx, readIdx } from "./idx.ts";
export {
  type ArrayDataset,
  type ImageDataset,
  type LabelArray,
  loadIdxImages,
  type PixelArray,
  type Split,
} from "./dataset.ts";
export { rotateImage, rotateLabels } from "./rotation.ts";
export {
  type Batch,
  type BatchLabels,
  BatchLoader,
  type BatchLoaderConstructor,
  type BatchOptions,
  type BatchShape,
  epochOrder,
  type ImageShape,
  type VolumeShape,
} from "./loader.ts";
export {
  type BatchSource,
  type BatchSourceFactory,
  type EpochLoader,
  loadInWorker,
  type ModuleLoaderOptions,
} from "./module_loader.ts";
