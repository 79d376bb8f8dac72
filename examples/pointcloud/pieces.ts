/**
 * The eight pieces of four cubes (Thomas et al., Tensor Field Networks, 2018), among them two that are mirror images of each other, as
 * point clouds: turned at random, moved and shaken.
 */

import { so3Group, type Tensor, tensor } from "@escnn/escnn";

/** The cubes of each piece. */
export const PIECES: readonly (readonly (readonly [number, number, number])[])[] = [
  [[0, 0, 0], [0, 0, 1], [1, 0, 0], [1, 1, 0]], // twisted to one side
  [[0, 0, 0], [0, 0, 1], [1, 0, 0], [1, -1, 0]], // its mirror image
  [[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]],
  [[0, 0, 0], [0, 0, 1], [0, 0, 2], [0, 0, 3]],
  [[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]],
  [[0, 0, 0], [0, 0, 1], [0, 0, 2], [0, 1, 0]],
  [[0, 0, 0], [0, 0, 1], [0, 0, 2], [0, 1, 1]],
  [[0, 0, 0], [1, 0, 0], [1, 1, 0], [2, 1, 0]],
];

/** Points of a piece. */
export const POINTS = 4;

/** Pieces as one cloud, whose parts are not connected. */
export interface Clouds {
  /** `[pieces · 4, 3]`. */
  readonly positions: Tensor;
  /** `[2, edges]`: each point hears of all points of its piece, itself included. */
  readonly edges: Tensor;
  /** The kind of each piece, int32. */
  readonly labels: Tensor;
}

/** Where a piece is put. */
export interface Placement {
  /** Turn each piece by a random rotation. */
  readonly turn: boolean;
  /** Standard deviation of each coordinate's noise. */
  readonly noise: number;
}

/** `copies` of each piece, moved by random shifts. `uniform` gives numbers from 0 to 1. */
export function placePieces(copies: number, { turn, noise }: Placement, uniform: () => number): Clouds {
  const group = so3Group(), standard = group.standardRepresentation;
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const positions: number[] = [], sources: number[] = [], targets: number[] = [], labels: number[] = [];
  for (let copy = 0; copy < copies; copy++) {
    PIECES.forEach((cubes, label) => {
      const quaternion = [normal(), normal(), normal(), normal()];
      const length = Math.sqrt(quaternion.reduce((sum, q) => sum + q * q, 0));
      const rotation = standard.matrix(turn ? group.element(quaternion.map((q) => q / length)) : group.identity);
      const shift = [normal(), normal(), normal()].map((v) => 3 * v), first = positions.length / 3;
      for (const cube of cubes) {
        for (let i = 0; i < 3; i++) {
          const turned = cube.reduce((sum, c, j) => sum + rotation[3 * i + j] * c, 0);
          positions.push(turned + shift[i] + noise * normal());
        }
      }
      for (let a = 0; a < POINTS; a++) {
        for (let b = 0; b < POINTS; b++) {
          sources.push(first + a);
          targets.push(first + b);
        }
      }
      labels.push(label);
    });
  }
  return {
    positions: tensor(Float32Array.from(positions), [positions.length / 3, 3]),
    edges: tensor(Int32Array.from([...sources, ...targets]), [2, sources.length]),
    labels: tensor(Int32Array.from(labels), [labels.length]),
  };
}
