// The build of the emulator: it has every function that the backend names, a copy can lack one, and where there is no compiler
// that is said.
// covers: backends/cuda/emulator/build.ts, backends/cuda/emulator/control.ts

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  buildEmulator,
  emulatorFolder,
  whyNoEmulator,
  withoutSymbol,
} from "../../../../backends/cuda/emulator/build.ts";
import { CONTROL_SYMBOLS, Emulator } from "../../../../backends/cuda/emulator/control.ts";
import { CUBLAS_SYMBOLS } from "../../../../backends/cuda/symbols/cublas.ts";
import { CUDNN_SYMBOLS } from "../../../../backends/cuda/symbols/cudnn.ts";
import { DRIVER_SYMBOLS } from "../../../../backends/cuda/symbols/driver.ts";
import { NVRTC_SYMBOLS } from "../../../../backends/cuda/symbols/nvrtc.ts";
import { MissingSymbolError, openLibrary } from "../../../../ffi/mod.ts";
import { test } from "../../../support/test.ts";

const reason = await whyNoEmulator();
const symbols = { ...DRIVER_SYMBOLS, ...NVRTC_SYMBOLS, ...CUBLAS_SYMBOLS, ...CUDNN_SYMBOLS, ...CONTROL_SYMBOLS };
const why = reason ?? "";

test.runIf(
  reason === undefined,
  "The emulator has every function of the cuda backend's symbol tables",
  why,
  async () => {
    const path = await buildEmulator();
    assertMatch(path, /emulator-[0-9a-f]{24}\.so$/);
    assertEquals(path.startsWith(emulatorFolder()), true);
    using library = openLibrary({ name: "the emulator", candidates: [path], symbols, install: "" });
    assertEquals(Object.keys(library.symbols).length, Object.keys(symbols).length);
  },
);

test.runIf(reason === undefined, "withoutSymbol gives a library that lacks exactly the one function", why, async () => {
  const path = await withoutSymbol(await buildEmulator(), "cudnnConvolutionForward");
  const error = assertThrows(
    () => openLibrary({ name: "the emulator", candidates: [path], symbols, install: "" }),
    MissingSymbolError,
  );
  assertEquals(error.missing, ["cudnnConvolutionForward"]);
});

test.runIf(
  reason === undefined,
  "Emulator counts calls, refuses unknown settings and forgets on reset",
  why,
  async () => {
    const emulator = Emulator.open(await buildEmulator());
    emulator.reset();
    assertThrows(() => emulator.set("nothing" as "careful", 1), RangeError, "nothing");
    assertThrows(() => emulator.fail("cuInit", 0, 1), RangeError, "got 0");
    using library = openLibrary({ name: "the emulator", candidates: [emulator.path], symbols, install: "" });
    assertEquals(library.symbols.cuInit(0), 0);
    emulator.fail("cuInit", 2, 999);
    assertEquals([library.symbols.cuInit(0), library.symbols.cuInit(0), library.symbols.cuInit(0)], [0, 999, 0]);
    assertEquals(emulator.message(), "cuInit was made to fail with status 999");
    assertEquals(emulator.calls("cuInit"), 4);
    emulator.set("devices", 0);
    assertEquals(library.symbols.cuInit(0), 100);
    emulator.reset();
    assertEquals([emulator.calls("cuInit"), emulator.message(), library.symbols.cuInit(0)], [0, "", 0]);
    assertEquals(emulator.leaks(), {});
  },
);
