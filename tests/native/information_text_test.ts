import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { VirtualDiskError } from "../../src/errors/error.ts";
import { multiString } from "../double/double.ts";
import { testWithDouble } from "./with_double.ts";

/** The size of GET_VIRTUAL_DISK_INFO in the header, and where its list of paths begins. */
const INFO_BYTES = 32;
const PATHS_OFFSET = 12;

testWithDouble(
  "parentLocation gives the one path of a parent that was found",
  ({ double, open }) => {
    using disk = open();
    for (
      const path of ["C:\\p.vhd", "C:\\Bilder\\Größe 💾.vhdx", "\\\\?\\C:\\" + "d\\".repeat(8000)]
    ) {
      double.setParentLocation(1, `${path}\0`);
      assertEquals(disk.getInformation("parentLocation"), { resolved: true, paths: [path] });
    }
  },
);

testWithDouble(
  "parentLocation gives every candidate for a parent that was not",
  ({ double, open }) => {
    using disk = open();
    const paths = [".\\p.vhd", "D:\\images\\p.vhd", "\\\\?\\Volume{1}\\p.vhd"];
    double.setParentLocation(0, multiString(...paths));
    assertEquals(disk.getInformation("parentLocation"), { resolved: false, paths });
  },
);

testWithDouble("parentLocation takes any form of the list", ({ double, open }) => {
  using disk = open();
  const forms: readonly [string, string[]][] = [
    ["", []],
    ["\0", []],
    ["\0\0", []],
    ["a", ["a"]],
    ["a\0b", ["a", "b"]],
    ["a\0b\0", ["a", "b"]],
    ["a\0b\0\0", ["a", "b"]],
    ["a\0\0beyond the end\0", ["a"]],
  ];
  for (const [text, paths] of forms) {
    double.setParentLocation(0, text);
    assertEquals(disk.getInformation("parentLocation").paths, paths);
  }
});

testWithDouble(
  "an answer longer than the structure is asked for in two steps",
  ({ double, open }) => {
    using disk = open();
    const fits = (INFO_BYTES - PATHS_OFFSET) / 2;
    for (const [characters, calls] of [[fits, 1], [fits + 1, 2], [32767, 2]] as const) {
      double.setParentLocation(1, "p".repeat(characters - 1) + "\0");
      const before = double.informationCalls;
      assertEquals(disk.getInformation("parentLocation").paths[0]?.length, characters - 1);
      assertEquals(double.informationCalls - before, calls);
    }
  },
);

testWithDouble("an answer that grows between the steps is asked for again", ({ double, open }) => {
  using disk = open();
  double.setParentLocation(1, "C:\\a.vhd\0");
  double.demandMore(3);
  assertEquals(disk.getInformation("parentLocation").paths, ["C:\\a.vhd"]);
  assertEquals(double.informationCalls, 4);
});

testWithDouble("an answer that never stops growing is ERROR_MORE_DATA", ({ double, open }) => {
  using disk = open();
  double.setParentLocation(1, "C:\\a.vhd\0");
  double.demandMore();
  const error = assertThrows(() => disk.getInformation("parentLocation"), VirtualDiskError);
  assertEquals([error.symbol, error.operation], ["ERROR_MORE_DATA", "GetVirtualDiskInformation"]);
  assertEquals(double.informationCalls, 5);
});

testWithDouble("a size query without a larger size is an error, not a loop", ({ double, open }) => {
  using disk = open();
  for (const code of [122, 234]) {
    double.setClassResult(3, code);
    const before = double.informationCalls;
    const error = assertThrows(() => disk.getInformation("parentLocation"), VirtualDiskError);
    assertEquals(error.code, code);
    assertStringIncludes(error.message, "32 bytes are too few, and 32 were asked for");
    assertEquals(double.informationCalls - before, 1);
  }
});

testWithDouble("changeTrackingState gives the state and the newest id", ({ double, open }) => {
  using disk = open();
  const ids = ["", "rctX:1:2:3", "i".repeat(256), "ü💾"];
  for (const [i, mostRecentId] of ids.entries()) {
    const [enabled, newerChanges] = [i % 2 === 0, i > 1];
    double.setChangeTracking(Number(enabled), Number(newerChanges), `${mostRecentId}\0`);
    const state = { enabled, newerChanges, mostRecentId };
    assertEquals(disk.getInformation("changeTrackingState"), state);
  }
});

testWithDouble("parents gives the whole chain, the nearest first", ({ double, open }) => {
  const paths = ["a", "b", "c", "d"].map((name) => `C:\\images\\${name}.vhdx`);
  for (const [i, path] of paths.slice(1).entries()) double.addParent(paths[i]!, path);
  using disk = open(paths[0]);
  assertEquals(disk.parents, paths.slice(1));
  using alone = open(paths[0], { flags: ["no-parents"] });
  assertEquals(alone.parents, []);
  using last = open(paths[3]);
  assertEquals(last.parents, []);
  last.close();
  assertEquals(assertThrows(() => last.parents, VirtualDiskError).symbol, "ERROR_INVALID_HANDLE");
});
