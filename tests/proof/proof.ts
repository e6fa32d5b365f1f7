/**
 * Writes PROOF.md: `deno task proof`. It damages images, and publishes what comes of it, here and in other
 * programs; it ends with exit code 1 if something is to be mended.
 *
 * ```sh
 * deno task proof [--long] [--seed NUMBER] [--places NUMBER] [--histories NUMBER] [--output PATH]
 * ```
 *
 * @module
 */
import { join } from "@std/path";
import { parseArgs } from "node:util";
import { machine } from "../machine.ts";
import { ROOT, TempDir } from "../support.ts";
import { flipBits } from "./bit_flips.ts";
import { exploreHistories, HISTORY_KINDS, LENGTH, LETTERS } from "./histories.ts";
import { flipSubjects } from "./flip_subjects.ts";
import { type Proof, proofText } from "./report.ts";
import { startReaders } from "./readers.ts";

/** Places in each image. */
const PLACES = { short: 250, long: 5000 } as const;
/** Sequences of operations on each kind of image. */
const HISTORIES = { short: 50, long: LETTERS.length ** LENGTH } as const;
const SEED = 1;

/** What is asked for. */
interface Wish {
  readonly isLong: boolean;
  readonly seed: number;
  readonly places: number;
  readonly histories: number;
  readonly output: string;
}

function wishOf(args: readonly string[]): Wish {
  const { values } = parseArgs({
    args: [...args],
    options: {
      long: { type: "boolean", default: false },
      seed: { type: "string", default: String(SEED) },
      places: { type: "string" },
      histories: { type: "string" },
      output: { type: "string", default: join(ROOT, "PROOF.md") },
    },
  });
  const isLong = values.long;
  const form = isLong ? "long" : "short";
  return {
    isLong,
    seed: whole("seed", values.seed),
    places: whole("places", values.places ?? String(PLACES[form])),
    histories: whole("histories", values.histories ?? String(HISTORIES[form])),
    output: values.output,
  };
}

function whole(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new TypeError(`--${name} must be a whole number, not "${text}"`);
}

async function prove({ isLong, seed, places, histories }: Wish): Promise<Proof> {
  const start = performance.now();
  const date = new Date().toISOString().slice(0, 10);
  using dir = new TempDir();
  await using stack = new AsyncDisposableStack();
  const readers = startReaders(dir.file("read.raw"));
  for (const reader of readers) stack.use(reader);
  const flips = [];
  for (const subject of await flipSubjects(dir)) {
    console.log(`flipping ${places} bits of ${subject.name}`);
    flips.push(await flipBits(subject, readers, { places, seed }));
  }
  const lived = [];
  for (const kind of HISTORY_KINDS) {
    console.log(`${histories} histories of images: ${kind.name}`);
    lived.push(await exploreHistories(kind, { count: histories, seed }));
  }
  const form = isLong ? "long" : "short";
  const command = [
    "deno task proof",
    ...(isLong ? ["--long"] : []),
    ...(seed === SEED ? [] : [`--seed ${seed}`]),
    ...(places === PLACES[form] ? [] : [`--places ${places}`]),
    ...(histories === HISTORIES[form] ? [] : [`--histories ${histories}`]),
  ].join(" ");
  return {
    date,
    machine: machine(),
    versions: versions(),
    isLong,
    command,
    seed,
    seconds: (performance.now() - start) / 1000,
    flips,
    histories: lived,
  };
}

function versions(): Map<string, string> {
  const found = new Map([["Deno", Deno.version.deno]]);
  const qemu = outputOf("qemu-img", "--version");
  const number = /version (\S+)/.exec(qemu)?.[1];
  if (number !== undefined) found.set("qemu-img", number);
  const vhdi = outputOf("/usr/bin/python3", "-c", "import pyvhdi; print(pyvhdi.get_version())");
  if (vhdi !== "") found.set("libvhdi", vhdi.trim());
  return found;
}

/** What a program prints; nothing if it is not there, or fails. */
function outputOf(program: string, ...args: string[]): string {
  try {
    const { success, stdout } = new Deno.Command(program, { args, stderr: "null" }).outputSync();
    return success ? new TextDecoder().decode(stdout) : "";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Whether this project did nothing that it must not do. */
function isGood({ flips, histories }: Proof): boolean {
  if (histories.some(({ failures }) => failures.length > 0)) return false;
  return flips.every(({ incidents }) => incidents.every(({ reader }) => reader !== "virtdisk"));
}

if (import.meta.main) {
  const wish = wishOf(Deno.args);
  const proof = await prove(wish);
  Deno.writeTextFileSync(wish.output, proofText(proof));
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", "--config", join(ROOT, "deno.json"), wish.output],
  }).output();
  if (!success) throw new Error(`deno fmt does not take ${wish.output}`);
  console.log(`wrote ${wish.output}`);
  if (!isGood(proof)) {
    console.error("Something is to be mended: see there.");
    Deno.exitCode = 1;
  }
}
