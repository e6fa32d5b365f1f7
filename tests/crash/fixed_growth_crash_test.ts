/**
 * A fixed VHD grows and crashes; whoever opens it for writing crashes too, or is killed; and so on, until
 * nothing new comes about. The next writer makes each of these files what it was, byte for byte, or what it
 * was to become.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { assert, assertEquals, assertGreater } from "@std/assert";
import { checkFile } from "../../src/portable/operations/check.ts";
import { repairVhd } from "../../src/portable/vhd/check.ts";
import type { WritableSource } from "../../src/portable/file/byte_source.ts";
import { resizeVhd } from "../../src/portable/vhd/resize.ts";
import { Random } from "../fuzz/random.ts";
import { QEMU, qemuRaw } from "../interop/vhd_oracles.ts";
import { vhdSpec } from "../portable/vhd/vhd_builder.ts";
import { assertBytesEqual, pattern, TempDir, testWith } from "../support.ts";
import { everySo, explored, Sample, sampledBound, sampledRounds } from "../sampling.ts";
import { crashStates } from "./crash_states.ts";
import { createVhdIn, newImage } from "./formats.ts";
import { type Change, describeChange, RecordingSource } from "./recording_source.ts";
import type { SparseFile } from "./sparse_file.ts";
import { VHD } from "./vhd_scenarios.ts";

const SEED = 41;
/** Enough for most subsets of what is erased at once. */
const SAMPLES = 4;
const SECTOR = 512;
const PERCENT_FOR_QEMU = 30;
const MAX_STATES_FOR_QEMU = sampledRounds(10, 2);

/** What a crash of the system leaves has no unflushed changes; a killed writer leaves those that it made. */
interface State {
  readonly durable: SparseFile;
  readonly unflushed: readonly Change[];
  readonly history: string;
}

interface Growth {
  readonly from: number;
  readonly to: number;
  /** Made once: a new file holds the time. */
  readonly base: SparseFile;
}

const GROWTHS: readonly Growth[] = [
  growth(4096, 1),
  growth(4096, 2),
  growth(4096, 3),
  growth(4096, 4),
  growth(10 * 4096 + 1536, 29),
];

/** What a writer does who finds the file. */
const WRITERS: readonly ((file: WritableSource, growth: Growth) => void)[] = [
  (file) => VHD.openWritable(file).finish(),
  (file) => repairVhd(file),
  (file, { to }) => {
    VHD.openWritable(file).finish();
    resizeVhd(file, to);
  },
];

for (const [i, growth] of GROWTHS.entries()) {
  const { from, to } = growth;
  testWith(
    everySo(2, i),
    `growing a fixed VHD from ${from} to ${to} bytes comes to one of two ends`,
    async () => {
      const ends = endsOf(growth);
      const sample = new Sample();
      let states = 0;
      for (const state of everyState(growth)) {
        if (!sample.takes()) continue;
        states++;
        try {
          await checkState(visible(state).contents(), growth, ends);
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          throw new Error(`seed ${SEED}: ${reason}\n${state.history}`, { cause: error });
        }
      }
      explored(`growing from ${from} to ${to}`, { "crash states": states });
      assertGreater(states, sampledBound(10));
    },
  );

  testWith(QEMU, `QEMU opens a fixed VHD that grew from ${from} to ${to} and crashed`, () => {
    using dir = new TempDir();
    const [path, raw] = [dir.file("grown.vhd"), dir.file("grown.raw")];
    const random = new Random(SEED);
    let states = 0;
    for (const state of everyState(growth)) {
      if (states === MAX_STATES_FOR_QEMU) break;
      if (!random.chance(PERCENT_FOR_QEMU)) continue;
      states++;
      const file = visible(state).contents();
      VHD.openWritable(file).finish();
      file.save(path);
      assertBytesEqual(qemuRaw(path, raw), disk(file), state.history);
    }
    explored(`growing from ${from} to ${to}`, { "crash states through QEMU": states });
    assertGreater(states, 0);
  });
}

