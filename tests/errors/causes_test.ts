import { assert, assertEquals, assertMatch } from "@std/assert";
import { CAUSES, causesOf, causesThatHold, situationOf } from "../../src/errors/causes.ts";
import { errorCode, type ErrorSymbol } from "../../src/errors/codes.ts";
import { KERNEL32_FUNCTIONS } from "../../src/native/ffi/kernel32.ts";
import { VIRTDISK_FUNCTIONS } from "../../src/native/ffi/virtdisk.ts";
import { pureTest } from "../pure.ts";

const NATIVE = situationOf("native");
/** Two begin with what is to be typed. */
const SENTENCE = /^(?:[A-Z]|`fsutil |\{ backend:).*\.$/s;
/** What is said of a code in an operation that knows nothing of its own. */
const GENERAL = causesOf("GetVirtualDiskOperationProgress", errorCode("ERROR_DISK_FULL"), NATIVE);

pureTest("causesOf() says in sentences what the codes of an operation come from", async (t) => {
  for (const [operation, causes] of Object.entries(CAUSES)) {
    await t.step(`${operation}`, () => {
      assert(operation in VIRTDISK_FUNCTIONS || operation in KERNEL32_FUNCTIONS);
      for (const [symbol, texts = []] of Object.entries(causes)) {
        const native = causesThatHold(texts, NATIVE);
        if (native.length > 0) {
          assertEquals(causesOf(operation, errorCode(symbol as ErrorSymbol), NATIVE), native);
        }
        assert(texts.length > 0);
        for (const each of texts) {
          const text = typeof each === "string" ? each : each.text;
          assertMatch(text, SENTENCE, `${symbol}: ${text}`);
        }
      }
    });
  }
});

// Creating alone knows more of a full volume than is true of all operations.
pureTest(
  "causesOf() leaves codes that are not an operation's own to the general causes",
  async (t) => {
    for (const operation of Object.keys(CAUSES).filter((each) => each !== "CreateVirtualDisk")) {
      await t.step(`${operation}`, () => {
        assertEquals(causesOf(operation, errorCode("ERROR_DISK_FULL"), NATIVE), GENERAL);
      });
    }
  },
);

/** What a person must be told to do about the codes that are met most. */
const REMEDIES: [operation: string, symbol: ErrorSymbol, remedy: RegExp][] = [
  ["AttachVirtualDisk", "ERROR_PRIVILEGE_NOT_HELD", /elevated/],
  ["AttachVirtualDisk", "ERROR_ACCESS_DENIED", /readOnly: true.*elevated/s],
  ["AttachVirtualDisk", "ERROR_SHARING_VIOLATION", /close it there/],
  ["AttachVirtualDisk", "ERROR_BAD_COMMAND", /attached already/],
  ["AttachVirtualDisk", "ERROR_NOT_SUPPORTED", /ISO/],
  ["AttachVirtualDisk", "ERROR_TIMEOUT", /format/],
  ["DetachVirtualDisk", "ERROR_SHARING_VIOLATION", /handle\.exe/],
  ["DetachVirtualDisk", "ERROR_ACCESS_DENIED", /handle\.exe.*`detach`/s],
  ["DetachVirtualDisk", "ERROR_NOT_FOUND", /not attached/],
  ["CompactVirtualDisk", "ERROR_VHD_INVALID_TYPE", /dynamic/],
  ["CompactVirtualDisk", "ERROR_VHD_INVALID_STATE", /read-only/],
  ["ExpandVirtualDisk", "ERROR_VHD_INVALID_STATE", /detach/],
  ["ResizeVirtualDisk", "ERROR_VHD_RESIZE_WOULD_TRUNCATE_DATA", /smallestSafeVirtualSize/],
  ["ResizeVirtualDisk", "ERROR_VHD_COULD_NOT_COMPUTE_MINIMUM_VIRTUAL_SIZE", /allowUnsafe/],
  ["ResizeVirtualDisk", "ERROR_VHD_INVALID_TYPE", /VHDX/],
  ["MergeVirtualDisk", "ERROR_VHD_INVALID_TYPE", /no parent/],
  ["MergeVirtualDisk", "ERROR_ACCESS_DENIED", /rwDepth/],
  ["MergeVirtualDisk", "ERROR_VHD_METADATA_FULL", /delete/],
  ["MirrorVirtualDisk", "ERROR_FILE_EXISTS", /existingFile/],
  ["BreakMirrorVirtualDisk", "ERROR_VHD_INVALID_STATE", /in step/],
  ["ForkVirtualDisk", "ERROR_FILE_EXISTS", /existingFile/],
  ["CompleteForkVirtualDisk", "ERROR_VHD_INVALID_STATE", /in step/],
  ["CreateVirtualDisk", "ERROR_VIRTDISK_DISK_ONLINE_AND_WRITABLE", /offline/],
  ["CreateVirtualDisk", "ERROR_DISK_FULL", /dynamic/],
  ["CloseHandle", "ERROR_INVALID_STATE", /abort its signal/],
  ["ReadFile", "ERROR_INVALID_PARAMETER", /whole sectors/],
  ["WriteFile", "ERROR_ACCESS_DENIED", /for reading/],
  ["SetVolumeMountPointW", "ERROR_DIRECTORY", /make it/],
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

pureTest("causesOf() says what to do about the codes that are met most", async (t) => {
  for (const [operation, symbol, remedy] of REMEDIES) {
    await t.step(`${operation}, ${symbol}`, () => {
      assertMatch(causesOf(operation, errorCode(symbol), NATIVE).join("\n"), remedy);
    });
  }
});
