// The suite of all backends on the cpu with OpenBLAS on 1 thread: a quarter of the 20,000 random cases of the test command.

import { runCpuSuite } from "./suite.ts";

runCpuSuite({ name: "cpu with OpenBLAS on 1 thread", openblas: "auto", threads: 1, seed: 2 });
