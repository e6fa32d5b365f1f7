import { assertEquals } from "@std/assert";
import { didYouMean, nearestWord } from "../../src/text/nearest_word.ts";
import { pureTest } from "../pure.ts";

const OPTIONS = ["backend", "readOnly", "getInfoOnly", "ignoreChildren", "block-size", "type"];

pureTest("nearestWord() finds what was meant", () => {
  const rows: [given: string, meant: string | undefined][] = [
    ["backend", "backend"],
    ["bakend", "backend"],
    ["bcakend", "backend"],
    ["readonly", "readOnly"],
    ["read-only", "readOnly"],
    ["ignoreChild", "ignoreChildren"],
    ["blockSize", "block-size"],
    ["blocksise", "block-size"],
    ["tipe", "type"],
    ["get", "getInfoOnly"],
    ["zzz", undefined],
    ["", undefined],
    ["b", undefined],
    ["x".repeat(1e6), undefined],
  ];
  for (const [given, meant] of rows) assertEquals(nearestWord(given, OPTIONS), meant, given);
  assertEquals(nearestWord("anything", []), undefined);
});

pureTest("didYouMean() asks, or says nothing", () => {
  assertEquals(didYouMean("tipe", OPTIONS), "; did you mean type?");
  assertEquals(didYouMean("tipe", OPTIONS, (word) => `--${word}`), "; did you mean --type?");
  assertEquals(didYouMean("zzz", OPTIONS), "");
});
