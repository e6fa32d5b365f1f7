import { assert, assertEquals, assertMatch } from "@std/assert";
import { causesThatHold, situationOf } from "../../src/errors/cause.ts";
import { causesOf } from "../../src/errors/causes.ts";
import { errorCode, type ErrorSymbol } from "../../src/errors/codes.ts";
import { VIRTDISK_FUNCTIONS } from "../../src/native/virtdisk.ts";
import { KERNEL32_FUNCTIONS } from "../../src/native/kernel32.ts";
import { OPERATION_CAUSES } from "../../src/errors/operation_causes.ts";

const NATIVE = situationOf("native");

for (const [operation, causes] of Object.entries(OPERATION_CAUSES)) {
  Deno.test(`${operation} says what its codes come from, in sentences`, () => {
    assert(operation in VIRTDISK_FUNCTIONS || operation in KERNEL32_FUNCTIONS);
    for (const [symbol, texts] of Object.entries(causes)) {
      const native = causesThatHold(texts, NATIVE);
      if (native.length > 0) {
        assertEquals(causesOf(operation, errorCode(symbol as ErrorSymbol), NATIVE), native);
      }
      assert(texts.length > 0);
      for (const each of texts) {
        const text = typeof each === "string" ? each : each.text;
        assertMatch(text, /^[A-Z].*\.$/s, `${symbol}: ${text}`);
      }
    }
  });
}

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
];

for (const [operation, symbol, remedy] of REMEDIES) {
  Deno.test(`${operation} says what to do about ${symbol}`, () => {
    assertMatch(causesOf(operation, errorCode(symbol), NATIVE).join("\n"), remedy);
  });
}
