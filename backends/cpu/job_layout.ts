/**
 * Where the executor and its workers keep what they tell each other in the shared heap: a control block of 32-bit words, a
 * table of kernels, and the commands of a batch. The protocol itself is described in `executor.ts`.
 */

/**
 * Words of the control block, counted from its start. What threads write at the same time lies in different cache lines
 * (16 words).
 */
export const CONTROL = {
  /** Counts published jobs; parked workers wait on it. */
  sequence: 0,
  /** Workers that wait on `sequence`, or are about to. */
  parked: 16,
  /** Pieces that nobody has taken: number of the first one · 65536 + how many. */
  pieces: 32,
  /** Pieces that are complete. */
  done: 48,
  /** 1 while the caller waits on `done`. */
  callerWaits: 64,
  /** What a piece is: one of {@linkcode JOB}. */
  kind: 80,
  /** Of a range: the kernel, its parameter block, the end, the length of a piece. */
  kernel: 81,
  parameters: 82,
  end: 83,
  pieceLength: 84,
  /** Of tasks: offset of the commands, and of the table of where each task starts in them (in float64s). */
  commands: 85,
  starts: 86,
  /** Offset of the table of kernels. */
  kernels: 87,
  /** Size of the heap in pages. */
  pages: 88,
  /** Workers that take pieces. */
  ready: 96,
  /** 1 when the workers shall end. */
  stop: 97,
  /** Index of the thread in which a kernel threw, 0 when none did; its message follows at `errorText`. */
  error: 112,
  errorLength: 113,
  errorText: 128,
} as const;

/** Characters that an error's message may have. */
export const ERROR_CHARACTERS = 512;

/** Size of the control block. */
export const CONTROL_BYTES = 4 * (CONTROL.errorText + ERROR_CHARACTERS);

/** What a piece is. */
export const JOB = {
  /** A part of a range. */
  range: 0,
  /** A task: a list of commands. */
  tasks: 1,
} as const;

/** Words of a row in the table of kernels. */
export const KERNEL_WORDS = 8;

/** Columns of the table of kernels. */
export const KERNEL_ROW = {
  /** Offset of the module's binary; 0 for a native function. */
  module: 0,
  moduleLength: 1,
  /** Offset of the name of the export or the native function. */
  name: 2,
  nameLength: 3,
  /** Of a native function: bit i is set when argument i is a heap pointer. */
  pointers: 4,
} as const;

/** float64s before the arguments of a command: kernel, number of arguments, thread mask, thread stride. */
export const COMMAND_HEAD = 4;

/** The most arguments that a kernel can have. */
export const MAXIMUM_ARGUMENTS = 16;

/** The most pieces of a job. */
export const MAXIMUM_PIECES = 65_535;
