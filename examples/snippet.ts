/**
 * The README's snippet: a steerable convolution from RGB to ten regular fields of C_8, and a ReLU. Needs no permissions; says on stderr
 * which backend runs and why, and prints shape, sum and norm of the result as JSON.
 */

import { backendInfo, FieldType, GeometricTensor, gspaces, R2Conv, randn, ReLU, seed, useBackend } from "@escnn/escnn";

const backend = await useBackend("auto");
console.error(backendInfo());
seed(0);

const space = gspaces.rot2dOnR2(8); // the plane with its rotations by multiples of 45°
const rgb = new FieldType(space, space.trivialRepr, 3); // three scalar fields
const fields = new FieldType(space, space.regularRepr, 10); // ten regular fields

const convolution = new R2Conv(rgb, fields, 5);
const relu = new ReLU(fields);

const image = new GeometricTensor(randn([16, 3, 32, 32]), rgb);
const features = relu.forward(convolution.forward(image)); // turn the image, and the features turn

console.log(String(features));
const sum = await features.tensor.sum().item(), norm = await features.tensor.norm().item();
console.log(JSON.stringify({ shape: features.shape, sum, norm, backend: backend.name }));
