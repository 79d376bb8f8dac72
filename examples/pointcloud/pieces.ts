/**
 * The eight pieces of four cubes (Thomas et al., Tensor Field Networks, 2018), among them two that are mirror images of each other, as
 * point clouds: turned at random, moved and shaken.
 */

import { type plain, radiusGraph, so3Group, type Tensor, tensor } from "@escnn/escnn";

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

/** More than the distance of any two cubes of a piece. */
const REACH = 4;

/** Pieces as one cloud, whose parts are not connected. */
export interface Clouds {
  /** `[pieces · 4, 3]`. */
  readonly positions: Tensor;
  /** Each point hears of all points of its piece, itself included. */
  readonly graph: plain.PointGraph;
  /** The piece of each point. */
  readonly batch: Int32Array;
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
export async function placePieces(
  copies: number,
  { turn, noise }: Placement,
  uniform: () => number,
): Promise<Clouds> {
  const group = so3Group(), standard = group.standardRepresentation;
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const coordinates: number[] = [], pieces: number[] = [], labels: number[] = [];
  for (let copy = 0; copy < copies; copy++) {
    PIECES.forEach((cubes, label) => {
      const quaternion = [normal(), normal(), normal(), normal()];
      const length = Math.sqrt(quaternion.reduce((sum, q) => sum + q * q, 0));
      const rotation = standard.matrix(turn ? group.element(quaternion.map((q) => q / length)) : group.identity);
      const shift = [normal(), normal(), normal()].map((v) => 3 * v);
      for (const cube of cubes) {
        for (let i = 0; i < 3; i++) {
          const turned = cube.reduce((sum, c, j) => sum + rotation[3 * i + j] * c, 0);
          coordinates.push(turned + shift[i] + noise * normal());
        }
        pieces.push(labels.length);
      }
      labels.push(label);
    });
  }
  const positions = tensor(Float32Array.from(coordinates), [pieces.length, 3]), batch = Int32Array.from(pieces);
  return {
    positions,
    graph: await radiusGraph(positions, REACH, { batch, loop: true }),
    batch,
    labels: tensor(Int32Array.from(labels), [labels.length]),
  };
}
