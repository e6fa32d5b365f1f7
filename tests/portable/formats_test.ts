import { assertEquals } from "@std/assert";
import { openImage } from "../../src/portable/formats.ts";
import { pureTest } from "../pure.ts";
import { MemorySource } from "./file/memory_source.ts";
import { newVhd } from "./vhd/vhd_builder.ts";
import { VhdxBuilder } from "./vhdx/vhdx_builder.ts";

/** What is read of a file of that name, to open it. */
function readsToOpen(name: string, bytes: Uint8Array<ArrayBuffer>): [string, number] {
  const source = Object.defineProperty(new MemorySource(bytes), "path", {
    value: `/images/${name}`,
  });
  const { format } = openImage(source);
  return [format, source.reads];
}

pureTest(
  "openImage() reads nothing twice of what is what it is called, and looks for no other mark",
  () => {
    // Footer and sparse header.
    assertEquals(readsToOpen("a.vhd", newVhd()), ["vhd", 2]);
    // Identifier, two headers, region table, metadata table, items.
    assertEquals(readsToOpen("a.vhdx", new VhdxBuilder().bytes), ["vhdx", 6]);
  },
);

pureTest("openImage() finds out what is called something else, or nothing", () => {
  for (const name of ["a.iso", "a.img", "a.vhdx"]) {
    assertEquals(readsToOpen(name, newVhd())[0], "vhd", name);
  }
  for (const name of ["a.iso", "a.img", "a.vhd"]) {
    assertEquals(readsToOpen(name, new VhdxBuilder().bytes)[0], "vhdx", name);
  }
});
