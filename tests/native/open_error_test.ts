import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { errorCode, type ErrorSymbol, errorSymbols } from "../../src/errors/codes.ts";
import { VirtualDiskError } from "../../src/errors/error.ts";
import { openNativeAsync } from "../../src/native/native_disk.ts";
import { openRequest } from "../../src/disk/open_request.ts";
import { IMAGE, testRowsWithDouble, testWithDouble } from "./with_double.ts";

const SUCCESS: ErrorSymbol = "ERROR_SUCCESS";

testWithDouble(
  "every code is an error of that code and symbol, and leaves no handle",
  (context) => {
    const { double, open } = context;
    for (const symbol of errorSymbols().filter((each) => each !== SUCCESS)) {
      double.nextOpen(errorCode(symbol));
      const error = assertThrows(() => open(), VirtualDiskError);
      assertEquals([error.code, error.symbol], [errorCode(symbol), symbol]);
      assertEquals([error.operation, error.path], ["OpenVirtualDisk", IMAGE]);
      assertEquals(double.liveHandles, 0);
    }
  },
);

testWithDouble("a code without a name is known by its number", ({ double, open }) => {
  for (const [code, name] of [[0xc03affff, "0xC03AFFFF"], [0xffffffff, "0xFFFFFFFF"]] as const) {
    double.nextOpen(code);
    const error = assertThrows(() => open(), VirtualDiskError);
    assertEquals([error.code, error.symbol], [code, name]);
  }
});

/** Codes that have documented causes in OpenVirtualDisk, and a word of what is to be done. */
const EXPLAINED: readonly [number, ErrorSymbol, RegExp][] = [
  [2, "ERROR_FILE_NOT_FOUND", /check the path/],
  [3, "ERROR_PATH_NOT_FOUND", /folder/],
  [5, "ERROR_ACCESS_DENIED", /no right to read/],
  [32, "ERROR_SHARING_VIOLATION", /close it there|detach/],
  [87, "ERROR_INVALID_PARAMETER", /access mask/i],
  [618, "ERROR_UNSUPPORTED_COMPRESSION", /support-compressed-volumes/],
  [665, "ERROR_FILE_SYSTEM_LIMITATION", /local path/],
  [1314, "ERROR_PRIVILEGE_NOT_HELD", /administrator/],
  [1392, "ERROR_FILE_CORRUPT", /checkVirtualDisk/],
  [6002, "ERROR_FILE_ENCRYPTED", /support-encrypted-files/],
];

testRowsWithDouble("openNative() says what brings a code about, and what to do", async (step) => {
  for (const [code, symbol, advice] of EXPLAINED) {
    await step(`${symbol} (${code})`, (context) => {
      const { double, open } = context;
      double.nextOpen(code);
      const error = assertThrows(() => open(), VirtualDiskError);
      assertEquals([error.code, error.symbol], [code, symbol]);
      assert(error.causes.some((cause) => advice.test(cause)), error.causes.join("\n"));
      assertStringIncludes(error.message, `${symbol}, ${code}`);
      assertStringIncludes(error.message, error.causes[0]!);
      assertStringIncludes(error.message, JSON.stringify(IMAGE));
    });
  }
});

testWithDouble("after a failure the same image opens", ({ double, open }) => {
  double.nextOpen(32, 2);
  assertThrows(() => open(), VirtualDiskError);
  assertThrows(() => open(), VirtualDiskError);
  using disk = open();
  assertEquals([disk.closed, double.liveHandles], [false, 1]);
});

testWithDouble("the asynchronous open gives the same disk", async ({ double, libraries }) => {
  const options = { type: "vhd", readOnly: false, flags: ["cached-io"] } as const;
  using disk = await openNativeAsync(openRequest("C:\\images\\ü💾.vhd", options), libraries);
  assertEquals([disk.backend, disk.path], ["native", "C:\\images\\ü💾.vhd"]);
  const { storageType, flags, parameters, path } = double.lastOpen;
  assertEquals([storageType?.deviceId, flags, parameters?.readOnly], [2, 8, 0]);
  assertEquals(path, disk.path);
  double.setSize({ virtualSize: 1, physicalSize: 2, blockSize: 3, sectorSize: 4 });
  assertEquals(disk.getInformation("size").physicalSize, 2);
});

testWithDouble("the asynchronous open fails as the other does", async ({ double, libraries }) => {
  double.nextOpen(1392);
  const error = await assertRejects(
    () => openNativeAsync(openRequest(IMAGE, {}), libraries),
    VirtualDiskError,
  );
  assertEquals([error.code, error.operation, error.path], [1392, "OpenVirtualDisk", IMAGE]);
  await assertRejects(
    () => openNativeAsync({ ...openRequest(IMAGE, {}), path: "C:\\a\0.vhd" }, libraries),
    TypeError,
  );
  assertEquals(double.lastOpen.calls, 1);
});

testWithDouble("many opens at once each get their own handle", async ({ double, libraries }) => {
  const opening = Array.from(
    { length: 40 },
    (_, i) => openNativeAsync(openRequest(`C:\\images\\${i}.vhdx`, {}), libraries),
  );
  const disks = await Promise.all(opening);
  assertEquals(double.liveHandles, 40);
  assertEquals(new Set(disks.map((disk) => disk.handle)).size, 40);
  assertEquals(disks.map((disk) => disk.path), disks.map((_, i) => `C:\\images\\${i}.vhdx`));
  for (const disk of disks) disk.close();
});
