/**
 * Reads the large tables of images, most of whose entries are alike: those of blocks that the file does not have.
 *
 * @module
 */
import { isAllOnes, isAllZero } from "../../bytes/zeros.ts";
import type { ErrorSymbol } from "../../errors/codes.ts";
import { type ByteSource, readStructureInto, viewOf } from "./byte_source.ts";
import { giveBackSpareBytes, takeSpareBytes } from "./spare_bytes.ts";

/** A table in a file. */
export interface LargeTable {
  /** Where it begins, in bytes. */
  readonly offset: number;
  /** Bytes, whole entries. */
  readonly length: number;
  /** The bits of an entry that says nothing. */
  readonly blank: "zeros" | "ones";
  /** Names the table in errors. */
  readonly structure: string;
  /** The error of a table that the file is too short for. */
  readonly code: ErrorSymbol;
}

/** A part of a table. */
export interface TablePart {
  /** Where it begins in the table, in bytes: a multiple of 4096. */
  readonly at: number;
  /** Its bytes, until the next part is asked for. */
  readonly view: DataView;
}

/** Bytes of a part. */
const PART = 4096;

/** The parts that have an entry that says something, in order. Blank ones are passed over by native comparisons. */
export function* usedParts(
  source: ByteSource,
  { offset, length, blank, structure, code }: LargeTable,
): Generator<TablePart> {
  const isBlank = blank === "zeros" ? isAllZero : isAllOnes;
  const buffer = takeSpareBytes();
  try {
    for (let done = 0; done < length; done += buffer.length) {
      const piece = buffer.subarray(0, Math.min(buffer.length, length - done));
      readStructureInto(piece, source, offset + done, structure, code);
      if (isBlank(piece)) continue;
      for (let at = 0; at < piece.length; at += PART) {
        const part = piece.subarray(at, at + PART);
        if (!isBlank(part)) yield { at: done + at, view: viewOf(part) };
      }
    }
  } finally {
    giveBackSpareBytes(buffer);
  }
}
