// Tests of the count that the task `test` prints: reports of the three runners, crashes and empty runs.

import { assertEquals } from "@std/assert";
import { countTests, withCrashes } from "../../tools/junit.ts";
import { isSupportedDeno } from "../../tools/versions.ts";
import { test } from "../support/test.ts";

const report = `<?xml version="1.0" encoding="utf-8"?>
<testsuites>
  <testsuite name="a">
    <testcase name="x &lt; 1 &amp;&#38; y &gt; 2" time="0.1"/>
    <testcase name="multi" line="1"></testcase>
    <testcase name="bad" time="0.2">
      <failure message="Expected &quot;/&gt;&quot;">at x.ts:1</failure>
    </testcase>
    <testcase name="off [skipped: no library]"><skipped/></testcase>
    <testcase name="left out"><skipped /></testcase>
  </testsuite>
</testsuites>`;

test("countTests tells passed, failed and skipped and decodes names", () => {
  assertEquals(countTests(report), {
    passed: 2,
    failed: ["bad"],
    skipped: ["off [skipped: no library]", "left out"],
  });
  assertEquals(countTests(`<testsuites><testcase name="x &lt; 1"><failure/></testcase></testsuites>`).failed, [
    "x < 1",
  ]);
});

test("withCrashes counts a crash, a time limit and an empty run as failures", () => {
  const good = { passed: 3, failed: [], skipped: [] };
  assertEquals(withCrashes(good, 0, false), good);
  assertEquals(withCrashes(good, 1, false).failed, [
    "(the runner ended with exit code 1: a file failed to load, its error stands above)",
  ]);
  assertEquals(withCrashes(good, 124, false).failed, ["(the runner was ended by its time limit)"]);
  assertEquals(withCrashes(undefined, 0, false).failed, ["(the runner ran no test)"]);
  assertEquals(withCrashes(undefined, 127, false).failed, [
    "(the runner ended with exit code 127: a file failed to load, its error stands above)",
  ]);
});

test("withCrashes drops what a filter leaves out, and lets a filter match nothing", () => {
  const counts = countTests(report);
  assertEquals(withCrashes(counts, 1, true).skipped, ["off [skipped: no library]"]);
  assertEquals(withCrashes({ passed: 0, failed: [], skipped: ["left out"] }, 1, true).failed, []);
});

test("isSupportedDeno compares versions by number", () => {
  assertEquals(["2.8.9", "2.9.0", "2.9.6", "2.10.0", "3.0.0"].map(isSupportedDeno), [false, true, true, true, false]);
});
