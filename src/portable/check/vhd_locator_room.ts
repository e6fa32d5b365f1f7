/**
 * Checks the room that the parent's paths have in a VHD: a program that writes a longer path there must not
 * find anything else in it.
 *
 * @module
 */
import { FOOTER_SIZE } from "../vhd/footer.ts";
import { LOCATOR_FIELD, type LocatorEntry } from "../vhd/parent_locator.ts";
import {
  type PlacedHeader,
  roomOfLocator,
  spaceOfLocator,
  usedLocators,
} from "../vhd/parent_link.ts";
import { overlapping, type Region } from "../vhd/regions.ts";
import { SECTOR_SIZE } from "../vhd/sector.ts";
import { locatorOffset } from "../vhd/sparse_header.ts";
import type { Findings } from "./findings.ts";

/** What else there is in the file. */
export interface RoomNeighbours {
  /** Footer copy, header, block allocation table. */
  readonly head: readonly Region[];
  /** First sectors of the blocks, ascending. */
  readonly blocks: Uint32Array;
  /** Bytes of a block in the file. */
  readonly footprint: number;
  /** Where the footer at the end is. */
  readonly footerOffset: number;
}

/** Checks the room of every path. */
export function checkLocatorRoom(
  placed: PlacedHeader,
  neighbours: RoomNeighbours,
  findings: Findings,
): void {
  const locators = usedLocators(placed.header);
  for (const { entry, slot } of locators) {
    const unusual = (expected: string) =>
      findings.add({
        severity: "info",
        structure: "parent locator",
        offset: placed.offset + locatorOffset(slot) + LOCATOR_FIELD.platformDataSpace,
        found: entry.dataSpace,
        expected,
      });
    const room = roomOfLocator(entry);
    const others = locators.filter((other) => other.slot !== slot).map(({ entry }) =>
      dataOf(entry)
    );
    const other = overlapping(
      [...neighbours.head, ...others, ...after(room, neighbours)],
      room.offset,
      room.length,
    );
    if (other !== undefined) {
      unusual(`room at ${room.offset} that is clear of the ${other.name} at ${other.offset}`);
    } else if (spaceOfLocator(entry) < entry.dataLength) {
      unusual(`room for the ${entry.dataLength} bytes of the path`);
    }
  }
}

function dataOf({ dataOffset, dataLength }: LocatorEntry): Region {
  return { name: "path of another locator", offset: dataOffset, length: dataLength };
}

/** The block that lies in the room, if there is one, and the footer. */
function after({ offset, length }: Region, neighbours: RoomNeighbours): Region[] {
  const { blocks, footprint, footerOffset } = neighbours;
  const footer = { name: "footer", offset: footerOffset, length: FOOTER_SIZE };
  const sector = blocks.find((each) => each * SECTOR_SIZE + footprint > offset);
  if (sector === undefined || sector * SECTOR_SIZE >= offset + length) return [footer];
  return [{ name: "block", offset: sector * SECTOR_SIZE, length: footprint }, footer];
}
