import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { VirtualDiskError } from "../../src/errors/error.ts";
import { IMAGE, testWithDouble } from "./with_double.ts";

testWithDouble("addParent passes the absolute path", ({ double, open }) => {
  using disk = open(IMAGE, { flags: ["custom-diff-chain"] });
  disk.addParent("C:\\moved\\base.vhdx");
  const { handle, parentPath } = double.lastCall("AddVirtualDiskParent");
  assertEquals([handle, parentPath], [Number(disk.handle), "C:\\moved\\base.vhdx"]);
  disk.addParent("base.vhdx");
  assertMatch(double.lastCall("AddVirtualDiskParent").parentPath!, /^[A-Z]:\\.*base\.vhdx$/i);
});

testWithDouble("addParent throws the code of the call, with what to do", ({ double, open }) => {
  {
    using disk = open();
    const error = assertThrows(() => disk.addParent("a.vhdx"), VirtualDiskError);
    assertEquals([error.symbol, error.path], ["ERROR_INVALID_PARAMETER", IMAGE]);
    assertMatch(error.causes[0]!, /custom-diff-chain/);
  }
  using disk = open(IMAGE, { flags: ["custom-diff-chain"] });
  double.nextResult("AddVirtualDiskParent", 0xc03a000e);
  const error = assertThrows(() => disk.addParent("a.vhdx"), VirtualDiskError);
  assertEquals(error.symbol, "ERROR_VHD_CHILD_PARENT_ID_MISMATCH");
});

testWithDouble("addParent takes paths alone, of an open disk", ({ double, open }) => {
  const disk = open(IMAGE, { flags: ["custom-diff-chain"] });
  assertThrows(() => disk.addParent(5 as unknown as string), TypeError);
  assertThrows(() => disk.addParent("a\0b"), TypeError);
  disk.close();
  assertThrows(() => disk.addParent("a"), VirtualDiskError, "ERROR_INVALID_HANDLE");
  assertEquals(double.calls("AddVirtualDiskParent"), 0);
});
