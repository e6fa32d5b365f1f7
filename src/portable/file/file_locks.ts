/**
 * Who has locked a file, and against whom. Deno takes locks of one kind (`flock`), of which programs that
 * take the other kind (`fcntl`: QEMU, libvirt) notice nothing, as Deno notices nothing of theirs. Linux
 * tells of all of them in `/proc/locks`.
 *
 * @see {@link https://man7.org/linux/man-pages/man5/proc_locks.5.html}
 * @see {@link https://man7.org/linux/man-pages/man5/proc_pid_fdinfo.5.html}
 * @module
 */
import { fileOperation } from "./file_operation.ts";
import { pauseSync } from "../../disk/pause.ts";
import { ImageError } from "./image_error.ts";

/** A program that has locked a file. */
interface LockHolder {
  /** Whom it keeps away: everyone who opens the file, or those who would write. */
  readonly excludes: "everyone" | "writers";
  /** The process; absent if it cannot be seen from here. */
  readonly pid?: number;
}

/** A line of `/proc/locks`. */
interface Lock {
  readonly kind: "FLOCK" | "POSIX" | "OFDLCK";
  readonly isExclusive: boolean;
  /** -1 for OFD locks, which belong to an open file rather than to a process. */
  readonly pid: number;
  /** Major and minor device numbers in hexadecimal. */
  readonly device: string;
  readonly inode: number;
  /** The range of bytes; the last one included. */
  readonly first: number;
  readonly last: number;
}

/**
 * Locks a file until it is closed: against everyone, or against those who would write. The lock is advisory on
 * POSIX systems, where only openers that lock take notice, and enforced by Windows. Locks of other kinds are
 * respected as far as the system tells of them.
 *
 * @throws {ImageError} `ERROR_SHARING_VIOLATION`, with the process that is in the way if that is known;
 * `ERROR_NOT_SUPPORTED` if this Deno is too old to lock without waiting.
 */
export function lockFile(path: string, file: Deno.FsFile, isExclusive: boolean): void {
  if (!("tryLockSync" in file)) throw tooOld(path);
  const isLocked = fileOperation(path, () => tryLock(file, isExclusive));
  if (isLocked && !isExclusive && fileOperation(path, () => wasUnlocked(file))) return;
  // Of locks of the kind that Deno takes, none is in the way of one that has been taken.
  const holder = fileOperation(path, () => lockHolders(file, !isLocked))?.find((each) =>
    isExclusive || each.excludes === "everyone"
  );
  if (isLocked && holder === undefined) return;
  if (isLocked) unlockFile(file);
  throw new ImageError("ERROR_SHARING_VIOLATION", {
    path,
    reason: holder === undefined
      ? `another program, or another disk of this one, has the image open${
        isExclusive ? "" : " for writing"
      }`
      : holderText(holder, !isLocked),
    about: holder?.pid === Deno.pid
      ? ["another disk"]
      : [isExclusive ? "file to write" : "file", "another program"],
  });
}

/** Nothing else of what this package asks of Deno is as new. */
function tooOld(path: string): ImageError {
  return new ImageError("ERROR_NOT_SUPPORTED", {
    path,
    reason: `this is Deno ${Deno.version.deno}, which cannot lock files as it must; Deno 2.7 can`,
    causes: ["Install a newer Deno: `deno upgrade`."],
  });
}

/** How often a lock is tried, and milliseconds between two tries. */
const TRIES = 6;
const PAUSE = 10;

/**
 * Some locks last for a moment only: whoever just asks whether a file is in use (a diagnosis) or abandoned (the
 * next command that writes in its folder) takes one, and must be in no opener's way. A file that stays locked is
 * told of after 50 milliseconds.
 */
function tryLock(file: Deno.FsFile, isExclusive: boolean): boolean {
  for (let tries = 1; !file.tryLockSync(isExclusive); tries++) {
    if (tries === TRIES) return false;
    pauseSync(PAUSE);
  }
  return true;
}

/**
 * Unlocks a file that is about to be closed. To close it is not enough: a program that this process starts at
 * the same moment, on another thread, has a copy of the open file until it is loaded, and the lock with it.
 * Windows gives no such copies.
 */
export function unlockFile(file: Deno.FsFile): void {
  if (Deno.build.os !== "windows") file.unlockSync();
}

/**
 * Whether the system tells of locks that Deno does not notice by itself: Linux does, but Deno reads
 * `/proc/locks` with `--allow-all` only. Windows has no such locks.
 */
export function seesAllLocks(): boolean {
  return Deno.build.os === "windows" || readLocks() !== undefined;
}

/**
 * Whether somebody has looked already, in this moment, and no lock of another kind was there, on this file or on one of
 * the same number. A reader is content with that: a lock that is taken after the look is not noticed anyway.
 */
