// The task `bench`: `deno bench` over bench/, filtered by its argument: the name of a benchmark or of a file in bench/.

import { existsInRoot, runProgram } from "./process.ts";
import { requireSupportedDeno } from "./versions.ts";

requireSupportedDeno();
const files = Deno.args.filter((argument) => existsInRoot(argument) || existsInRoot(`bench/${argument}`))
  .map((argument) => existsInRoot(argument) ? argument : `bench/${argument}`);
const filters = Deno.args.filter((argument) => !existsInRoot(argument) && !existsInRoot(`bench/${argument}`));
if (filters.length > 1) {
  console.error(`Expected one filter, got ${filters.map((text) => JSON.stringify(text)).join(", ")}; put it in quotes`);
  Deno.exit(2);
}
if (files.length === 0 && !existsInRoot("bench")) {
  console.error("There is no folder bench/");
  Deno.exit(2);
}
const filter = filters.length === 1 ? ["--filter", filters[0]] : [];
const targets = files.length > 0 ? files : ["bench/"];
const { code } = await runProgram(Deno.execPath(), ["bench", "--no-check", "-A", ...filter, ...targets], {
  limit: 7200,
});
Deno.exit(code);
