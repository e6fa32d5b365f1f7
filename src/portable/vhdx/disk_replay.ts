/**
 * Replays a log to the file ([MS-VHDX] 2.3.3), for a writer.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import type { WritableSource } from "../byte_source.ts";
import { MIB } from "./file_map.ts";
import type { HeaderWriter } from "./header_writer.ts";
import type { ReplayedSource } from "./replayed_source.ts";

/**
 * Makes the file what `replayed` reads, then declares the log empty. The log stays valid until all is
 * durable: after a crash at any point the replay is done again, to the same end.
 *
 * @param replayed The file with its log replayed in memory, found to be a sound image.
 */
export function replayToFile(
  file: WritableSource,
  replayed: ReplayedSource,
  headers: HeaderWriter,
): void {
  headers.announceWrite();
  // What lies beyond the old end is to be zeros or pages of the log.
  if (file.size < replayed.size) file.truncate(replayed.size);
  for (const { offset, length } of replayed.replayedRanges()) {
    for (let done = 0; done < length; done += MIB) {
      copyChanged(file, replayed, offset + done, Math.min(MIB, length - done));
    }
  }
  file.flush();
  headers.updateBoth({ logGuid: NIL_GUID });
}

/** Zeros of the log often stand for zeros of the file: those stay holes. */
function copyChanged(
  file: WritableSource,
  replayed: ReplayedSource,
  offset: number,
  length: number,
): void {
  const wanted = new Uint8Array(length);
  const present = new Uint8Array(length);
  replayed.readAt(wanted, offset);
  file.readAt(present, offset);
  if (wanted.some((byte, i) => byte !== present[i])) file.writeAt(wanted, offset);
}
