/**
 * escnn for TypeScript: equivariant deep learning for every isometry of the plane and of space.
 *
 * @module
 */
export * from "./src/tensor/mod.ts";
export * from "./src/group/mod.ts";
export type { GSpace } from "./src/gspaces/mod.ts";
export * as gspaces from "./src/gspaces/mod.ts";
export { EmptyBasisError, KernelError, type WeightLayout } from "./src/kernels/mod.ts";
export * from "./src/nn/mod.ts";
export * as plain from "./src/nn/plain/mod.ts";
export * from "./src/optim/mod.ts";
export * from "./src/data/mod.ts";
export * from "./src/io/mod.ts";
export { runtime } from "./src/runtime/mod.ts";
