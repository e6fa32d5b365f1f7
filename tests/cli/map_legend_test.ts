import { assertEquals } from "@std/assert";
import { legendRows, percent, percents } from "../../src/cli/map_legend.ts";
import { pureTest } from "../pure.ts";

pureTest("percents() have all a decimal, or none, and are neither 0 nor 100 by rounding", () => {
  const rows: [shares: number[], texts: string[]][] = [
    [[], []],
    [[0, 1], ["0 %", "100 %"]],
    // 0.29 * 100 is 28.999999999999996.
    [[0.29, 0.71], ["29 %", "71 %"]],
    [[0.625, 0.25, 0.125], ["62.5 %", "25.0 %", "12.5 %"]],
    [[0.0004, 1, 0.9996, 0], ["< 0.1 %", "100.0 %", "> 99.9 %", "0.0 %"]],
  ];
  for (const [shares, texts] of rows) assertEquals(percents(shares), texts);
  assertEquals([0, 0.29, 0.125, 1].map(percent), ["0 %", "29 %", "12.5 %", "100 %"]);
});

pureTest("legendRows() give each share with as many decimals as the others", () => {
  const rows = legendRows({
    offset: 0,
    length: 1000,
    files: [{ path: "/a.vhdx", depth: 0, bytes: 710, freeBytes: 1, pieces: 1 }],
    storedBytes: 710,
    zeroBytes: 0,
    trimmedBytes: 0,
    unallocatedBytes: 290,
    absentBytes: 0,
    lostBytes: 0,
    lostBytesByReason: {},
  });
  assertEquals(rows.map(({ kind, share }) => [kind, share]), [
    [0, "71.0 %"],
    ["free", "0.1 %"],
    ["unallocated", "29.0 %"],
  ]);
});
