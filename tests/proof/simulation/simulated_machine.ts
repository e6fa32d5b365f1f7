/** The machine that a simulation runs on: its disk may be full or failing, its processes are killed, its power fails. */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { HostSector } from "../../crash/crash_states.ts";
import { type FolderState, folderStates } from "../../crash/folder_states.ts";
import { describeChange } from "../../crash/recording_source.ts";
import {
  type Files,
  type FolderFailure,
  type FolderRequest,
  SimulatedFolder,
} from "../../crash/simulated_folder.ts";
import type { Random } from "../../fuzz/random.ts";

/** What is to happen once, at a request that is still to come. */
export interface Arming {
  readonly what: "kill" | "write error" | "read error";
  /** After how many requests that it could happen to. */
  readonly after: number;
}

/** A fault of the code under test that is planted for a test: whether a request is dropped, as if it had been done. */
export type PlantedFault = (request: FolderRequest) => boolean;

/** What a machine is like. */
export interface MachineOptions {
  /** Within which its disk tears no write. */
  readonly hostSector: HostSector;
  /** Whether its file system writes everything to a new place, so that no write is certain to find room. */
  readonly copiesOnWrite: boolean;
  readonly planted?: PlantedFault | undefined;
}

/** Of a hundred writes that need room on a full volume: how many find none. */
const PERCENT_WITHOUT_ROOM = 70;
/** Subsets of what is not flushed, from which a power failure chooses. */
const SAMPLES = 3;

/** Takes the place of the system as long as its scope lasts. */
export class SimulatedMachine implements Disposable {
  readonly #random: Random;
  readonly #options: MachineOptions;
  readonly #hash = createHash("sha256");
  #folder: SimulatedFolder;
  #armed: { what: Arming["what"]; after: number } | undefined;
  /** Whether the volume is full. */
  isFull = false;
  #isQuiet = false;
  readonly #touched = new Set<object>();
  /** How many requests have failed. */
  failures = 0;

  constructor(files: Files, random: Random, options: MachineOptions) {
    this.#random = random;
    this.#options = options;
    this.#folder = this.#folderOf(files);
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }

  get folder(): SimulatedFolder {
    return this.#folder;
  }

  get hostSector(): HostSector {
    return this.#options.hostSector;
  }

  /** Whether a write may find no room although nothing grows. */
  get copiesOnWrite(): boolean {
    return this.#options.copiesOnWrite;
  }

  /** Whether something is still to happen. */
  get isArmed(): boolean {
    return this.#armed !== undefined;
  }

  /** Something is to happen; in place of what was to happen. */
  arm(arming: Arming | undefined): void {
    this.#armed = arming === undefined ? undefined : { ...arming };
  }

  /** The names of files that were changed since this was asked last. */
  touchedNames(): Set<string> {
    const names = this.#folder.names();
    const touched = names.filter((name) => this.#touched.has(this.#folder.recorded(name)));
    this.#touched.clear();
    return new Set(touched);
  }

  /** Nothing fails meanwhile. */
  async quietly<T>(run: () => Promise<T>): Promise<T> {
    const before = this.#isQuiet;
    this.#isQuiet = true;
    try {
      return await run();
    } finally {
      this.#isQuiet = before;
    }
  }

  /** Remembers what happened. */
  note(text: string): void {
    this.#hash.update(`${text}\n`);
  }

  /** The same for the same history, down to each change of a file. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }

  /** The process is killed, if it has not been, and another one begins: it finds the files as they were left. */
  restartProcess(): void {
    this.#armed = undefined;
    this.isFull = false;
    this.#folder.kill();
    this.#folder.beginAnew();
  }

  /** The power fails: of what was not flushed, some is there and some not. Gives what became of it. */
  failPower(): string {
    this.#armed = undefined;
    this.isFull = false;
    this.#folder[Symbol.dispose]();
    const { length } = this.#folder.steps;
    const states = [
      ...folderStates(this.#folder, this.#random, SAMPLES, length, this.hostSector),
    ];
    const state: FolderState = this.#random.pick(states);
    const description = state.description();
    this.note(description);
    this.#folder = this.#folderOf(state.files);
    return description;
  }

  #folderOf(files: Files): SimulatedFolder {
    return new SimulatedFolder(files, (request) => this.#answer(request));
  }

  #answer(request: FolderRequest): FolderFailure | undefined {
    if (request.kind !== "read") this.note(describeRequest(request));
    if (request.kind === "change") this.#touched.add(request.file);
    const failure = this.#failureOf(request);
    if (failure === undefined) return undefined;
    if (failure.kind !== "drop") this.note(JSON.stringify(failure));
    if (failure.kind === "error") this.failures++;
    return failure;
  }

  #failureOf(request: FolderRequest): FolderFailure | undefined {
    if (this.#options.planted?.(request)) return { kind: "drop" };
    if (this.#isQuiet) return undefined;
    if (this.#isHit(request)) {
      const { what } = this.#armed!;
      this.#armed = undefined;
      const written = this.#random.below(100);
      return what === "kill" ? { kind: "kill", written } : { kind: "error", code: "EIO", written };
    }
    if (this.isFull && this.#needsRoom(request) && this.#random.chance(PERCENT_WITHOUT_ROOM)) {
      return { kind: "error", code: "ENOSPC", written: this.#random.below(100) };
    }
    return undefined;
  }

  #isHit({ kind }: FolderRequest): boolean {
    const armed = this.#armed;
    if (armed === undefined) return false;
    // A name that cannot be taken away leaves a temporary file behind, which the next command removes.
    const isMeant = armed.what === "read error"
      ? kind === "read"
      : armed.what === "kill"
      ? kind !== "read"
      : kind === "change" || kind === "flush";
    return isMeant && armed.after-- === 0;
  }

  #needsRoom(request: FolderRequest): boolean {
    if (request.kind !== "change" || request.change.kind !== "write") return false;
    const { file, change: { offset, bytes } } = request;
    return this.#options.copiesOnWrite || !file.isAllocated(offset, bytes.length);
  }
}

function describeRequest(request: Exclude<FolderRequest, { kind: "read" }>): string {
  if (request.kind === "names") return request.description;
  if (request.kind === "flush") return "flush of the folder";
  const { change } = request;
  const sum = change.kind === "write" ? ` (${crc32(change.bytes)})` : "";
  return describeChange(change) + sum;
}
