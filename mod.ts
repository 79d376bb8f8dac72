/**
 * escnn for TypeScript: equivariant deep learning for every isometry of the plane and of space.
 *
 * @module
 */
export * from "./src/tensor/mod.ts";
