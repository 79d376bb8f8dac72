/**
 * The smallest convolution in space: a scalar field on 3 × 3 × 3 voxels, one steerable convolution to a regular field of the 24 rotations of
 * the cube, a ReLU. Turning the input permutes the 24 numbers: prints the greatest error over all rotations, and the change that a
 * reflection makes, which is no symmetry of this network. Last line of stdout: the same as JSON.
 */

import { FieldType, GeometricTensor, gspaces, R3Conv, randn, ReLU, SequentialModule } from "@escnn/escnn";
import { short, start, table } from "./support/command.ts";

const { batch } = await start({
  title: "Checks a convolution for the rotations of the cube under all of them.",
  numbers: { batch: { value: 4, help: "random inputs" } },
});

const space = gspaces.octaOnR3();
const density = new FieldType(space, space.trivialRepr), features = new FieldType(space, space.regularRepr);
const started = performance.now();
const model = new SequentialModule(new R3Conv(density, features, 3), new ReLU(features));
const seconds = (performance.now() - started) / 1000;

const input = new GeometricTensor(randn([batch, 1, 3, 3, 3]), density);
const output = model.forward(input);
const report = await model.checkEquivariance({ input });

// Reflected voxels give other numbers than any permutation of the 24.
const sorted = async (x: GeometricTensor): Promise<number[]> =>
  [...await model.forward(x).tensor.slice(0, 0, 1).data()].sort((a, b) => a - b);
const [upright, reflected] = [await sorted(input), await sorted(input.with(input.tensor.flip([2])))];
const reflectionChange = Math.max(...upright.map((v, i) => Math.abs(v - reflected[i])));

console.log(table([
  ["output", output.shape.join(" x ")],
  ["parameters", String(model.parameterCount())],
  ["rotations", String(report.exact.length)],
  ["equivariance error", short(report.maxExact)],
  ["change under a reflection", short(reflectionChange)],
]));
console.log(JSON.stringify({
  rotations: report.exact.length,
  equivarianceError: report.maxExact,
  reflectionChange,
  constructionSeconds: seconds,
}));
