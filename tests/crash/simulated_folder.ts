/** A folder in memory that Deno's file functions work on, and that remembers what was done to its files. */
import { basename, dirname, join, resolve } from "@std/path";
import { type Change, RecordingSource } from "./recording_source.ts";
import { type FileHost, SimulatedFile } from "./simulated_file.ts";
import { SimulatedLocks } from "./simulated_locks.ts";
import { SparseFile } from "./sparse_file.ts";

/** Files by name. */
export type Files = ReadonlyMap<string, SparseFile>;
/** A file with all that was done to it. */
export type RecordedFile = RecordingSource<never>;
export type Names = ReadonlyMap<string, RecordedFile>;

/** What was done: a file changed, names were given or taken away, or the folder with its names was flushed. */
export type FolderStep =
  | { readonly kind: "change"; readonly file: RecordedFile; readonly change: Change }
  | { readonly kind: "names"; readonly names: Names; readonly description: string }
  | { readonly kind: "flush" };

/** How a change fails, as the operating system says it. */
export interface FolderFault {
  /** Which change of all files it is; 0 is the first. */
  readonly number: number;
  /** The name of the error, as `"ENOSPC"`. */
  readonly code: string;
  /** How much of a write is done nevertheless, in hundredths. */
  readonly written: number;
}

/** What is asked of the folder, and may fail. */
export type FolderRequest =
  | { readonly kind: "change"; readonly file: RecordedFile; readonly change: Change }
  | { readonly kind: "read"; readonly file: RecordedFile }
  | { readonly kind: "names"; readonly description: string }
  | { readonly kind: "flush" };

/** What happens instead of what was asked. */
export type FolderFailure =
  /** So much of a write is done, in hundredths, and the rest fails with an error of the system. */
  | { readonly kind: "error"; readonly code: string; readonly written: number }
  /** So much of a write is done, and the process that asked is no more. */
  | { readonly kind: "kill"; readonly written: number }
  /** Nothing, although it is said to be done. */
  | { readonly kind: "drop" };

/** Says of each request whether it fails. */
export type FolderRule = (request: FolderRequest) => FolderFailure | undefined;

/** What a process that was killed gets of the system: its code ends by it, and no error handling takes it for an error. */
export const KILLED: unique symbol = Symbol("killed");

/** Storage writes whole sectors. */
const SECTOR = 512;
/** A disk partition of this system, whose locks are seen by all that use it. */
const DEVICE = 0x801;

type FileFunction = (path: string, ...args: never[]) => unknown;

/** Takes the place of the file system in its path, as long as its scope lasts. */
export class SimulatedFolder implements Disposable {
  /** There is no such folder. */
  readonly path = resolve("/simulated-folder");
  /** In order. */
  readonly steps: FolderStep[] = [];
  /** The files to begin with. */
  readonly first: Names;
  #names: Names;
  #failedAt: number | undefined;
  readonly #rule: FolderRule;
  readonly #locks = new SimulatedLocks();
  /** What is open, the folder itself too. */
  #handles = new Set<object>();
  #isKilled = false;
  readonly #originals: Record<string, FileFunction> = {};

