/** What is asked of a VirtDisk.dll, and how its answers are written down. */
import {
  type CreateOptions,
  createVirtualDisk,
  type NativeVirtualDisk,
  type OpenOptions,
  openVirtualDisk,
  VirtualDiskError,
} from "@virtdisk/virtdisk";
import { errorSymbol } from "../../../src/errors/codes.ts";
import { type Libraries, systemLibraries } from "../../../src/native/ffi/library.ts";
import { createImage } from "../../create_image.ts";
import type { TempDir } from "../../support.ts";

/** How it is known what Windows answers, in the words of the digest of the API. */
export type Evidence =
  /** A page of Microsoft's says so. */
  | "documented"
  /** A sample or another program of Microsoft's expects it. */
  | "sample"
  /** Somebody has seen it. */
  | "observed"
  /** It is only likely. */
  | "inferred";

/** The answers of one question, by name: numbers, words, or what they were made of. */
export type Answers = Record<string, unknown>;

/** One question. */
export interface Question {
  readonly title: string;
  /** The evidence for what the double answers. */
  readonly evidence: Evidence;
  /** The inferences of the double that it is about, as `tests/double/inferred.ts` names them. */
  readonly about?: readonly string[];
  /** Whether the answer is in image files: the double has none, and is not asked. */
  readonly needsFiles?: boolean;
  /** Whether only an elevated program gets an answer that says anything. */
  readonly needsElevation?: boolean;
  /** Answers that depend on who is faster. */
  readonly varying?: readonly string[];
  ask(machine: Machine): Promise<Answers>;
}

/** A machine with a VirtDisk.dll, and a folder on it. */
export class Machine {
  readonly libraries: Libraries = systemLibraries();
  readonly #dir: TempDir;
  #images = 0;

  constructor(dir: TempDir) {
    this.#dir = dir;
  }

  /** A path that no file has yet. */
  path(extension: string): string {
    return this.#dir.file(`image${this.#images++}.${extension}`);
  }

  /** Makes an image by the portable backend; gives its path. */
  async image(extension: "vhd" | "vhdx", options: CreateOptions): Promise<string> {
    const path = this.path(extension);
    (await createImage(path, options)).close();
    return path;
  }

  /** Opens an image by VirtDisk.dll. */
  open(path: string, options: OpenOptions = {}): Promise<NativeVirtualDisk> {
    return openVirtualDisk(path, { ...options, backend: "native" });
  }

  /** Opens an image of 64 MiB by VirtDisk.dll, to be changed. */
  async openNew(
    extension: "vhd" | "vhdx",
    options: CreateOptions = {},
  ): Promise<NativeVirtualDisk> {
    const path = await this.image(extension, { size: 64 << 20, ...options });
    return await this.open(path, { readOnly: false });
  }

  /** Creates an image by VirtDisk.dll. */
  create(path: string, options: CreateOptions): Promise<NativeVirtualDisk> {
    return createVirtualDisk(path, { ...options, backend: "native" });
  }
}

/** What became of an action: `"done"`, or the name of the code with which it failed. */
export async function outcome(action: () => unknown): Promise<string> {
  try {
    await action();
    return "done";
  } catch (error) {
    if (error instanceof VirtualDiskError) return error.symbol;
    throw error;
  }
}

/** The name of a code that a function returned. */
export function codeName(code: number): string {
  return code === 0 ? "done" : errorSymbol(code);
}
