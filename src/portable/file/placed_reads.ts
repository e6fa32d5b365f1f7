/**
 * Reads at a place by one call of the system. Deno's own files have a cursor, which takes a call of its own to be
 * moved; those of `node:fs` do without. To load that takes as long as many moves, and a file has to be opened by it
 * once more: only where so much has been read already that it is likely to pay. What is written keeps its one handle.
 *
 * @module
 */

/** Moves of the cursors of all files, after which `node:fs` is loaded: it takes as long as these. */
const MOVES = 16384;
/** Moves of the cursor of one file, after which it is opened once more. */
const MOVES_OF_FILE = 64;

let moves = 0;

/** A file that is open for reading, once more. */
interface PlacedFile {
  readonly files: ReturnType<typeof nodeFiles>;
  readonly descriptor: number;
}

/** How one file is read: by its cursor at first. */
export class PlacedReads {
  readonly #file: Deno.FsFile;
  readonly #path: string;
  #moves = 0;
  /** `null` if the file cannot be opened once more. */
  #placed: PlacedFile | null | undefined;

  /**
   * @param file Open for reading, with a cursor.
   * @param path Its own, absolute.
   */
  constructor(file: Deno.FsFile, path: string) {
    this.#file = file;
    this.#path = path;
  }

  /** Whether {@linkcode PlacedReads.read} can be used. */
  get arePossible(): boolean {
    return this.#placed !== undefined && this.#placed !== null;
  }

  /** As `read` of a system at a place: gives how many bytes were read, 0 at the end of the file. */
  read(buffer: Uint8Array, offset: number): number {
    const { files, descriptor } = this.#placed!;
    return files.readSync(descriptor, buffer, 0, buffer.length, offset);
  }

  /** The cursor is to be moved: perhaps for the last time. */
  noteMove(): void {
    moves++;
    if (++this.#moves < MOVES_OF_FILE || moves < MOVES || this.#placed !== undefined) return;
    this.#placed = openOnceMore(this.#file, this.#path) ?? null;
  }

  close(): void {
    if (this.#placed) this.#placed.files.closeSync(this.#placed.descriptor);
    this.#placed = null;
  }
}

/**
 * Opens a file once more, if it still has its name, and nobody has to be asked for permission. On Windows, locks are
 * in the way of whoever has the same file open by another handle.
 */
function openOnceMore(file: Deno.FsFile, path: string): PlacedFile | undefined {
  if (Deno.build.os === "windows") return undefined;
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return undefined;
  const files = nodeFiles();
  let descriptor: number | undefined;
  try {
    // What has the name by now may be a pipe, which must not be waited for.
    const { O_RDONLY, O_NONBLOCK } = files.constants;
    descriptor = files.openSync(path, O_RDONLY | O_NONBLOCK);
    if (isSame(file.statSync(), files.fstatSync(descriptor))) return { files, descriptor };
  } catch {
    // It is read by its cursor, as before.
  }
  if (descriptor !== undefined) files.closeSync(descriptor);
  return undefined;
}

/** Loaded here, as whoever reads little does without. */
function nodeFiles() {
  return process.getBuiltinModule("node:fs");
}

type Identity = Pick<Deno.FileInfo, "dev" | "ino">;

function isSame(one: Identity, other: Identity): boolean {
  return one.ino !== null && one.ino !== 0 && one.ino === other.ino && one.dev === other.dev;
}
