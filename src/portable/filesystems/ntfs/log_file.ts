/**
 * The log of NTFS: whether Windows let go of the volume with nothing left to be done.
 *
 * There are two copies of a restart page, then pages of records. Windows XP and later leave the log open for its
 * client, and set a flag when the volume is dismounted, which they clear when it is mounted; before, no client was
 * left. A log of nothing but set bits is a new one: so programs leave it that made or changed the volume without
 * it. (The Linux-NTFS documentation of $LogFile, and what is said of its flags with Linux's definition of the
 * structures.)
 *
 * Windows 8 and later write version 2.0 while a volume is mounted, and put version 1.1 back when it is dismounted,
 * which a shutdown with fast start does not do (Microsoft, "Windows 8 volume compatibility considerations with
 * prior versions of Windows").
 *
 * @module
 */
import { u16, u32, u64 } from "../../../bytes/codec.ts";
import { isEqual } from "../../../bytes/equal.ts";
import { layout } from "../../../bytes/layout.ts";
import type { Refusal } from "../file_system.ts";
import { refusal } from "./boot_sector.ts";
import { restoreSectors, SIGNATURE, signatureOf } from "./records.ts";
import type { Stream } from "./runs.ts";

const RESTART_PAGE = layout("restart page", { size: 30, endian: "little" }, {
  systemPageSize: [16, u32],
  restartOffset: [24, u16],
  minorVersion: [26, u16],
  majorVersion: [28, u16],
});
const RESTART_AREA = layout("restart area", { size: 48, endian: "little" }, {
  currentLsn: [0, u64],
  clientsInUse: [12, u16],
  flags: [14, u16],
});
const NO_CLIENT = 0xffff;
const IS_CLEAN = 0x0002;
const PAGE_SIZES = [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536];

/** Bytes that are read at once. */
const PIECE_LENGTH = 2 ** 20;
const EMPTY = new Uint8Array(PIECE_LENGTH).fill(0xff);

/** What helps with a volume that Windows has not let go of. */
const ADVICE = "start Windows and shut it down fully with `shutdown /s /t 0`, as an ordinary " +
  "shutdown with fast start leaves volumes in use";

/** The refusal of a volume that Windows must let go of first. */
export function inUse(reason: string): Refusal {
  return refusal(`${reason}; ${ADVICE}`);
}

/**
 * Verifies that there is nothing in the log that must be done yet. Yields whenever it has read for a while.
 *
 * @throws {Refusal} If there is, or may be.
 */
export function* verifyLogClean(log: Stream): Generator<undefined> {
  const start = log.read(0, Math.min(log.size, RESTART_PAGE.size));
  if (start.length < RESTART_PAGE.size) throw refusal("its log is too short to be one");
  if (start.every((byte) => byte === 0xff)) {
    yield* verifyEmpty(log);
    return;
  }
  const first = readRestartPage(log, 0);
  const second = readRestartPage(log, first.pageSize);
  // A torn page is refused, so that the newer one is that which was written last.
  const newest = first.currentLsn === second.currentLsn
    ? [first, second]
    : [first.currentLsn > second.currentLsn ? first : second];
  for (const { clientsInUse, flags } of newest) {
    if (clientsInUse !== NO_CLIENT && (flags & IS_CLEAN) === 0) {
      throw inUse("it was not unmounted cleanly: its log has changes that may not be done yet");
    }
  }
}

function* verifyEmpty(log: Stream): Generator<undefined> {
  for (let at = 0; at < log.size; at += PIECE_LENGTH) {
    const length = Math.min(PIECE_LENGTH, log.size - at);
    if (!isEqual(log.read(at, length), EMPTY.subarray(0, length))) {
      throw inUse("its log is neither empty nor one that Windows has closed");
    }
    yield undefined;
  }
}

interface RestartPage {
  readonly pageSize: number;
  readonly currentLsn: number;
  readonly clientsInUse: number;
  readonly flags: number;
}

function readRestartPage(log: Stream, offset: number): RestartPage {
  const unknown = () => inUse("its log has no restart page that is understood");
  if (offset + RESTART_PAGE.size > log.size) throw unknown();
  const start = log.read(offset, RESTART_PAGE.size);
  const { systemPageSize: pageSize } = RESTART_PAGE.unpack(start);
  const signature = signatureOf(start);
  if (signature === SIGNATURE.CHKD) {
    throw inUse("its log was changed by chkdsk, and not opened since");
  }
  if (
    signature !== SIGNATURE.RSTR || !PAGE_SIZES.includes(pageSize) || offset + pageSize > log.size
  ) {
    throw unknown();
  }
  const page = log.read(offset, pageSize);
  restoreSectors(page, "the restart page of its log");
  const { restartOffset, majorVersion, minorVersion } = RESTART_PAGE.unpack(page);
  if (majorVersion === 2) {
    throw inUse("its log has version 2, as it has while Windows uses the volume");
  }
  if (majorVersion !== 1 || minorVersion > 1 || !RESTART_AREA.fits(page, restartOffset)) {
    throw unknown();
  }
  return { pageSize, ...RESTART_AREA.unpack(page, restartOffset) };
}
