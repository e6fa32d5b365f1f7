import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { VirtualDiskError } from "../../src/errors/error.ts";
import type { VirtDisk } from "../../src/native/ffi/virtdisk.ts";
import { queryInformation } from "../../src/native/information.ts";
import { GET_VIRTUAL_DISK_INFO } from "../../src/native/ffi/structs.ts";
import { pureTest } from "../pure.ts";

const HANDLE = 4n;
const MIB = 1024 * 1024;

/** A GetVirtualDiskInformation that asks for these sizes in turn, then gives an answer. */
class Answers {
  readonly sizes: number[] = [];
  readonly versions: number[] = [];

  constructor(
    readonly code: number,
    readonly wanted: readonly number[],
    readonly answer: Uint8Array = new Uint8Array(),
  ) {}

  readonly GetVirtualDiskInformation: VirtDisk["GetVirtualDiskInformation"] = (
    handle,
    size,
    info,
    used,
  ) => {
    assertEquals([handle, used], [HANDLE, null]);
    assert(size instanceof DataView && info instanceof Uint8Array);
    assertEquals(info.length, size.getUint32(0, true));
    this.versions.push(info[0]!);
    assert(info.subarray(1).every((byte) => byte === 0), "the buffer is not zero");
    const wanted = this.wanted[this.sizes.push(info.length) - 1];
    if (wanted === undefined) {
      info.set(this.answer);
      return 0;
    }
    size.setUint32(0, wanted, true);
    info.fill(0xa5);
    return this.code;
  };
}

pureTest("queryInformation() asks again with the size that it was told", async (t) => {
  for (const code of [122, 234]) {
    await t.step(`after ${code}`, () => {
      const text = "C:\\p".repeat(20);
      const ParentLocation = { ParentResolved: true, ParentLocationBuffer: text };
      const answer = GET_VIRTUAL_DISK_INFO.pack({ Version: 3, ParentLocation });
      const answers = new Answers(code, [100, 120, answer.length], answer);
      const info = queryInformation(answers, HANDLE, 3, "a.vhd");
      assertEquals(info, { Version: 3, ParentLocation });
      assertEquals(answers.sizes, [32, 100, 120, answer.length]);
      assertEquals(answers.versions, [3, 3, 3, 3]);
    });
  }
});

pureTest("what a library asks for beyond a MiB is not allocated", () => {
  assertEquals(queryInformation(new Answers(122, [MIB]), HANDLE, 5, "a.vhd").Version, 5);
  for (const wanted of [MIB + 1, 0xffffffff]) {
    const answers = new Answers(122, [wanted]);
    const query = () => queryInformation(answers, HANDLE, 3, "a.vhd");
    const error = assertThrows(query, VirtualDiskError);
    assertEquals([error.code, error.path], [122, "a.vhd"]);
    assertStringIncludes(error.message, `${wanted} were asked for`);
    assertEquals(answers.sizes, [32]);
  }
});

pureTest("a library that asks for less than it was given is an error, not a loop", () => {
  for (const wanted of [0, 31, 32]) {
    const answers = new Answers(234, [wanted]);
    assertThrows(() => queryInformation(answers, HANDLE, 15, "a.vhd"), VirtualDiskError, "too few");
    assertEquals(answers.sizes, [32]);
  }
});

pureTest("an answer is read as the class that was asked for, whatever its number says", () => {
  const answer = GET_VIRTUAL_DISK_INFO.pack({ Version: 5, ParentTimestamp: 77 });
  answer[0] = 0;
  assertEquals(queryInformation(new Answers(122, [], answer), HANDLE, 5, "a.vhd"), {
    Version: 5,
    ParentTimestamp: 77,
  });
});
