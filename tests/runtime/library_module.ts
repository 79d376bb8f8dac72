// A module for worker_port_test.ts: TypeScript that imports the library by its name.

import { type Batch, rotateImage } from "@escnn/escnn";

export default function turned(): Batch["images"] {
  const target = new Float32Array(4);
  rotateImage([1, 2, 3, 4], 0, target, 0, 2, 2, Math.PI / 2);
  return target;
}
