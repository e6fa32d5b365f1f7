import { assertEquals, assertThrows } from "@std/assert";
import { VirtualDiskError } from "../../../src/errors/error.ts";
import { fullPath } from "../../../src/native/ffi/text.ts";
import type { Kernel32 } from "../../../src/native/ffi/kernel32.ts";
import { pureTest } from "../../pure.ts";

/** A kernel32.dll whose GetFullPathNameW gives `result` and whose last error is `code`. */
function kernel32Giving(
  result: number,
  code: number,
): Pick<Kernel32, "GetLastError" | "GetFullPathNameW"> {
  return { GetLastError: () => code, GetFullPathNameW: () => result };
}

pureTest(
  "fullPath(): a path with a device prefix is not handed to GetFullPathNameW, which folds its dots",
  () => {
    const kernel32 = {
      ...kernel32Giving(0, 0),
      GetFullPathNameW: () => {
        throw new Error("asked");
      },
    };
    for (const path of ["\\\\?\\C:\\a\\..\\b.vhd", "\\\\?\\UNC\\s\\d\\b.vhd", "\\\\.\\X:\\b.vhd"]) {
      assertEquals(fullPath(kernel32, path, "OpenVirtualDisk"), path);
    }
  },
);

pureTest(
  "fullPath(): a path that GetFullPathNameW refuses is an error with the system's code",
  () => {
    const kernel32 = kernel32Giving(0, 123);
    const error = assertThrows(() => fullPath(kernel32, "a", "OpenVirtualDisk"), VirtualDiskError);
    assertEquals([error.code, error.operation, error.path], [123, "OpenVirtualDisk", "a"]);
  },
);

pureTest("fullPath(): a path that outgrows every buffer is ERROR_FILENAME_EXCED_RANGE", () => {
  const kernel32 = kernel32Giving(0xffffffff, 0);
  const error = assertThrows(() => fullPath(kernel32, "a", "OpenVirtualDisk"), VirtualDiskError);
  assertEquals([error.symbol, error.path], ["ERROR_FILENAME_EXCED_RANGE", "a"]);
});
