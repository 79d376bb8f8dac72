/** The batched matrix product of the reference backend: three loops, sums in float64, one rounding at the end. */

import type { MatmulCall } from "../../src/tensor/backend.ts";
import { elementCount } from "../../src/tensor/layout.ts";
import type { Operand } from "./buffer.ts";

/** See `Backend.matmul`. */
export function matmul(call: MatmulCall, a: Operand, b: Operand, output: Operand): void {
  const { alpha, beta } = call;
  const [m, k] = call.a.shape.slice(-2);
  const n = call.b.shape[call.b.shape.length - 1];
  const batches = elementCount(call.a.shape.slice(0, -2));
  for (let batch = 0; batch < batches; batch++) {
    for (let row = 0; row < m; row++) {
      for (let column = 0; column < n; column++) {
        let sum = 0;
        for (let i = 0; i < k; i++) {
          sum += a.elements[a.positions[(batch * m + row) * k + i]] *
            b.elements[b.positions[(batch * k + i) * n + column]];
        }
        const target = output.positions[(batch * m + row) * n + column];
        // With beta = 0 what stands there does not count, not even a NaN.
        output.elements[target] = beta === 0 ? alpha * sum : alpha * sum + beta * output.elements[target];
      }
    }
  }
}
