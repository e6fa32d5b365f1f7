/**
 * Logs of which an entry is damaged while others behind it are whole: that is no crash, and replaying what lies
 * before would show the disk as it was. A torn tail, and what former laps and other logs left, is no damage.
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { readCurrentHeader } from "../../../src/portable/vhdx/header.ts";
import { openVhdx } from "../../../src/portable/vhdx/image.ts";
import { openWritableVhdx } from "../../../src/portable/vhdx/writable_image.ts";
import { Random } from "../../fuzz/random.ts";
import { sampledRounds } from "../../sampling.ts";
import {
  assertBytesEqual,
  pattern,
  sharedImageNeed,
  TempDir,
  testWith,
  unpackSharedImage,
} from "../../support.ts";
import { checkBytes, MemoryFile } from "../operations/planted.ts";
import {
  batPage,
  type Change,
  type EntrySpec,
  firstBlock,
  PAGE,
  putEntries,
  roomy,
} from "./log_builder.ts";
import { BAT, LOG, MIB, UNKNOWN_GUID, VhdxBuilder } from "./vhdx_builder.ts";

/** Made by Windows 10, which was stopped before it had applied its log. */
const WINDOWS_IMAGE = "vhdx-log-replay.vhdx.gz";
const SIZES = { flushed: 9 * MIB, last: 9 * MIB };
const NIL_GUID = "00000000-0000-0000-0000-000000000000";

/** Entries that all wait to be applied, as Windows writes them: block 0 at 4, 5, 6, 7 MiB. */
const CHAIN: readonly EntrySpec[] = [4, 5, 6, 7].map((mib, i) => ({
  ...SIZES,
  sequence: BigInt(i + 1),
  tail: 0,
  changes: [batPage(6, mib), { offset: 8 * MIB, page: pattern(PAGE, mib) }],
}));
/** Bytes of each. */
const LENGTH = 3 * PAGE;

const { bytes: ROOMY } = roomy();

function chained(start = 0, entries = CHAIN): VhdxBuilder {
  const builder = new VhdxBuilder(ROOMY.slice());
  putEntries(builder, start, ...entries.map((entry) => ({ ...entry, tail: start })));
  return builder;
}

/** Both ways to open refuse it, with its place and a way out; the file stays as it is. */
function assertDamage(bytes: Uint8Array<ArrayBuffer>, offset: number, message = ""): ImageError {
  const file = new MemoryFile(bytes);
  const error = assertThrows(() => openVhdx(file), ImageError);
  assertThrows(() => openWritableVhdx(file), ImageError);
  assertBytesEqual(file.contents, bytes, message);
  const { detail, causes = [] } = error.options;
  assertEquals([error.symbol, detail?.structure, detail?.offset], [
    "ERROR_FILE_CORRUPT",
    "log entry",
    offset,
  ], message);
  assert(causes.some((cause) => cause.includes("discardDamagedLog")));
  return error;
}

Deno.test("an entry that is hit anywhere is found, while valid ones lie behind it", () => {
  const random = new Random(16);
  for (const start of [0, 40 * PAGE, MIB - 4 * PAGE]) {
    for (const hit of [0, 1, 2]) {
      for (let i = 0; i < sampledRounds(40); i++) {
        const builder = chained(start);
        const at = (start + hit * LENGTH + random.below(LENGTH)) % MIB;
        builder.bytes[LOG + at]! ^= 1 << random.below(8);
        const place = (start + hit * LENGTH) % MIB;
        assertDamage(builder.bytes, LOG + place, `entry ${hit + 1} hit at ${at}`);
      }
    }
  }
});

Deno.test("sectors and whole entries that are lost are found, while valid ones lie behind them", () => {
  for (const [from, to] of [[1, 2], [3, 4], [5, 6], [3, 6], [6, 9], [3, 9], [0, 9], [4, 8]]) {
    const builder = chained();
    builder.bytes.fill(0, LOG + from! * PAGE, LOG + to! * PAGE);
    assertDamage(builder.bytes, LOG + Math.floor(from! / 3) * LENGTH, `sectors ${from} to ${to}`);
  }
});

Deno.test("an entry with a number too high is found", () => {
  const [first, second] = CHAIN;
  const builder = chained(0, [first!, { ...second!, sequence: 3n }]);
  const { detail } = assertDamage(builder.bytes, LOG + LENGTH).options;
  assertEquals(detail?.found, "entry 3");
});

