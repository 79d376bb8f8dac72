// The checked driver on functions that answer as the test says, where the manual leaves open what a call gives.

import { assertEquals, assertThrows } from "@std/assert";
import { Driver } from "../../../backends/cuda/driver.ts";
import { CudaError } from "../../../backends/cuda/errors.ts";
import type { DRIVER_SYMBOLS } from "../../../backends/cuda/symbols/driver.ts";
import { type Library, loadFfi } from "../../../ffi/mod.ts";
import { whyNoEmulator } from "../../../backends/cuda/emulator/build.ts";
import { test } from "../../support/test.ts";

/** A driver whose functions succeed but for those that are given. */
function driverWith(functions: { readonly [name: string]: (...args: number[]) => number }): Driver {
  const symbols = new Proxy({}, { get: (_, name) => functions[String(name)] ?? (() => 0) });
  return new Driver({ path: "a test", symbols } as unknown as Library<typeof DRIVER_SYMBOLS>);
}

// Results come through memory with an address, which takes native calls.
const reason = await whyNoEmulator() ?? "";

test.runIf(reason === "", "A capture that ends without a graph is a broken one, whatever its status", reason, () => {
  let graph = 0;
  const driver = driverWith({
    cuStreamEndCapture: (_, place) => {
      new DataView(loadFfi().viewBytes(place, 8).buffer).setUint32(0, graph, true);
      return 0;
    },
    cuGetErrorName: () => 1,
    cuGetErrorString: () => 1,
  });
  const error = assertThrows(() => driver.endCapture(5), CudaError, "cuStreamEndCapture");
  assertEquals([error.failure.status, driver.lost], [901, false]);
  graph = 77;
  assertEquals(driver.endCapture(5), 77);
});