  /** @param rule What fails; by default nothing. */
  constructor(files: Files, rule: FolderFault | FolderRule = () => undefined) {
    this.first = new Map([...files].map(([name, file]) => [name, new RecordingSource(file)]));
    this.#names = this.first;
    this.#rule = typeof rule === "function" ? rule : failingAt(rule);
    const stat = (path: string) => this.#stat(path);
    this.#replace({
      openSync: (path, options) => this.#open(path, options),
      statSync: stat,
      lstatSync: stat,
      realPathSync: (path) => stat(path) && path,
      readDirSync: () => Array.from(this.#names.keys(), (name) => ({ name, isDirectory: false })),
      linkSync: (path, to: string) => this.#link(path, to),
      renameSync: (path, to: string) => this.#rename(path, to),
      removeSync: (path) => this.#remove(path),
    });
  }

  [Symbol.dispose](): void {
    Object.assign(Deno, this.#originals);
  }

  /** What was done after the change that failed; `undefined` where it has not come to that. */
  get stepsAfterFault(): readonly FolderStep[] | undefined {
    return this.#failedAt === undefined ? undefined : this.steps.slice(this.#failedAt);
  }

  /** The path of a file in it. */
  file(name: string): string {
    return join(this.path, name);
  }

  /** The names in it. */
  names(): string[] {
    return [...this.#names.keys()];
  }

  /** A file in it. */
  recorded(name: string): RecordedFile {
    return this.#at(this.file(name));
  }

  /** How many files are open, and the folder. */
  get openHandles(): number {
    return this.#handles.size;
  }

  /** Whether the process that uses it was killed, and nobody has begun anew. */
  get isKilled(): boolean {
    return this.#isKilled;
  }

  /** Ends the process: whatever it has open is closed, and whatever it asks comes to nothing. */
  kill(): void {
    this.#isKilled = true;
    this.#handles = new Set();
    this.#locks.clear();
  }

  /** Another process comes, and finds the files as the killed one left them, flushed or not. */
  beginAnew(): void {
    this.#isKilled = false;
  }

  /** The files as they are. */
  files(): Files {
    return new Map([...this.#names].map(([name, file]) => [name, file.contents()]));
  }

  /** Other paths go on being those of the real file system. */
  #replace(functions: Record<string, FileFunction>): void {
    for (const [name, mine] of Object.entries(functions)) {
      const theirs = Reflect.get(Deno, name) as FileFunction;
      this.#originals[name] = theirs;
      const either: FileFunction = (path, ...args) => {
        // Locks of other programs are on other files.
        if (path === "/proc/locks") throw new Deno.errors.NotFound(path);
        if (!String(path).startsWith(this.path)) return theirs(path, ...args);
        this.#assertAlive();
        return mine(path, ...args);
      };
      Object.assign(Deno, { [name]: either });
    }
  }

  #assertAlive(): void {
    if (this.#isKilled) throw KILLED;
  }

  #open(path: string, { createNew = false }: Deno.OpenOptions = {}): unknown {
    if (path === this.path) return new SimulatedFile(this.#hostOf(undefined));
    if (createNew) {
      this.#assertFree(path);
      this.#name(`create ${path}`, [path, new RecordingSource(new SparseFile())]);
    }
    return new SimulatedFile(this.#hostOf(this.#at(path)));
  }

  /** @param file Absent for the folder itself, of which nothing but its flushes matters. */
  #hostOf(file: RecordedFile | undefined): FileHost {
    const handle = {};
    this.#handles.add(handle);
    const handles = this.#handles;
    // A handle of a killed process stays dead when another has begun.
    const alive = (): RecordedFile => {
      if (handles !== this.#handles || this.#isKilled) throw KILLED;
      if (file === undefined) throw new Deno.errors.IsADirectory(this.path);
      return file;
    };
    return {
      size: () => alive().size,
      readAt: (buffer, offset) => {
        this.#ask({ kind: "read", file: alive() });
        return alive().readAt(buffer, offset);
      },
      change: (change) => {
        if (file === undefined && handles === this.#handles) this.#flush();
        else this.#change(alive(), change);
      },
      stat: () => statusOf(alive()),
      lock: (isExclusive) => this.#locks.lock(alive(), handle, isExclusive),
      unlock: () => this.#locks.unlock(handle),
      close: () => handles.delete(handle),
    };
  }

  #stat(path: string): unknown {
    return path === this.path
      ? { isFile: false, isDirectory: true, dev: DEVICE, ino: 1 }
      : statusOf(this.#at(path));
  }

  #link(from: string, to: string): void {
    this.#assertFree(to);
    this.#name(`link ${from} to ${to}`, [to, this.#at(from)]);
  }

  #rename(from: string, to: string): void {
    this.#name(`rename ${from} to ${to}`, [to, this.#at(from)], [from, undefined]);
  }

  #remove(path: string): void {
    this.#at(path);
    this.#name(`remove ${path}`, [path, undefined]);
  }

  #at(path: string): RecordedFile {
    const file = dirname(path) === this.path ? this.#names.get(basename(path)) : undefined;
    if (file === undefined) throw new Deno.errors.NotFound(path);
    return file;
  }

  #assertFree(path: string): void {
    if (this.#names.has(basename(path))) throw new Deno.errors.AlreadyExists(path);
  }

  #name(description: string, ...changes: (readonly [string, RecordedFile | undefined])[]): void {
    this.#ask({ kind: "names", description });
    const names = new Map(this.#names);
    for (const [path, file] of changes) {
      if (file === undefined) names.delete(basename(path));
      else names.set(basename(path), file);
    }
    this.#names = names;
    this.steps.push({ kind: "names", names, description });
  }

  #change(file: RecordedFile, change: Change): void {
    const isDone = this.#ask({ kind: "change", file, change }, (percent) => {
      const part = change.kind === "write" ? partOf(change, percent) : undefined;
      if (part !== undefined) this.#apply(file, part);
    });
    if (isDone) this.#apply(file, change);
  }

  #flush(): void {
    if (this.#ask({ kind: "flush" })) this.steps.push({ kind: "flush" });
  }

  /**
   * Whether the request is to be done.
   *
   * @param doPart Does so much of it, in hundredths, that fails.
   */
  #ask(request: FolderRequest, doPart?: (percent: number) => void): boolean {
    this.#assertAlive();
    const failure = this.#rule(request);
    if (failure === undefined) return true;
    if (failure.kind === "drop") return false;
    doPart?.(failure.written);
    this.#failedAt ??= this.steps.length;
    if (failure.kind === "error") {
      throw Object.assign(new Error(`injected ${failure.code}`), { code: failure.code });
    }
    this.kill();
    throw KILLED;
  }

  #apply(file: RecordedFile, change: Change): void {
    if (change.kind === "write") file.writeAt(change.bytes, change.offset);
    else if (change.kind === "truncate") file.truncate(change.size);
    else file.flush();
    this.steps.push({ kind: "change", file, change: file.changes.at(-1)! });
  }
}

type WriteChange = Extract<Change, { readonly kind: "write" }>;

/** The first sectors of a write. */
function partOf({ offset, bytes }: WriteChange, percent: number): WriteChange | undefined {
  const end = offset + bytes.length * percent / 100;
  const count = Math.floor(end / SECTOR) * SECTOR - offset;
  return count > 0 ? { kind: "write", offset, bytes: bytes.subarray(0, count) } : undefined;
}

/** The change of the given number fails. */
function failingAt({ number, code, written }: FolderFault): FolderRule {
  let changes = 0;
  return ({ kind }) => {
    const isCounted = kind === "change" || kind === "flush";
    return isCounted && changes++ === number ? { kind: "error", code, written } : undefined;
  };
}

function statusOf(file: RecordedFile): unknown {
  return {
    isFile: true,
    isDirectory: false,
    size: file.size,
    dev: DEVICE,
    ino: numberOf(file),
    blocks: null,
    // A simulated clock does not show in a plain new Date().
    mtime: new Date(Date.now()),
  };
}

const numbers = new WeakMap<RecordedFile, number>();
let lastNumber = 1;

/** The same for all names of a file. */
function numberOf(file: RecordedFile): number {
  const number = numbers.get(file) ?? ++lastNumber;
  numbers.set(file, number);
  return number;
}