Deno.test("a torn tail is no damage: the entries before it are replayed", () => {
  for (let lost = 0; lost < LENGTH; lost += 512) {
    const builder = chained();
    builder.bytes.fill(0x33, LOG + 3 * LENGTH + lost, LOG + 3 * LENGTH + lost + 512);
    assertEquals(firstBlock(builder), "file 6", `sector ${lost / 512}`);
  }
});

Deno.test("damage before the tail of the newest entry is none of the log's", () => {
  const builder = roomy();
  const own = (i: number, mib: number): EntrySpec => ({
    ...SIZES,
    sequence: BigInt(i + 1),
    changes: [batPage(6, mib)],
  });
  putEntries(builder, 0, own(0, 4), own(1, 5), own(2, 6), own(3, 7));
  builder.bytes.fill(7, LOG + PAGE, LOG + 5 * PAGE);
  assertEquals(firstBlock(builder), "file 7");
});

Deno.test("entries of former laps and of other logs lie behind a torn tail", () => {
  // A torn entry over what the lap before left: entries with lower numbers, of which one is cut in two.
  const builder = roomy();
  const old = CHAIN.map((entry, i) => ({ ...entry, tail: i * LENGTH }));
  putEntries(builder, 0, ...old);
  const lap = CHAIN.slice(0, 2).map((entry) => ({ ...entry, sequence: entry.sequence + 90n }));
  putEntries(builder, 0, ...lap);
  builder.bytes.fill(0, LOG + LENGTH + PAGE, LOG + LENGTH + 2 * PAGE);
  assertEquals(firstBlock(builder), "file 4");
  // Entries of a log that was closed, with any numbers.
  const other = chained();
  const guid = { guid: UNKNOWN_GUID };
  putEntries(
    other,
    4 * LENGTH,
    ...CHAIN.map((e) => ({ ...e, ...guid, sequence: e.sequence + 9n })),
  );
  other.bytes.fill(0, LOG + 3 * LENGTH, LOG + 3 * LENGTH + 512);
  assertEquals(firstBlock(other), "file 6");
});

/** Each entry its own tail, as this writer and QEMU write them; the last one is hit in its data. */
function ownTails(inPlace: Change & { page: Uint8Array }): VhdxBuilder {
  const builder = roomy();
  const entries = CHAIN.slice(0, 2).map(({ tail: _, ...entry }) => entry);
  putEntries(builder, 0, ...entries);
  builder.bytes.set(pattern(PAGE, 4), 8 * MIB);
  builder.bytes.set(inPlace.page, inPlace.offset);
  builder.bytes[LOG + LENGTH + 2 * PAGE + 99]! ^= 1;
  return builder;
}

Deno.test("the last entry is damaged if the file has newer changes than those before it", () => {
  const applied = ownTails(batPage(6, 5) as Change & { page: Uint8Array });
  assertDamage(applied.bytes, LOG + LENGTH);
  // In a crash the entry was torn before anything of it was applied.
  const torn = ownTails(batPage(6, 4) as Change & { page: Uint8Array });
  assertEquals(firstBlock(torn), "file 4");
});

testWith(
  [sharedImageNeed(WINDOWS_IMAGE)],
  "a log of Windows with a damaged entry is refused",
  async () => {
    using dir = new TempDir();
    const bytes = Deno.readFileSync(await unpackSharedImage(WINDOWS_IMAGE, dir));
    openVhdx(new MemoryFile(bytes));
    // The fourth of five entries: the last one's tail.
    bytes[LOG + 0x5000 + 4200]! ^= 1;
    assertDamage(bytes, LOG + 0x5000);
  },
);

Deno.test("check names the damaged entry, and repairs it only if told to discard what follows", async () => {
  const builder = chained();
  builder.bytes[LOG + LENGTH + 5000]! ^= 1;
  const file = new MemoryFile(builder.bytes);
  for (const options of [{}, { repair: true }]) {
    const { sound, findings } = await checkBytes(file, "vhdx", options);
    assertEquals(sound, false);
    assertEquals(
      findings.map((each) => [each.severity, each.structure, each.offset, each.repairable]),
      [["error", "log entry", LOG + LENGTH, false]],
    );
    assertBytesEqual(file.contents, builder.bytes, "a file that was not repaired");
  }
  const before = readCurrentHeader(file);
  const report = await checkBytes(file, "vhdx", { repair: true, discardDamagedLog: true });
  assertEquals([report.sound, report.findings[0]?.repaired], [true, true]);
  const header = readCurrentHeader(file);
  assertEquals(header.logGuid, NIL_GUID);
  // The disk is not the one that children know.
  assert(header.dataWriteGuid !== before.dataWriteGuid);
  assertEquals(firstBlock(new VhdxBuilder(file.contents)), "file 4");
  assertEquals((await checkBytes(file, "vhdx")).sound, true);
});

