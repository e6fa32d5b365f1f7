/**
 * Gives a differencing VHD another parent. The sparse header takes two sectors, which a crash may tear: so
 * a second header is written at the end of the file, the footers lead to it while the first is written
 * anew, and then back. At each moment they lead to a whole header, whose paths are whole.
 *
 * @module
 */
import { encodeUtf16 } from "../../bytes/utf16.ts";
import { readStructure } from "../file/byte_source.ts";
import { ImageError } from "../file/image_error.ts";
import type { ParentSpec } from "../image/image.ts";
import { FOOTER_SIZE } from "./footer.ts";
import type { PlacedLocator } from "./create.ts";
import { MAX_PATH_SIZE, parentUnicodeName, pathFault, roomOfLocator } from "./parent_link.ts";
import {
  LOCATOR_COUNT,
  type LocatorEntry,
  parseSparseHeader,
  PLATFORM_CODE,
  SPARSE_HEADER_SIZE,
  UNUSED_LOCATOR,
  withParent,
} from "./sparse_header.ts";
import { overlapping, type Region } from "./regions.ts";
import { roundUp, SECTOR_SIZE } from "./layout.ts";
import type { SparseVhdFile } from "./vhd_file.ts";

/** Where everyone puts the header, and some readers look for it whatever the footer says. */
const USUAL_HEADER_OFFSET = FOOTER_SIZE;

/**
 * Stores another parent, durably.
 *
 * @param file Of a differencing image, as a clean close leaves it.
 * @throws {ImageError} `ERROR_FILENAME_EXCED_RANGE` for a path that is too long, `ERROR_INVALID_NAME` for
 * one that no reader would follow; nothing has been written then.
 */
export function rebaseVhd(file: SparseVhdFile, parent: ParentSpec): void {
  const { source, footers } = file;
  // Only a fixed image has none.
  const headerOffset = footers.footer.dataOffset!;
  const code = "ERROR_VHD_METADATA_READ_FAILURE";
  const header = readStructure(source, headerOffset, SPARSE_HEADER_SIZE, "sparse header", code);
  const start = roundUp(footers.offset, SECTOR_SIZE);
  const fresh = placedFrom(source.path, parent, start);
  const home = homeOf(file, headerOffset);
  const reused = inFormerRoom(file, fresh, parseSparseHeader(header).locators, home, start);
  const secondHeader = endOf(fresh, start);

  footers.place(secondHeader + SPARSE_HEADER_SIZE);
  for (const { entry, data } of fresh) source.writeAt(padded(data), entry.dataOffset);
  source.writeAt(withLocators(header, parent, fresh), secondHeader);
  source.flush();
  footers.setDataOffset(secondHeader);

  for (const { entry, data } of reused) {
    if (entry.dataOffset < start) source.writeAt(data, entry.dataOffset);
  }
  source.writeAt(withLocators(header, parent, reused), home);
  source.flush();
  footers.setDataOffset(home);

  const end = endOf(reused, start);
  footers.place(end);
  source.truncate(end + FOOTER_SIZE);
  source.flush();
  file.allocator.skipTo(end);
  file.readHeader();
}

/** A crash may have left the header elsewhere: then it comes back to where it was. */
function homeOf(file: SparseVhdFile, headerOffset: number): number {
  const usual = { offset: USUAL_HEADER_OFFSET, length: SPARSE_HEADER_SIZE };
  const isFree = overlapping(file.layout.metadata, usual.offset, usual.length) === undefined &&
    !file.holdsBlock(usual);
  return isFree ? usual.offset : headerOffset;
}

/** The paths, one after the other, each in sectors of its own. */
function placedFrom(path: string, parent: ParentSpec, start: number): PlacedLocator[] {
  const paths: [number, string | undefined][] = [
    [PLATFORM_CODE.w2ku, parent.absolutePath],
    [PLATFORM_CODE.w2ru, parent.relativePath],
  ];
  const locators: PlacedLocator[] = [];
  for (const [platformCode, text] of paths) {
    if (text === undefined) continue;
    const fault = pathFault(text);
    if (fault !== undefined) {
      const reason = `${JSON.stringify(text)}: a parent is named by ${fault}`;
      throw new ImageError("ERROR_INVALID_NAME", { path, reason });
    }
    const data = encodeUtf16(text, true);
    if (data.length > MAX_PATH_SIZE) {
      throw new ImageError("ERROR_FILENAME_EXCED_RANGE", {
        path,
        reason: "the path of the parent is too long to be stored in the child",
      });
    }
    const dataOffset = endOf(locators, start);
    const dataSpace = roundUp(data.length, SECTOR_SIZE);
    locators.push({
      entry: { platformCode, dataSpace, dataLength: data.length, dataOffset },
      data,
    });
  }
  return locators;
}

/** The paths in the rooms of the former ones, where they fit and nothing else lies there. */
function inFormerRoom(
  file: SparseVhdFile,
  fresh: readonly PlacedLocator[],
  former: readonly LocatorEntry[],
  home: number,
  end: number,
): PlacedLocator[] {
  const taken: Region[] = [{ name: "sparse header", offset: home, length: SPARSE_HEADER_SIZE }];
  return fresh.map((locator) => {
    const { platformCode, dataLength } = locator.entry;
    const entry = former.find((each) => {
      const room = roomOfLocator(each);
      const { offset, length } = room;
      const others = file.layout.metadata.filter((region) =>
        region.offset !== each.dataOffset || region.length !== each.dataLength
      );
      return each.platformCode === platformCode && dataLength <= length && offset + length <= end &&
        overlapping([...taken, ...others], offset, length) === undefined &&
        !file.holdsBlock(room);
    });
    if (entry === undefined) return locator;
    taken.push(roomOfLocator(entry));
    return { ...locator, entry: { ...entry, dataLength } };
  });
}

/** Where the last of the paths that lie from `start` on ends. */
function endOf(locators: readonly PlacedLocator[], start: number): number {
  return locators.reduce((end, { entry: { dataOffset, dataLength } }) => {
    return dataOffset < start ? end : roundUp(dataOffset + dataLength, SECTOR_SIZE);
  }, start);
}

function withLocators(
  header: Uint8Array,
  parent: ParentSpec,
  locators: readonly PlacedLocator[],
): Uint8Array<ArrayBuffer> {
  const entries = locators.map(({ entry }) => entry);
  const unused = new Array<LocatorEntry>(LOCATOR_COUNT - entries.length).fill(UNUSED_LOCATOR);
  return withParent(header, {
    parentUniqueId: parent.identifier,
    // Windows 10 stores no stamp either; its readers and this one do not ask for it.
    parentTimeStamp: 0,
    parentUnicodeName: parentUnicodeName(parent),
    locators: [...entries, ...unused],
  });
}

function padded(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(roundUp(data.length, SECTOR_SIZE));
  bytes.set(data);
  return bytes;
}
