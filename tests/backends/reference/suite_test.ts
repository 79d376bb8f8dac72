// The suite on a second reference backend: every case runs, and the bounds hold the oracle's own answers.

import { createBackend } from "../../../backends/reference/mod.ts";
import { runBackendSuite } from "../../backend_suite.ts";

runBackendSuite({ name: "reference", create: () => createBackend({}), cases: 3000 });
