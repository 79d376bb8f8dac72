/**
 * The shortest way from the start of a process to the output of a steerable convolution: 5 × 5, RGB to ten regular fields of C8. What
 * `bench/startup_bench.ts` starts beside the README's snippet, which also has a ReLU and two sums.
 */

import { FieldType, GeometricTensor, gspaces, R2Conv, randn, useBackend } from "@escnn/escnn";

await useBackend("auto");
const space = gspaces.rot2dOnR2(8);
const rgb = new FieldType(space, space.trivialRepr, 3), fields = new FieldType(space, space.regularRepr, 10);
const output = new R2Conv(rgb, fields, 5).forward(new GeometricTensor(randn([16, 3, 32, 32]), rgb));
console.log(output.shape, (await output.tensor.data())[0]);