function wasUnlocked(file: Deno.FsFile): boolean {
  if (lastLook === undefined || performance.now() - lastLook.time > MOMENT) return false;
  const { ino } = file.statSync();
  return parseLocks(linesNaming(lastLook.text, `:${ino} `)).every(isFlock);
}

/**
 * The holders of locks on a file, those first that exclude everyone; `undefined` if the system does not tell.
 *
 * @param file Open. If it is locked, the system's number of its device is known for sure: the one that some
 * file systems (btrfs) give with the file is another.
 * @param areFlocks Which locks: those of the kind that Deno takes, and so notices by itself, or all others.
 */
function lockHolders(file: Deno.FsFile, areFlocks: boolean): LockHolder[] | undefined {
  const text = readLocks();
  if (text === undefined) return undefined;
  const { dev, ino } = file.statSync();
  const locks = parseLocks(linesNaming(text, `:${ino} `));
  if (!locks.some((each) => isFlock(each) === areFlocks)) return [];
  const devices = new Set(locks.filter(isOwn).map(({ device }) => device)).add(deviceText(dev));
  const found = locks.filter((each) =>
    isFlock(each) === areFlocks && each.inode === ino && devices.has(each.device)
  );
  const holders = found.some(isOfd) ? holdersOfOfdLocks(found) : [];
  for (const [pid, own] of Map.groupBy(found.filter((each) => !isOfd(each)), ({ pid }) => pid)) {
    const excludes = exclusion(own);
    if (excludes !== undefined) holders.push({ excludes, pid });
  }
  return holders.sort((a, b) => a.excludes.localeCompare(b.excludes));
}

/** The lines that have `name` in them, of which a long text mostly has few. */
function linesNaming(text: string, name: string): string {
  let lines = "";
  for (let at = text.indexOf(name); at >= 0;) {
    const newline = text.indexOf("\n", at);
    const end = newline < 0 ? text.length : newline;
    lines += `${text.slice(text.lastIndexOf("\n", at) + 1, end)}\n`;
    at = text.indexOf(name, end);
  }
  return lines;
}

/** The holder in words, as a reason why the file is not to be had. */
function holderText({ excludes, pid }: LockHolder, areFlocks: boolean): string {
  const use = excludes === "everyone"
    ? "has the image open for writing"
    : "has the image open, and allows nobody to write to it";
  if (pid === Deno.pid) return `this process itself ${use}`;
  if (pid !== undefined) {
    const program = programOf(pid);
    return `process ${pid}${program === undefined ? "" : ` (${program})`} ${use}`;
  }
  const kind = areFlocks ? "" : ": it holds open file description locks, as QEMU does";
  return `a program that cannot be seen from here ${use}${kind}`;
}

const LOCK =
  /^\d+: (FLOCK|POSIX|OFDLCK) +\S+ +(READ|WRITE) +(-?\d+) ([0-9a-f]+:[0-9a-f]+):(\d+) (\d+) (\d+|EOF)$/;

/** Those who wait for a lock (`->`), leases and files that are gone are left out. */
function parseLocks(text: string): Lock[] {
  return text.split("\n").flatMap((line) => {
    const [, kind, type, pid, device, inode, first, last] = LOCK.exec(line) ?? [];
    if (kind !== "FLOCK" && kind !== "POSIX" && kind !== "OFDLCK") return [];
    return [{
      kind,
      isExclusive: type === "WRITE",
      pid: Number(pid),
      device: device!,
      inode: Number(inode),
      first: Number(first),
      last: last === "EOF" ? Infinity : Number(last),
    }];
  });
}

function isOfd({ kind }: Lock): boolean {
  return kind === "OFDLCK";
}

function isFlock({ kind }: Lock): boolean {
  return kind === "FLOCK";
}

function isOwn(lock: Lock): boolean {
  return isFlock(lock) && lock.pid === Deno.pid;
}

/** As the kernel prints the number that `stat` gives: with the bits of the C library's `dev_t`. */
function deviceText(device: number): string {
  const bits = BigInt(device);
  const major = ((bits >> 8n) & 0xfffn) | ((bits >> 32n) & ~0xfffn);
  const minor = (bits & 0xffn) | ((bits >> 12n) & ~0xffn & 0xffffffffn);
  return [major, minor].map((number) => number.toString(16).padStart(2, "0")).join(":");
}

/**
 * QEMU says by shared locks on single bytes what it does with an image (from the first byte on), and what it
 * does not let others do (from the second): reading, writing, writing what is there already, resizing.
 *
 * @see {@link https://www.qemu.org/docs/master/system/qemu-block-drivers.html#disk-image-file-locking}
 */
const QEMU_USES = 100;
const QEMU_FORBIDS = 200;
const QEMU_PERMISSIONS = 5;
const READ = 0;
const WRITE = 1;
const RESIZE = 3;

