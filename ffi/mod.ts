// The entry of the native-call layer: one symbol-table format and one way to open a library, whatever the runtime.
// Importing it opens nothing and asks for nothing.

export { cLibraryCandidates, loadFfi, platformName } from "./load.ts";
export { type Library, openLibrary, type OpenLibraryOptions } from "./library.ts";
export {
  FfiUnavailableError,
  LibraryClosedError,
  LibraryNotFoundError,
  MissingSymbolError,
  type OpenAttempt,
} from "./errors.ts";
export { WORKER_FFI_SOURCE, type WorkerLibrary, workerLibrary } from "./worker_source.ts";
export type {
  FfiAdapter,
  FfiRuntime,
  NativeArgument,
  NativeArguments,
  NativeFunction,
  NativeResult,
  NativeSymbols,
  OpenedLibrary,
  ParameterType,
  ResultType,
  SymbolDefinition,
  SymbolTable,
  UntypedFunction,
} from "./types.ts";