/** It opens at one of two sizes; a check says that it can be repaired; a writer makes it one of the ends. */
async function checkState(
  file: SparseFile,
  growth: Growth,
  ends: readonly Uint8Array[],
): Promise<void> {
  const seen = disk(file);
  assert(seen.length === growth.from || seen.length === growth.to, `${seen.length} bytes of disk`);
  const data = disk(growth.base);
  assertBytesEqual(seen.subarray(0, growth.from), data, "what was there before");
  assertBytesEqual(
    seen.subarray(growth.from),
    new Uint8Array(seen.length - growth.from),
    "what was added",
  );
  const isEnd = (bytes: Uint8Array) => ends.some((end) => Buffer.compare(end, bytes) === 0);
  const report = await checkFile(file, "vhd", {}, () => {});
  assertEquals(report.sound, isEnd(file.bytes()));
  if (!report.sound) {
    assertEquals(report.findings.map(({ severity, repairable }) => [severity, repairable]), [
      ["warning", true],
    ]);
  }
  const repaired = file.fork();
  const repair = await checkFile(repaired, "vhd", { repair: true }, () => {});
  assertEquals(repair.sound, true);
  assert(isEnd(repaired.bytes()), "a repair leaves neither the old file nor the new one");
  const image = VHD.openWritable(file);
  assert(isEnd(file.bytes()), "opening for writing leaves neither the old file nor the new one");
  assertEquals(image.virtualSize, seen.length);
  const bytes = pattern(SECTOR, 9);
  image.write(bytes, seen.length - SECTOR);
  image.finish();
  seen.set(bytes, seen.length - SECTOR);
  assertBytesEqual(disk(file), seen);
  assertEquals((await checkFile(file, "vhd", {}, () => {})).findings, []);
}

/** Every file that can come about, each once. */
function* everyState(growth: Growth): Generator<State> {
  const random = new Random(SEED);
  const known = new Set<string>();
  const open: State[] = [{ durable: growth.base, unflushed: [], history: "a new file" }];
  const follow = (state: State): boolean => {
    const key = keyOf(state);
    if (known.has(key)) return false;
    known.add(key);
    open.push(state);
    return true;
  };
  known.add(keyOf(open[0]!));
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    yield state;
    for (const work of WRITERS) {
      const recording = visible(state);
      const first = recording.changes.length;
      work(recording, growth);
      for (
        const crash of crashStates(state.durable, recording.changes, random, SAMPLES, first)
      ) {
        const history = `${state.history}\nthen, after change ${crash.point}: ` +
          crash.description();
        follow({ durable: crash.file, unflushed: [], history });
        if (!crash.isWhole) continue;
        const killed = `${history}\n(killed)`;
        follow({ durable: crash.durable, unflushed: crash.unflushed, history: killed });
      }
    }
  }
}

function keyOf({ durable, unflushed }: State): string {
  const hash = createHash("sha1").update(durable.fingerprint());
  for (const change of unflushed) {
    hash.update(describeChange(change));
    if (change.kind === "write") hash.update(change.bytes);
  }
  return hash.digest("hex");
}

function visible({ durable, unflushed }: State): RecordingSource<never> {
  return new RecordingSource(durable, unflushed);
}

/** The file before and after, without a crash. */
function endsOf(growth: Growth): readonly Uint8Array[] {
  const file = growth.base.fork();
  const old = file.bytes();
  resizeVhd(file, growth.to);
  assertEquals(file.size, growth.to + SECTOR);
  return [old, file.bytes()];
}

function growth(from: number, sectors: number): Growth {
  const spec = vhdSpec({ subtype: "fixed", blockSize: 0, virtualSize: from });
  const base = newImage(createVhdIn, spec);
  base.writeAt(pattern(from, 7), 0);
  return { from, to: from + sectors * SECTOR, base };
}

function disk(file: SparseFile): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(VHD.open(file).virtualSize);
  file.readAt(bytes, 0);
  return bytes;
}
