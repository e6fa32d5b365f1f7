import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { VirtualDiskError } from "@virtdisk/virtdisk";
import { causesOf, situationOf } from "../../src/errors/causes.ts";
import { errorCode, errorMeaning, errorSymbol, errorSymbols } from "../../src/errors/codes.ts";
import { isErrorOf, virtualDiskError } from "../../src/errors/error.ts";
import { pureTest } from "../pure.ts";

pureTest("VirtualDiskError says what was tried, on what, what came back and what to do", () => {
  const error = virtualDiskError("ERROR_SHARING_VIOLATION", "OpenVirtualDisk", { path: "a.vhdx" });
  assertInstanceOf(error, Error);
  assertEquals(error.name, "VirtualDiskError");
  assertEquals([error.code, error.symbol], [32, "ERROR_SHARING_VIOLATION"]);
  assertEquals([error.operation, error.path], ["OpenVirtualDisk", "a.vhdx"]);
  assertMatch(
    error.message,
    /^OpenVirtualDisk "a\.vhdx": the file is in use .* \(ERROR_SHARING_VIOLATION, 32\)\. .*close it there/,
  );
});

pureTest("VirtualDiskError names the place of a damage", () => {
  const error = virtualDiskError("ERROR_FILE_CORRUPT", "OpenVirtualDisk", {
    path: "a.vhdx",
    detail: { structure: "header 1", offset: 65536, found: "hexd", expected: '"head"' },
  });
  assertStringIncludes(error.message, 'header 1 at offset 65536: found "hexd", expected "head"');
  assertEquals(error.detail?.offset, 65536);
});

pureTest("VirtualDiskError of a code without a name shows the number in hexadecimal", () => {
  const error = new VirtualDiskError(0xc03a7777, "OpenVirtualDisk");
  assertEquals(error.symbol, "0xC03A7777");
  assertStringIncludes(error.message, "(0xC03A7777)");
  assertEquals(error.causes, []);
  assertEquals("path" in error, false);
});

pureTest("VirtualDiskError keeps the error that led to it", () => {
  const cause = new Deno.errors.NotFound("gone");
  const error = virtualDiskError("ERROR_FILE_NOT_FOUND", "OpenVirtualDisk", { cause });
  assertEquals(error.cause, cause);
});

pureTest("every symbol has a number, a meaning and its way back", () => {
  for (const symbol of errorSymbols()) {
    const code = errorCode(symbol);
    assertEquals(errorSymbol(code), symbol);
    assert(errorMeaning(code).length > 5, symbol);
  }
});

pureTest("isErrorOf() tells codes apart", () => {
  const error = virtualDiskError("ERROR_FILE_EXISTS", "CreateVirtualDisk");
  assert(isErrorOf(error, "ERROR_FILE_NOT_FOUND", "ERROR_FILE_EXISTS"));
  assert(!isErrorOf(error, "ERROR_FILE_NOT_FOUND"));
  assert(!isErrorOf(new Error("ERROR_FILE_EXISTS"), "ERROR_FILE_EXISTS"));
});

/** Codes that OpenVirtualDisk documents or is seen to give, and what its causes must speak of. */
const EXPLAINED: [code: number, words: RegExp[]][] = [
  [2, [/path/]],
  [3, [/folder/]],
  [5, [/readOnly: true/, /permanently attached.*`detach`.*without write access/, /ISO/]],
  [32, [/getInfoOnly/, /virtual machine/]],
  [87, [
    /storage type/,
    /VIRTUAL_DISK_ACCESS_ALL/,
    /version other than 1, 2 or 3/,
    /no access mask/,
  ]],
  [618, [/compact \/u/]],
  [665, [/local path/]],
  [1314, [/SeManageVolumePrivilege/]],
  [1392, [/multiple of 2048/, /34816/, /CDFS or UDFS/]],
  [6002, [/cipher \/d/]],
  [0xc03a000d, [/no-parents/]],
  [0xc03a0014, [/`type` option/, /Windows 8/]],
];

pureTest("causesOf() explains what an open fails with", async (t) => {
  for (const [code, words] of EXPLAINED) {
    await t.step(`${errorSymbol(code)} (${code})`, () => {
      const causes = causesOf("OpenVirtualDisk", code, situationOf("native")).join("\n");
      for (const word of words) assertMatch(causes, new RegExp(word, "s"));
    });
  }
});
