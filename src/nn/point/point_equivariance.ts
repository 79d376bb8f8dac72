/**
 * The check of equivariance for modules on point clouds, which take a graph beside their input: positions, features and, where
 * the output has positions of its own, those move together with each element of the group.
 */

import type { Backend } from "../../tensor/backend.ts";
import { ShapeError } from "../../tensor/errors.ts";
import { formatShape } from "../../tensor/layout.ts";
import {
  concatenate,
  currentBackend,
  getRandomState,
  randn,
  setRandomState,
  type Tensor,
  zeros,
} from "../../tensor/mod.ts";
import { checkMap, type EquivarianceOptions, type EquivarianceReport } from "../check_equivariance.ts";
import type { FieldType } from "../field_type.ts";
import { GeometricTensor } from "../geometric_tensor.ts";
import type { Module } from "../plain/module.ts";
import { PointGraph } from "../plain/point_graph.ts";

/** Options of {@linkcode PointConv.checkEquivariance}. */
export interface PointEquivarianceOptions
  extends Omit<EquivarianceOptions, "size" | "batch" | "interpolatedTolerance"> {
  /** Features at positions. Default: normal features at normal positions as far apart as the rings of the kernel reach. */
  readonly input?: GeometricTensor;
  /** `[2, edges]` int32 or a graph. Default: from every point to every point. */
  readonly edges?: Tensor | PointGraph;
  /** Positions `[points, dimension]` of the output. Default: those of the input. */
  readonly targets?: Tensor;
  /** Number of random points. Default 30. */
  readonly points?: number;
}

/** A module on point clouds: what the check asks of it. */
export interface PointMap {
  /** The type of inputs. */
  readonly inType: FieldType;
  /** The map. */
  forward(input: GeometricTensor, edges: Tensor | PointGraph, options: { readonly targets?: Tensor }): GeometricTensor;
}

/** Checks a module whose kernels reach as far as `reach`, see {@linkcode PointConv.checkEquivariance}. */
export async function checkPointEquivariance(
  module: Module & PointMap,
  reach: number,
  options: PointEquivarianceOptions,
): Promise<EquivarianceReport> {
  const { points = 30, dtype = "float64", targets, backend = currentBackend() } = options;
  const name = module.constructor.name, state = getRandomState();
  const owned: Tensor[] = [];
  const own = (tensor: Tensor): Tensor => {
    owned.push(tensor);
    return tensor;
  };
  try {
    const cloud = options.input ?? randomCloud(module.inType, points, reach, dtype, backend, own);
    const { coords, tensor } = cloud;
    if (coords === undefined) {
      throw new ShapeError({
        op: `checkEquivariance of ${name}`,
        expected: "an input at points, a GeometricTensor with coords",
        actual: String(cloud),
      });
    }
    const count = tensor.shape[0], dimension = coords.shape[1];
    if (targets !== undefined && (targets.rank !== 2 || targets.shape[1] !== dimension)) {
      throw new ShapeError({
        op: `checkEquivariance of ${name}`,
        expected: `targets [points, ${dimension}]`,
        actual: formatShape(targets.shape),
      });
    }
    const edges = options.edges ?? completeGraph(count, targets?.shape[0] ?? count);
    if (targets === undefined) {
      const forward = (x: GeometricTensor): GeometricTensor => module.forward(x, edges, {});
      return await checkMap(name, { inType: module.inType, forward }, module, { ...options, input: cloud });
    }
    // The positions of the output are further points of the cloud without features, so that the group moves them too.
    const blank = own(zeros([targets.shape[0], tensor.shape[1]], { dtype: tensor.dtype, backend: tensor.backend }));
    const joint = new GeometricTensor(
      own(concatenate([tensor, blank], 0)),
      cloud.type,
      own(concatenate([coords, targets], 0)),
    );
    const forward = (x: GeometricTensor): GeometricTensor => {
      const place = x.coords!, end = place.shape[0];
      const source = new GeometricTensor(x.tensor.slice(0, 0, count), x.type, place.slice(0, 0, count));
      return module.forward(source, edges, { targets: place.slice(0, count, end) });
    };
    return await checkMap(name, { inType: module.inType, forward }, module, { ...options, input: joint });
  } finally {
    for (const tensor of owned) tensor.dispose();
    setRandomState(state);
  }
}

function randomCloud(
  type: FieldType,
  points: number,
  reach: number,
  dtype: "float32" | "float64",
  backend: Backend,
  own: (tensor: Tensor) => Tensor,
): GeometricTensor {
  const features = own(randn([points, type.size], { dtype, backend }));
  const directions = own(randn([points, type.gspace.dimensionality], { dtype, backend }));
  return new GeometricTensor(features, type, own(directions.mul(reach)));
}

function completeGraph(sources: number, targets: number): PointGraph {
  const edges = new Int32Array(2 * sources * targets);
  for (let e = 0; e < sources * targets; e++) {
    edges[e] = e % sources;
    edges[sources * targets + e] = Math.floor(e / sources);
  }
  return new PointGraph(edges, sources, targets);
}
