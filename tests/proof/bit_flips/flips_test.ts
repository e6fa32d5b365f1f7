/** Bits of images are flipped, and each program says what comes of it: the promises of PROOF.md, in a sample. */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { Random } from "../../fuzz/random.ts";
import { denoCommand } from "../../deno_command.ts";
import { allStates, everySo, explored, sampledRounds } from "../../sampling.ts";
import { TempDir, testWith } from "../../support.ts";
import { choosePlaces, flipBits, outcomeOf, type Place } from "./flips.ts";
import { childOfSectors, type FlipSubject, flipSubjects } from "./subjects.ts";
import { READER_NEEDS, startReaders } from "../readers/readers.ts";
import { checksumOf, ReaderProcess } from "../readers/reading.ts";

const SEED = 7;
const PLACES = sampledRounds(150);
/** Of all. */
const NEEDS = Object.values(READER_NEEDS).flat();

Deno.test("flipBits(): no flip of a bit makes virtdisk crash, hang, or throw what says nothing", async () => {
  using dir = new TempDir();
  await using stack = new AsyncDisposableStack();
  const [ours, ...others] = startReaders(dir.file("read.raw"));
  for (const reader of [ours!, ...others]) stack.use(reader);
  const subjects = await flipSubjects(dir);
  for (const subject of subjects) {
    const result = await flipBits(subject, [ours!], { places: PLACES, seed: SEED });
    assertEquals(result.incidents, [], subject.name);
    assertEquals(result.unable, {}, subject.name);
    const { structure, data } = result.counts.virtdisk!;
    // Data are read as they are, and nothing else changes with them.
    assertEquals(data.theBit, result.places - result.structures, subject.name);
    assertEquals(sum(structure), result.structures, subject.name);
    assertEquals(Deno.readFileSync(subject.path), subject.bytes, "the file afterwards");
  }
  explored("flipped bits", { "damaged files": PLACES * subjects.length });
});

testWith(
  [...NEEDS, allStates],
  "flipBits(): all programs are asked, and read the sound images that they know",
  async () => {
    using dir = new TempDir();
    await using stack = new AsyncDisposableStack();
    const readers = startReaders(dir.file("read.raw"));
    for (const reader of readers) stack.use(reader);
    assertEquals(readers.map(({ name }) => name), ["virtdisk", "qemu-img", "libvhdi"]);
    const able: Record<string, string[]> = {};
    const places = sampledRounds(2);
    for (const subject of await flipSubjects(dir)) {
      const { counts } = await flipBits(subject, readers, { places, seed: SEED });
      able[subject.name] = Object.keys(counts);
      for (const { structure, data } of Object.values(counts)) {
        assertEquals(
          sum(structure) + sum(data),
          places,
        );
      }
    }
    const all = ["virtdisk", "qemu-img", "libvhdi"];
    assertEquals(able["VHD, fixed"], all);
    assertEquals(able["VHD, dynamic"], all);
    assertEquals(able["VHD, differencing"], ["virtdisk", "libvhdi"]);
    assertEquals(able["VHDX, dynamic"], all);
    assertEquals(able["VHDX, differencing"], ["virtdisk", "libvhdi"]);
    assertEquals(able["VHDX, log to be replayed"], ["virtdisk", "qemu-img"]);
  },
);

const sum = (counts: Readonly<Record<string, number>>) =>
  Object.values(counts).reduce((a, b) => a + b, 0);

testWith(
  [...READER_NEEDS.libvhdi, allStates],
  "childOfSectors(): libvhdi reads other bytes of a sound child that has less than 4 KiB of its own",
  async () => {
    using dir = new TempDir();
    await using stack = new AsyncDisposableStack();
    const image = await childOfSectors(dir);
    const read: Record<string, boolean> = {};
    for (const reader of startReaders(dir.file("read.raw"))) {
      stack.use(reader);
      const reading = await reader.read(image, image.contents);
      assertEquals(reading.kind, "bytes", reader.name);
      const checksum = reading.kind === "bytes" ? reading.checksum : undefined;
      read[reader.name] = checksum === checksumOf(image.contents);
    }
    assertEquals([read["virtdisk"], read["libvhdi"]], [true, false]);
  },
);

