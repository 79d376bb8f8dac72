/**
 * Single layers that stand for a kind of work: the README's first convolution, regular fields of the cube's rotations, points in space, and
 * a conventional convolution.
 */

import {
  FieldType,
  GeometricTensor,
  gspaces,
  plain,
  R2Conv,
  R3Conv,
  R3PointConv,
  release,
  ReLU,
  SequentialModule,
  type Tensor,
  tensor,
} from "@escnn/escnn";
import { BodyAndHead, Network, PlainNetwork } from "./network.ts";

/** RGB → ten regular fields of C_8, 5 × 5, and a ReLU. */
export function readmeConv(): BodyAndHead {
  const space = gspaces.rot2dOnR2(8);
  const rgb = new FieldType(space, space.trivialRepr, 3), fields = new FieldType(space, space.regularRepr, 10);
  return new BodyAndHead(new SequentialModule(new R2Conv(rgb, fields, 5), new ReLU(fields)));
}

/** Two regular fields of the octahedral group → two, 5 × 5 × 5, of the size of the input. */
export function octa(): BodyAndHead {
  const space = gspaces.octaOnR3(), fields = new FieldType(space, space.regularRepr, 2);
  return new BodyAndHead(new R3Conv(fields, fields, 5, { padding: 2 }));
}

/** A conventional convolution 64 → 64, 5 × 5, of the size of the input. */
export function denseConv(): PlainNetwork {
  return new PlainNetwork(new plain.Conv2d(64, 64, 5, { padding: 2 }));
}

/** Points of the cloud. */
export const POINTS = 2000;
/** Neighbours of each point. */
export const NEIGHBOURS = 16;
/** Side of the cube that holds the points: with it a point's neighbours lie within about 1. */
const SIDE = 8;
/** Radius and number of the rings. */
const RINGS = { width: 1, ringCount: 3 } as const;

/** Coordinates `[points · 3]` in the cube, from a linear congruential generator that every language can repeat. */
export function cloud(): Float32Array {
  let state = 1;
  return Float32Array.from({ length: POINTS * 3 }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return SIDE * state / 2147483648;
  });
}

/** The edges `[2 · points · neighbours]` from each point's nearest others to it: all sources, then all targets. */
export function nearestEdges(positions: Float32Array): Int32Array {
  const edges = new Int32Array(2 * POINTS * NEIGHBOURS);
  const distances = new Float64Array(POINTS);
  for (let target = 0; target < POINTS; target++) {
    for (let source = 0; source < POINTS; source++) {
      let sum = 0;
      for (let axis = 0; axis < 3; axis++) {
        const difference = positions[3 * source + axis] - positions[3 * target + axis];
        sum += difference * difference;
      }
      distances[source] = source === target ? Infinity : sum;
    }
    const farthest = distances.toSorted()[NEIGHBOURS - 1];
    for (let source = 0, k = 0; k < NEIGHBOURS; source++) {
      if (distances[source] > farthest) continue;
      edges[target * NEIGHBOURS + k] = source;
      edges[(POINTS + target) * NEIGHBOURS + k++] = target;
    }
  }
  return edges;
}

/** The cloud as tensors that outlive scopes. */
interface Points {
  readonly positions: Tensor;
  readonly edges: Tensor;
}

function makePoints(): Points {
  const positions = cloud();
  return {
    positions: release(tensor(positions, [POINTS, 3])),
    edges: release(tensor(nearestEdges(positions), [2, POINTS * NEIGHBOURS])),
  };
}

/** A convolution on the points from 16 copies of the irreps 0, 1, 2 of SO(3) to the same: features `[points, 144]` → `[points, 144]`. */
export class PointNetwork extends Network {
  /** The convolution. */
  readonly convolution: R3PointConv;
  #points: Points | undefined;

  /** The network on the cloud of {@linkcode cloud}, whose edges are looked for when they are needed first. */
  constructor() {
    super();
    const space = gspaces.rot3dOnR3(), irreps = [0, 1, 2].map((l) => space.irrep(l));
    const type = new FieldType(space, Array.from({ length: 16 }, () => irreps).flat());
    this.convolution = this.addModule("convolution", new R3PointConv(type, type, RINGS));
  }

  get #cloud(): Points {
    return this.#points ??= makePoints();
  }

  override forward(input: Tensor): Tensor {
    const { positions, edges } = this.#cloud;
    return this.convolution.forward(new GeometricTensor(input, this.convolution.inType, positions), edges).tensor;
  }

  override export(): plain.Layer {
    return new OnPoints(this.convolution.export(), this.#cloud);
  }
}

/** A plain convolution on fixed points. */
class OnPoints extends plain.Layer {
  readonly #convolution: plain.PointConvolution;
  readonly #points: Points;

  constructor(convolution: plain.PointConvolution, points: Points) {
    super();
    this.#convolution = this.addModule("convolution", convolution);
    this.#points = points;
  }

  override forward(input: Tensor): Tensor {
    return this.#convolution.forward(input, this.#points.positions, this.#points.edges);
  }
}
