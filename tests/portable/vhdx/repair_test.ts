/** Repairing a VHDX: what it writes, and what it leaves. */
import { assertEquals } from "@std/assert";
import { repairVhdx } from "../../../src/portable/vhdx/check.ts";
import { headerFault } from "../../../src/portable/vhdx/header.ts";
import { RecordingSource } from "../../crash/recording_source.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { HEADERS, VhdxBuilder } from "./vhdx_builder.ts";
import { pureTest } from "../../pure.ts";

pureTest("repairVhdx() changes nothing of a sound file", () => {
  const file = new RecordingSource(SparseFile.of(new VhdxBuilder().bytes));
  repairVhdx(file, false);
  assertEquals(file.changes.filter(({ kind }) => kind !== "flush"), []);
});

pureTest("repairVhdx() writes a damaged header anew, whichever it is", () => {
  for (const offset of HEADERS) {
    const { bytes } = new VhdxBuilder();
    bytes[offset + 20]! ^= 1;
    const file = SparseFile.of(bytes);
    repairVhdx(file, false);
    assertEquals(HEADERS.map((each) => headerFault(file, each)), [undefined, undefined]);
  }
});