testWith(
  [allStates],
  "choosePlaces(): the same seed gives the same places, in data and in structures",
  async () => {
    using dir = new TempDir();
    for (const subject of await flipSubjects(dir)) {
      const choose = (seed: number) => choosePlaces(subject, 400, new Random(seed));
      const places = choose(1);
      assertEquals(choose(1), places);
      const data = places.filter(({ kind }) => kind === "data").length;
      assert(data > 40 && data < 140, `${data} of 400 places in data`);
      for (const { offset } of places) assertLessOrEqual(offset, subject.bytes.length - 1);
      for (const { kind, offset } of places) {
        const isData = subject.data.some(({ fileOffset, length }) =>
          fileOffset <= offset && offset < fileOffset + length
        );
        assertEquals(isData, kind === "data");
      }
    }
  },
);

Deno.test("outcomeOf(): a flip in the data is told from other bytes", async (t) => {
  const contents = new Uint8Array(1024).fill(5);
  const subject: FlipSubject = {
    name: "made up",
    format: "vhd",
    path: "",
    parent: undefined,
    hasLog: false,
    bytes: new Uint8Array(2048),
    contents,
    data: [{ fileOffset: 1024, offset: 0, length: 1024 }],
    fields: [],
  };
  const data: Place = { kind: "data", offset: 1024 + 7, bit: 3 };
  const structure: Place = { kind: "structure", offset: 7, bit: 3 };
  const flipped = contents.slice();
  flipped[7]! ^= 8;
  const twice = flipped.slice();
  twice[8]! ^= 1;
  const rows = [
    ["the bytes of the sound disk", data, contents, "right"],
    ["the bit that was flipped in the data", data, flipped, "theBit"],
    ["that bit and another", data, twice, "silent"],
    ["a bit of the disk, though the flip was in a structure", structure, flipped, "silent"],
    ["another size", structure, undefined, "silent"],
  ] as const;
  for (const [title, place, bytes, expected] of rows) {
    await t.step(title, () => {
      const checksum = bytes && checksumOf(bytes);
      assertEquals(outcomeOf(subject, place, { kind: "bytes", checksum }), expected);
    });
  }
});

const READERS_AT_FAULT: readonly [title: string, code: string, kind: string][] = [
  ["ends", "Deno.exit(3)", "crash"],
  ["does not answer", "await new Promise((done) => setTimeout(done, 60_000))", "hang"],
];

for (const [i, [title, code, kind]] of READERS_AT_FAULT.entries()) {
  testWith(
    everySo(2, i),
    `ReaderProcess: a program that ${title} is told, and started again`,
    async () => {
      using dir = new TempDir();
      const path = dir.file("reader.ts");
      Deno.writeTextFileSync(
        path,
        `for await (const part of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
        if (part.includes("bad")) ${code};
        console.log('{"kind":"bytes","checksum":7}');
      }`,
      );
      const start = () =>
        denoCommand({
          args: ["run", "--no-check", path],
          stdin: "piped",
          stdout: "piped",
          stderr: "null",
        })
          .spawn();
      await using reader = new ReaderProcess(start, 4000);
      const read = (path: string) => reader.read({ path, parent: undefined, size: 1 });
      assertEquals((await read("good")).kind, "bytes");
      assertEquals((await read("bad")).kind, kind);
      assertEquals((await read("good")).kind, "bytes");
    },
  );
}

Deno.test("our_reader.ts: an image that is none is refused, and a missing file too", async () => {
  using dir = new TempDir();
  Deno.writeFileSync(dir.file("noise.vhdx"), new Uint8Array(100_000).fill(7));
  const path = fromFileUrl(new URL("../readers/our_reader.ts", import.meta.url));
  const start = () =>
    denoCommand({
      args: ["run", "--no-check", "--allow-read", path],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
  await using reader = new ReaderProcess(start, 20_000);
  for (const name of ["noise.vhdx", "missing.vhdx"]) {
    const reading = await reader.read({ path: dir.file(name), parent: undefined, size: 1 });
    assertEquals(reading.kind, "refused", JSON.stringify(reading));
  }
});