Deno.test("what the file has already is kept when a damaged log is discarded", async () => {
  const file = new MemoryFile(ownTails(batPage(6, 5) as Change & { page: Uint8Array }).bytes);
  const { sound } = await checkBytes(file, "vhdx", { repair: true, discardDamagedLog: true });
  assertEquals(sound, true);
  assertEquals(firstBlock(new VhdxBuilder(file.contents)), "file 5");
  // Without any valid entry too.
  const none = chained();
  none.bytes.fill(0, LOG, LOG + MIB);
  none.bytes.set((batPage(6, 6) as Change & { page: Uint8Array }).page, BAT);
  const empty = new MemoryFile(none.bytes);
  assertEquals((await checkBytes(empty, "vhdx", { repair: true })).sound, false);
  const options = { repair: true, discardDamagedLog: true };
  assertEquals((await checkBytes(empty, "vhdx", options)).sound, true);
  assertEquals(firstBlock(new VhdxBuilder(empty.contents)), "file 6");
});

Deno.test("a log is discarded by a repair only", async () => {
  await assertRejects(
    () => checkBytes(chained().bytes, "vhdx", { discardDamagedLog: true }),
    TypeError,
    "repair: true",
  );
});

Deno.test("blocks that only a discarded log refers to stay in the file", async () => {
  const builder = chained();
  builder.append(4 * MIB);
  builder.bytes[LOG + LENGTH]! ^= 1;
  const file = new MemoryFile(builder.bytes);
  const { findings } = await checkBytes(file, "vhdx", { repair: true, discardDamagedLog: true });
  const unused = findings.filter(({ structure }) => structure === "unused space");
  assertEquals(unused.length > 0, true);
  assertEquals(unused.some(({ repairable, repaired }) => repairable || repaired), false);
  assertEquals(file.size, builder.bytes.length);
});

Deno.test("a sound log is replayed, not discarded, and nothing is repaired beside other damage", async () => {
  const options = { repair: true, discardDamagedLog: true };
  const sound = new MemoryFile(chained().bytes);
  assertEquals((await checkBytes(sound, "vhdx", options)).sound, true);
  assertEquals(firstBlock(new VhdxBuilder(sound.contents)), "file 7");
  const builder = chained(0, CHAIN.map((entry) => ({ ...entry, changes: [batPage(5, 4)] })));
  builder.bytes[LOG + LENGTH]! ^= 1;
  builder.bytes.fill(0xff, BAT, BAT + 8);
  const file = new MemoryFile(builder.bytes);
  const { sound: isSound, findings } = await checkBytes(file, "vhdx", options);
  assertEquals(isSound, false);
  assertEquals(findings.some(({ repairable, repaired }) => repairable || repaired), false);
  assertBytesEqual(file.contents, builder.bytes);
});

Deno.test("damage of seeded kinds to a log is never read as older data, but in its last entry", () => {
  const random = new Random(1609);
  const newest = openVhdx(chained().source()).extent(0, MIB);
  const counts = { refused: 0, same: 0 };
  const end = 3 * LENGTH;
  const rounds = sampledRounds(600);
  for (let i = 0; i < rounds; i++) {
    const builder = chained();
    const at = random.below(end);
    const length = random.pick([1, 8, 512, PAGE]);
    const byte = random.pick([0, 0xff, random.below(256)]);
    builder.bytes.fill(byte, LOG + at, LOG + Math.min(end, at + length));
    try {
      assertEquals(openVhdx(builder.source()).extent(0, MIB), newest, `${length} bytes at ${at}`);
      counts.same++;
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      counts.refused++;
    }
  }
  assert(counts.refused / rounds > 400 / 600, JSON.stringify(counts));
});

Deno.test("headers that differ from the log's entries are named", () => {
  const builder = chained();
  builder.headers((header) => builder.guid(header + 48, UNKNOWN_GUID));
  const error = assertThrows(() => openVhdx(builder.source()), ImageError);
  assertEquals([error.options.detail?.structure, error.options.detail?.offset], ["log", LOG]);
});