/** Whom some locks of one holder keep away. */
function exclusion(locks: readonly Lock[]): LockHolder["excludes"] | undefined {
  const all = new Set(locks.map(exclusionOf));
  return all.has("everyone") ? "everyone" : all.has("writers") ? "writers" : undefined;
}

function exclusionOf({ isExclusive, first, last }: Lock): LockHolder["excludes"] | undefined {
  if (isExclusive) return "everyone";
  const isOn = (base: number, permission: number) =>
    first <= base + permission && base + permission <= last;
  const isWithin = (base: number) => first >= base && last < base + QEMU_PERMISSIONS;
  // Whoever only reads, and allows everything (`qemu-img info -U`), is in nobody's way.
  if (isWithin(QEMU_USES)) {
    return isOn(QEMU_USES, WRITE) || isOn(QEMU_USES, RESIZE) ? "everyone" : undefined;
  }
  return isWithin(QEMU_FORBIDS) && isOn(QEMU_FORBIDS, READ) ? "everyone" : "writers";
}

/** Of the processes that this user may look at, those that have the files open. */
function holdersOfOfdLocks(found: readonly Lock[]): LockHolder[] {
  const locks = found.filter(isOfd);
  const isOneOf = (lock: Lock) =>
    isOfd(lock) &&
    locks.some(({ device, inode }) => device === lock.device && inode === lock.inode);
  const holders: LockHolder[] = [];
  for (const name of namesIn("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const own = namesIn(`/proc/${pid}/fdinfo`).flatMap((number) => {
      const text = readProc(`/proc/${pid}/fdinfo/${number}`) ?? "";
      return parseLocks(text.replaceAll(/^lock:\s*/gm, "")).filter(isOneOf);
    });
    const excludes = exclusion(own);
    if (excludes !== undefined) holders.push({ excludes, pid });
  }
  const excludes = exclusion(locks);
  const isExplained = excludes === undefined ||
    holders.some((holder) => holder.excludes === excludes);
  return isExplained ? holders : [...holders, { excludes }];
}

/** What the system calls a program, cut off after 15 characters. */
function programOf(pid: number): string | undefined {
  return readProc(`/proc/${pid}/comm`)?.trim().replaceAll(/[^\x20-\x7e]/g, ".");
}

function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    // The process is gone, or belongs to somebody else.
    return [];
  }
}

/** More than the system gives at once; made when there is something to be read. */
let piece: Uint8Array | undefined;
const PIECE = 65536;
const DECODER = new TextDecoder();

/** What `/proc/locks` said, and when. */
interface Look {
  readonly text: string;
  /** Milliseconds, as `performance.now()` gives. */
  readonly time: number;
}

/**
 * For those who open a file in the same moment: the files of a chain, or many images one after the other. To look takes
 * as long as all else of opening, and on a busy machine milliseconds, in which nobody on it gets a lock: Linux stops
 * all locking until each processor has taken notice. It is forgotten before anything can happen of which this thread
 * could be told: at the end of what runs now, or in a millisecond, in which no program can be started and ready.
 */
let lastLook: Look | undefined;
const MOMENT = 1;

function remember(text: string, time: number): void {
  if (lastLook === undefined) queueMicrotask(() => lastLook = undefined);
  lastLook = { text, time };
}

/**
 * `/proc/locks`, some of its lines perhaps twice. What one read gives is a snapshot; between two, locks that are
 * released make the system leave out others. So where there are several, all is read twice.
 */
function readLocks(): string | undefined {
  if (!mayReadProc("/proc/locks")) return undefined;
  try {
    let { pieces, time } = readPieces("/proc/locks");
    if (pieces.length > 1) {
      const again = readPieces("/proc/locks");
      pieces = [...pieces, "\n", ...again.pieces];
      time = again.time;
    }
    const text = pieces.join("");
    remember(text, time);
    return text;
  } catch {
    return undefined;
  }
}

/** @returns With the time at which the first was there. */
function readPieces(path: string): { pieces: string[]; time: number } {
  using file = Deno.openSync(path);
  const buffer = piece ??= new Uint8Array(PIECE);
  const pieces: string[] = [];
  let count = file.readSync(buffer);
  // The system may have waited long before it looked.
  const time = performance.now();
  for (; count !== null; count = file.readSync(buffer)) {
    pieces.push(DECODER.decode(buffer.subarray(0, count)));
  }
  return { pieces, time };
}

/** A file of the process file system; `undefined` if there is none, or it may not be read. */
function readProc(path: string): string | undefined {
  if (!mayReadProc(path)) return undefined;
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

/** Where the permission could be asked for, reading would ask. */
function mayReadProc(path: string): boolean {
  return Deno.build.os === "linux" &&
    Deno.permissions.querySync({ name: "read", path }).state === "granted";
}
