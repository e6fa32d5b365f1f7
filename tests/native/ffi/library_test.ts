import { assert, assertEquals, assertInstanceOf, assertMatch, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { VirtualDiskError } from "../../../src/errors/error.ts";
import { HEADER_FUNCTIONS } from "../../../src/native/ffi/virtdisk.ts";
import {
  assertSystemDirectory,
  loadLibraries,
  systemLibraries,
} from "../../../src/native/ffi/library.ts";
import { buildDouble, doubleNeed } from "../../double/double.ts";
import { run, TempDir, testWith } from "../../support.ts";

testWith([doubleNeed], "a library that is not there is ERROR_MOD_NOT_FOUND, with its path", () => {
  using dir = new TempDir();
  const kernel32 = dir.file("absent.dll");
  const paths = { virtdisk: buildDouble().virtdisk, kernel32 };
  const error = assertThrows(() => loadLibraries(paths), VirtualDiskError);
  assertEquals([error.code, error.symbol, error.path], [126, "ERROR_MOD_NOT_FOUND", kernel32]);
  assertInstanceOf(error.cause, Error);
  assertMatch(error.causes.join(), /portable/);
});

Deno.test("a file that is no library is ERROR_MOD_NOT_FOUND", () => {
  const file = fromFileUrl(import.meta.url);
  const error = assertThrows(
    () => loadLibraries({ virtdisk: file, kernel32: file }),
    VirtualDiskError,
  );
  assertEquals(error.symbol, "ERROR_MOD_NOT_FOUND");
});

/** A library without the functions of VirtDisk.dll. */
function otherLibrary(dir: TempDir): string {
  if (Deno.build.os === "windows") return buildDouble().kernel32;
  Deno.writeTextFileSync(dir.file("other.c"), "int other(void) { return 1; }\n");
  run("gcc", "-shared", "-fPIC", "-o", dir.file("other.so"), dir.file("other.c"));
  return dir.file("other.so");
}

testWith([doubleNeed], "a library without the functions is ERROR_PROC_NOT_FOUND", () => {
  using dir = new TempDir();
  const virtdisk = otherLibrary(dir);
  const { kernel32 } = buildDouble();
  const error = assertThrows(() => loadLibraries({ virtdisk, kernel32 }), VirtualDiskError);
  assertEquals([error.code, error.symbol, error.path], [127, "ERROR_PROC_NOT_FOUND", virtdisk]);
  // Deno looks for the functions in no certain order.
  const missing = /symbol (\w+):/.exec((error.cause as Error).message)?.[1] ?? "";
  assert(missing in HEADER_FUNCTIONS, missing);
});

Deno.test("a folder that is not this Windows' own is refused, with the flags that help", () => {
  const error = assertThrows(
    () => assertSystemDirectory("C:\\Windows\\System32", "D:\\Win\\System32"),
    VirtualDiskError,
  );
  assertEquals([error.symbol, error.path], [
    "ERROR_MOD_NOT_FOUND",
    "C:\\Windows\\System32\\kernel32.dll",
  ]);
  assertMatch(error.message, /this Windows has its libraries in "D:\\\\Win\\\\System32"/);
  assertEquals(error.causes, [
    "Allow them there: --allow-env=SystemRoot " +
    "--allow-ffi=D:\\Win\\System32\\virtdisk.dll,D:\\Win\\System32\\kernel32.dll",
  ]);
  assertSystemDirectory("C:\\Windows\\System32", "c:\\windows\\system32");
});

if (Deno.build.os !== "windows") {
  Deno.test("off Windows the native backend is ERROR_NOT_SUPPORTED, and names the other", () => {
    const error = assertThrows(() => systemLibraries(), VirtualDiskError);
    assertEquals([error.code, error.symbol], [50, "ERROR_NOT_SUPPORTED"]);
    assertMatch(error.message, /native backend needs Windows/);
    assertMatch(error.causes.join(), /\{ backend: "portable" \}/);
  });
}
