import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { VirtualDiskError } from "../../src/errors/error.ts";
import { rawScsi } from "../../src/native/raw_scsi.ts";
import { RAW_SCSI_VIRTUAL_DISK_RESPONSE } from "../../src/native/ffi/structs.ts";
import type { ScsiRequest } from "../../src/disk/driver_options.ts";
import { IMAGE, testWithDouble } from "./with_double.ts";

const INQUIRY = Uint8Array.of(0x12, 0, 0, 0, 96, 0);

testWithDouble("rawScsi sends the command and fills the data", ({ double, open }) => {
  using disk = open();
  const sense = Uint8Array.of(0x70, 0, 5);
  double.answers.answerScsi({ scsiStatus: 0x81, sense, data: Uint8Array.of(1, 2, 3) });
  const data = new Uint8Array(96).fill(0xee);
  const response = disk.rawScsi({ cdb: INQUIRY, data });
  assertEquals(response, { srbStatus: 0x81, sense, transferred: 3 });
  assertEquals([...data.subarray(0, 5)], [1, 2, 3, 0xee, 0xee]);
  const { handle, flags, responseGiven, parameters } = double.lastCall("RawSCSIVirtualDisk");
  assertEquals([handle, flags, responseGiven], [Number(disk.handle), 0, true]);
  assertEquals(parameters, {
    version: 1,
    rsvdHandle: 0,
    dataIn: 1,
    senseInfoLength: 32,
    srbFlags: 0,
    dataTransferLength: 96,
    cdb: "120000006000",
  });
});

testWithDouble("rawScsi sends data, and each option", ({ double, open }) => {
  using disk = open();
  // A view into the middle of a buffer, and a command of one byte: neither may arrive shifted.
  const data = Uint8Array.of(0, 0xa1, 0xb2, 0xc3, 0).subarray(1, 4);
  const request: ScsiRequest = {
    cdb: Uint8Array.of(0x2a),
    data,
    dataIn: false,
    senseLength: 255,
    rsvd: true,
    srbFlags: 0x80000001,
  };
  assertEquals(disk.rawScsi(request).transferred, 3);
  assertEquals(double.lastCall("RawSCSIVirtualDisk").parameters, {
    version: 1,
    rsvdHandle: 1,
    dataIn: 0,
    senseInfoLength: 255,
    srbFlags: 0x80000001,
    dataTransferLength: 3,
    cdb: "2a",
    dataOut: "a1b2c3",
  });
  assertEquals([...data], [0xa1, 0xb2, 0xc3]);
});

testWithDouble("a command without data and sense has neither", ({ double, open }) => {
  using disk = open();
  double.answers.answerScsi({ scsiStatus: 1, sense: new Uint8Array(9), data: new Uint8Array(9) });
  assertEquals(disk.rawScsi({ cdb: new Uint8Array(6), senseLength: 0 }), {
    srbStatus: 1,
    sense: new Uint8Array(),
    transferred: 0,
  });
  const one = new Uint8Array(1);
  double.answers.answerScsi({ data: Uint8Array.of(7, 8) });
  assertEquals(disk.rawScsi({ cdb: INQUIRY, data: one }).transferred, 1);
  assertEquals([...one], [7]);
});

testWithDouble("rawScsi throws the code of the call", ({ double, open }) => {
  using disk = open();
  double.nextResult("RawSCSIVirtualDisk", 0xc03a001c);
  const error = assertThrows(() => disk.rawScsi({ cdb: INQUIRY }), VirtualDiskError);
  assertEquals([error.symbol, error.path], ["ERROR_VHD_INVALID_STATE", IMAGE]);
  assertMatch(error.causes[0]!, /attached/);
});

testWithDouble("rawScsi refuses what the call cannot say", ({ double, open }) => {
  const disk = open();
  const rows: [request: unknown, error: new () => Error][] = [
    [{ cdb: new Uint8Array() }, RangeError],
    [{ cdb: new Uint8Array(256) }, RangeError],
    [{ cdb: [0x12] }, TypeError],
    [{ cdb: INQUIRY, data: "x" }, TypeError],
    [{ cdb: INQUIRY, senseLength: 256 }, RangeError],
    [{ cdb: INQUIRY, senseLength: -1 }, RangeError],
    [{ cdb: INQUIRY, srbFlags: 2 ** 32 }, RangeError],
  ];
  for (const [request, error] of rows) {
    assertThrows(() => disk.rawScsi(request as ScsiRequest), error);
  }
  disk.close();
  assertThrows(() => disk.rawScsi({ cdb: INQUIRY }), VirtualDiskError, "ERROR_INVALID_HANDLE");
  assertEquals(double.calls("RawSCSIVirtualDisk"), 0);
});

testWithDouble("an answer longer than its buffers is ERROR_INVALID_DATA", ({ libraries }) => {
  const answers = [{ sense: 33, data: 0 }, { sense: 0, data: 97 }, {
    sense: 255,
    data: 2 ** 32 - 1,
  }];
  for (const { sense, data } of answers) {
    const virtdisk = {
      RawSCSIVirtualDisk: (...args: unknown[]) => {
        (args[3] as Uint8Array).set(RAW_SCSI_VIRTUAL_DISK_RESPONSE.pack({
          Version: 1,
          Version1: { ScsiStatus: 1, SenseInfoLength: sense, DataTransferLength: data },
        }));
        return 0;
      },
    };
    const called = {
      libraries: { ...libraries, virtdisk: virtdisk as unknown as typeof libraries.virtdisk },
      handle: 4n,
      path: IMAGE,
    };
    const error = assertThrows(
      () => rawScsi(called, { cdb: INQUIRY, data: new Uint8Array(96) }),
      VirtualDiskError,
    );
    assertEquals(error.symbol, "ERROR_INVALID_DATA");
  }
});
