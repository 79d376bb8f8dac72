// The suite of all backends on the cpu without OpenBLAS on 2 threads: a quarter of the 20,000 random cases of the test command.

import { runCpuSuite } from "./suite.ts";

runCpuSuite({ name: "cpu without OpenBLAS on 2 threads", openblas: "off", threads: 2, seed: 3 });
