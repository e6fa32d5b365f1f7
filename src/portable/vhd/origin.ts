/**
 * Who made a VHD, and when, by its footer.
 *
 * @module
 */
import type { ByteSource } from "../byte_source.ts";
import type { ImageOrigin } from "../image_origin.ts";
import { findFooter } from "./footer_search.ts";

/** Seconds since then are what a footer stores. */
const EPOCH = Date.UTC(2000, 0, 1);

/** Programs by what they write; others are told by the characters themselves. */
const PROGRAMS: Readonly<Record<string, string>> = {
  "win ": "Windows",
  "vpc ": "Virtual PC",
  "vs  ": "Virtual Server",
  qemu: "QEMU",
  qem2: "QEMU",
  vbox: "VirtualBox",
  "tap\0": "Xen",
};

/** What the footer says. */
export function vhdOrigin(source: ByteSource): ImageOrigin {
  const { creatorApplication, creatorVersion, timeStamp } = findFooter(source).footer;
  const code = String.fromCharCode(
    ...[24, 16, 8, 0].map((shift) => creatorApplication >>> shift & 0xff),
  );
  const program = PROGRAMS[code] ?? code.replaceAll(/[^\x20-\x7e]/g, "").trim();
  const version = `${creatorVersion >>> 16}.${creatorVersion & 0xffff}`;
  return {
    ...(program === "" ? {} : { creator: `${program} ${version}` }),
    ...(timeStamp === 0 ? {} : { created: new Date(EPOCH + timeStamp * 1000).toISOString() }),
  };
}
