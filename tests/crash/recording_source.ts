/** An image file in memory that remembers, in order, what was done to it. */
import type { WritableSource } from "../../src/portable/file/byte_source.ts";
import type { SparseFile } from "./sparse_file.ts";

/** One change of a file, or the flush that makes those before it durable. */
export type Change =
  | { readonly kind: "write"; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly size: number }
  | { readonly kind: "flush" };

/** Something the test did or learnt when so many changes had been recorded. */
export interface Mark<Event> {
  readonly position: number;
  readonly event: Event;
}

/** Records changes, and between them the marks of the test. */
export class RecordingSource<Event> implements WritableSource {
  readonly path: string;
  /** The contents before the first change. */
  readonly base: SparseFile;
  readonly changes: Change[] = [];
  readonly marks: Mark<Event>[] = [];
  readonly #file: SparseFile;

  /** @param earlier Changes that another writer made after the last flush. */
  constructor(base: SparseFile, earlier: readonly Change[] = []) {
    this.path = base.path;
    this.base = base;
    this.#file = base.fork();
    for (const change of earlier) {
      if (change.kind === "write") this.writeAt(change.bytes, change.offset);
      else if (change.kind === "truncate") this.truncate(change.size);
    }
  }

  get size(): number {
    return this.#file.size;
  }

  /** The file as it is, independent of what follows. */
  contents(): SparseFile {
    return this.#file.fork();
  }

  /** Whether a range can be written without more room on the volume. */
  isAllocated(offset: number, length: number): boolean {
    return this.#file.isAllocated(offset, length);
  }

  mark(event: Event): void {
    this.marks.push({ position: this.changes.length, event });
  }

  readAt(buffer: Uint8Array, offset: number): number {
    return this.#file.readAt(buffer, offset);
  }

  writeAt(bytes: Uint8Array, offset: number): void {
    this.changes.push({ kind: "write", offset, bytes: bytes.slice() });
    this.#file.writeAt(bytes, offset);
  }

  truncate(size: number): void {
    this.changes.push({ kind: "truncate", size });
    this.#file.truncate(size);
  }

  flush(): void {
    this.changes.push({ kind: "flush" });
  }
}

/** Tells of each change. */
export class NotingSource extends RecordingSource<never> {
  readonly #note: (count: number) => void;

  constructor(base: SparseFile, note: (count: number) => void) {
    super(base);
    this.#note = note;
  }

  override writeAt(bytes: Uint8Array, offset: number): void {
    super.writeAt(bytes, offset);
    this.#note(this.changes.length);
  }

  override truncate(size: number): void {
    super.truncate(size);
    this.#note(this.changes.length);
  }
}

/** For messages. */
export function describeChange(change: Change): string {
  switch (change.kind) {
    case "write":
      return `write of ${change.bytes.length} at 0x${change.offset.toString(16)}`;
    case "truncate":
      return `truncate to 0x${change.size.toString(16)}`;
    default:
      return "flush";
  }
}
