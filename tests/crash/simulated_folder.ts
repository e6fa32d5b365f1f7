/** A folder in memory that Deno's file functions work on, and that remembers what was done to its files. */
import { basename, dirname, join, resolve } from "@std/path";
import { type Change, RecordingSource } from "./recording_source.ts";
import { SimulatedFile } from "./simulated_file.ts";
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

/** Storage writes whole sectors. */
const SECTOR = 512;

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
  #changes = 0;
  #failedAt: number | undefined;
  readonly #fault: FolderFault | undefined;
  readonly #originals: Record<string, FileFunction> = {};

  constructor(files: Files, fault?: FolderFault) {
    this.first = new Map([...files].map(([name, file]) => [name, new RecordingSource(file)]));
    this.#names = this.first;
    this.#fault = fault;
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

  /** A file in it. */
  recorded(name: string): RecordedFile {
    return this.#at(this.file(name));
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
      const either: FileFunction = (path, ...args) =>
        String(path).startsWith(this.path) ? mine(path, ...args) : theirs(path, ...args);
      Object.assign(Deno, { [name]: either });
    }
  }

  #open(path: string, { createNew = false }: Deno.OpenOptions = {}): unknown {
    if (path === this.path) {
      return { syncSync: () => this.#flush(), close() {}, [Symbol.dispose]() {} };
    }
    if (createNew) {
      this.#assertFree(path);
      this.#name(`create ${path}`, [path, new RecordingSource(new SparseFile())]);
    }
    const file = this.#at(path);
    return new SimulatedFile(file, (change) => this.#change(file, change));
  }

  #stat(path: string): unknown {
    if (path === this.path) return { isFile: false, isDirectory: true, dev: 1, ino: 1 };
    const file = this.#at(path);
    return { isFile: true, isDirectory: false, size: file.size, dev: 1, ino: numberOf(file) };
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
    const names = new Map(this.#names);
    for (const [path, file] of changes) {
      if (file === undefined) names.delete(basename(path));
      else names.set(basename(path), file);
    }
    this.#names = names;
    this.steps.push({ kind: "names", names, description });
  }

  #change(file: RecordedFile, change: Change): void {
    if (this.#changes++ !== this.#fault?.number) return this.#apply(file, change);
    const { code, written } = this.#fault;
    const part = change.kind === "write" ? partOf(change, written) : undefined;
    if (part !== undefined) this.#apply(file, part);
    this.#fail(code);
  }

  #flush(): void {
    if (this.#changes++ === this.#fault?.number) this.#fail(this.#fault.code);
    this.steps.push({ kind: "flush" });
  }

  #fail(code: string): never {
    this.#failedAt = this.steps.length;
    throw Object.assign(new Error(`injected ${code}`), { code });
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

const numbers = new WeakMap<RecordedFile, number>();
let lastNumber = 1;

/** The same for all names of a file. */
function numberOf(file: RecordedFile): number {
  const number = numbers.get(file) ?? ++lastNumber;
  numbers.set(file, number);
  return number;
}
