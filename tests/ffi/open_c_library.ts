// A script for ffi_test.ts: opens the C library and prints the result or the error's fields as JSON.

import {
  cLibraryCandidates,
  FfiUnavailableError,
  LibraryNotFoundError,
  openLibrary,
  type SymbolTable,
} from "../../ffi/mod.ts";

const symbols = { abs: { parameters: ["i32"], result: "i32" } } as const satisfies SymbolTable;

try {
  using library = openLibrary({
    name: "the C library",
    candidates: cLibraryCandidates(),
    env: "ESCNN_TEST_LIBRARY",
    symbols,
    install: "it is part of the system",
  });
  console.log(JSON.stringify({ abs: library.symbols.abs(-5) }));
} catch (error) {
  if (error instanceof FfiUnavailableError) {
    const { name, message, missingPermission, tried } = error;
    console.log(JSON.stringify({ name, message, missingPermission, triedAdapters: tried }));
  } else if (error instanceof LibraryNotFoundError && error.disabled) {
    const { name, message, disabled } = error;
    console.log(JSON.stringify({ name, message, disabled }));
  } else if (error instanceof LibraryNotFoundError) {
    console.log(JSON.stringify({ name: error.name, tried: error.tried.map(({ path }) => path) }));
  } else throw error;
}
