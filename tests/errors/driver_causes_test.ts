import { assert, assertEquals, assertMatch } from "@std/assert";
import { DRIVER_CAUSES } from "../../src/errors/driver_causes.ts";
import { causesThatHold, situationOf } from "../../src/errors/cause.ts";
import { causesOf } from "../../src/errors/causes.ts";
import { errorCode, type ErrorSymbol } from "../../src/errors/codes.ts";
import { VIRTDISK_FUNCTIONS } from "../../src/native/virtdisk.ts";

const NATIVE = situationOf("native");

for (const [operation, causes] of Object.entries(DRIVER_CAUSES)) {
  Deno.test(`${operation} explains each of its codes, and none but its own`, () => {
    assert(operation in VIRTDISK_FUNCTIONS);
    for (const [symbol, texts] of Object.entries(causes)) {
      const native = causesThatHold(texts, NATIVE);
      if (native.length > 0) {
        assertEquals(causesOf(operation, errorCode(symbol as ErrorSymbol), NATIVE), native);
      }
      for (const each of texts) {
        const text = typeof each === "string" ? each : each.text;
        assertMatch(text, /^[A-Z].*\.$/s, `${symbol}: ${text}`);
      }
    }
    const general = causesOf(
      "GetVirtualDiskOperationProgress",
      errorCode("ERROR_DISK_FULL"),
      NATIVE,
    );
    assertEquals(causesOf(operation, errorCode("ERROR_DISK_FULL"), NATIVE), general);
  });
}

/** What a person must be told to do about the codes that are met most. */
const REMEDIES: [operation: string, symbol: ErrorSymbol, remedy: RegExp][] = [
  ["SetVirtualDiskInformation", "ERROR_ACCESS_DENIED", /readOnly: false.*detach/s],
  ["SetVirtualDiskInformation", "ERROR_INVALID_PARAMETER", /no-parents/],
  ["SetVirtualDiskMetadata", "ERROR_VHD_METADATA_FULL", /1024 items.*1 MiB/],
  ["SetVirtualDiskMetadata", "ERROR_ACCESS_DENIED", /readOnly: false/],
  ["GetVirtualDiskMetadata", "ERROR_NOT_SUPPORTED", /Only VHDX/],
  ["DeleteVirtualDiskMetadata", "ERROR_VHD_INVALID_TYPE", /Only VHDX/],
  ["EnumerateVirtualDiskMetadata", "ERROR_INVALID_PARAMETER", /version 1/],
  ["GetVirtualDiskPhysicalPath", "ERROR_DEV_NOT_EXIST", /not attached/],
  ["GetStorageDependencyInformation", "ERROR_VIRTDISK_NOT_VIRTUAL_DISK", /rests on no image/],
  ["AddVirtualDiskParent", "ERROR_INVALID_PARAMETER", /custom-diff-chain/],
  ["QueryChangesVirtualDisk", "ERROR_VHD_CHANGE_TRACKING_DISABLED", /changeTrackingEnabled", true/],
  ["QueryChangesVirtualDisk", "ERROR_VHD_INVALID_CHANGE_TRACKING_ID", /mostRecentId/],
  ["RawSCSIVirtualDisk", "ERROR_VHD_INVALID_STATE", /attached/],
  ["TakeSnapshotVhdSet", "ERROR_NOT_SUPPORTED", /\.vhds/],
  ["ApplySnapshotVhdSet", "ERROR_NOT_FOUND", /no snapshot of that id/],
  ["DeleteSnapshotVhdSet", "ERROR_SHARING_VIOLATION", /Hyper-V/],
  ["ModifyVhdSet", "ERROR_INVALID_PARAMETER", /\.vhds/],
];

for (const [operation, symbol, remedy] of REMEDIES) {
  Deno.test(`${operation} says what to do about ${symbol}`, () => {
    assertMatch(causesOf(operation, errorCode(symbol), NATIVE).join("\n"), remedy);
  });
}
