// Choice of the adapter for native calls: Deno.dlopen, bun:ffi, koffi or node:ffi, or the reason why there is none. Permissions
// are queried, never asked for.

import { runtime } from "../src/runtime/mod.ts";
import { bunAdapter, bunFfi } from "./bun.ts";
import { denoAdapter, denoMayCall } from "./deno.ts";
import { FfiUnavailableError } from "./errors.ts";
import { findKoffi, nodeAdapter } from "./node.ts";
import { nodeBuiltinAdapter, nodeFfi } from "./node_builtin.ts";
import type { FfiAdapter } from "./types.ts";

let adapter: FfiAdapter | undefined;

/** Operating system and machine of the process: "linux-x64". */
export function platformName(): string {
  return `${runtime.platform}-${runtime.arch}`;
}

/**
 * The adapter for native calls of the runtime. Synchronous; the same object at every call.
 *
 * @throws FfiUnavailableError with the reason: a browser, a missing permission, or a missing package.
 */
export function loadFfi(): FfiAdapter {
  adapter ??= chooseAdapter();
  return adapter;
}

function chooseAdapter(): FfiAdapter {
  const platform = platformName();
  switch (runtime.name) {
    case "deno":
      if (denoMayCall()) return denoAdapter();
      throw new FfiUnavailableError("the permission is missing", {
        tried: ["Deno.dlopen"],
        platform,
        missingPermission: "--allow-ffi",
      });
    case "bun":
      if (bunFfi() !== undefined) return bunAdapter();
      throw new FfiUnavailableError("this Bun has none", {
        tried: ["bun:ffi"],
        platform,
        install: "install a current Bun",
      });
    case "node":
      if (findKoffi() !== undefined) return nodeAdapter();
      if (nodeFfi() !== undefined) return nodeBuiltinAdapter();
      throw new FfiUnavailableError("the package koffi is not installed", {
        tried: ["koffi", "node:ffi"],
        platform,
        install: "npm install koffi",
      });
    case "browser":
      throw new FfiUnavailableError("browsers have no native libraries", { tried: [], platform });
    default:
      return runtime.name satisfies never;
  }
}

/**
 * The names of the C library on this platform, for `openLibrary`.
 *
 * @returns Names for the system's loader, the likeliest first.
 */
export function cLibraryCandidates(): string[] {
  switch (runtime.platform) {
    case "darwin":
      return ["libSystem.B.dylib"];
    case "windows":
      return ["ucrtbase.dll", "msvcrt.dll"];
    default:
      return ["libc.so.6", "libc.so", "libc.so.7"];
  }
}
