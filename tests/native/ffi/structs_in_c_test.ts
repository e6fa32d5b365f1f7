import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { run, TempDir, testWith, tool } from "../../support.ts";
import abi from "./abi/virtdisk-abi.json" with { type: "json" };

const PROGRAM = fromFileUrl(new URL("./abi/layout.c", import.meta.url));

// The compiler of this system will do: 64-bit Windows lays out fixed-width types as it does.
if (Deno.build.os !== "windows") {
  testWith([tool("gcc")], "the facts about structures are what a C compiler prints", () => {
    using dir = new TempDir();
    run("gcc", "-o", dir.file("layout"), PROGRAM);
    assertEquals(JSON.parse(run(dir.file("layout"))), abi.structs);
  });
}
