import { assertMatch, assertStringIncludes } from "@std/assert";
import { testWith } from "../support.ts";
import { openInChild, systemHas } from "./system.ts";

testWith([systemHas("absent")], "a Windows without VirtDisk.dll says that it is missing", () => {
  const { text } = openInChild("C:\\a.vhd", ["--allow-ffi"]);
  assertStringIncludes(text, "ERROR_MOD_NOT_FOUND");
  assertMatch(text, /System32\\\\virtdisk\.dll/i);
});

testWith([systemHas("absent")], "a missing VirtDisk.dll is not taken for a missing leave", () => {
  const { text } = openInChild("C:\\a.vhd", []);
  assertStringIncludes(text, "NotCapable");
});
