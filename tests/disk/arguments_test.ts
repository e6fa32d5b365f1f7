/** What the public functions say of arguments of a wrong kind, and of options that they do not have. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  checkVirtualDisk,
  compareVirtualDisks,
  convertVirtualDisk,
  createVirtualDisk,
  diagnose,
  openVirtualDisk,
  openVirtualDiskSync,
  type PortableVirtualDisk,
  rebaseVirtualDisk,
  storageDependencies,
  virtualDiskChanges,
} from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { ROOT, TempDir } from "../support.ts";

const MIB = 1 << 20;
const HUGE = new Uint8Array(8 * MIB);
const HUGE_TEXT = "x".repeat(8 * MIB);
/** Nobody reads a longer sentence. */
const LONGEST = 700;

/** A function that takes options, called with what the compiler does not allow; each ends at the argument. */
interface Called {
  readonly path: string;
  readonly disk: PortableVirtualDisk;
}
type Call = (called: Called, options: never) => unknown;

/** The functions that take options, with an option of theirs that somebody writes wrongly. */
const FUNCTIONS: Record<string, [call: Call, wrong: string, meant: string]> = {
  openVirtualDisk: [({ path }, options) => openVirtualDisk(path, options), "readonly", "readOnly"],
  openVirtualDiskSync: [
    ({ path }, options) => openVirtualDiskSync(path, options),
    "bakend",
    "backend",
  ],
  createVirtualDisk: [
    ({ path }, options) => createVirtualDisk(path, options),
    "blocksize",
    "blockSize",
  ],
  convertVirtualDisk: [
    ({ path }, options) => convertVirtualDisk(path, `${path}.vhd`, options),
    "subType",
    "subtype",
  ],
  rebaseVirtualDisk: [
    ({ path }, options) => rebaseVirtualDisk(path, options as never),
    "dryrun",
    "dryRun",
  ],
  diagnose: [({ path }, options) => diagnose(path, options), "Backend", "backend"],
  checkVirtualDisk: [({ path }, options) => checkVirtualDisk(path, options), "repiar", "repair"],
  compareVirtualDisks: [
    ({ path }, options) => compareVirtualDisks(path, path, options),
    "secondtype",
    "secondType",
  ],
  virtualDiskChanges: [
    ({ path }, options) => virtualDiskChanges(path, options),
    "onprogress",
    "onProgress",
  ],
  storageDependencies: [
    (_, options) => storageDependencies("C:\\", options),
    "diretcion",
    "direction",
  ],
  compact: [({ disk }, options) => disk.compact(options), "dryrun", "dryRun"],
  expand: [({ disk }, options) => disk.expand(8 * MIB, options), "dry-run", "dryRun"],
  resize: [({ disk }, options) => disk.resize(8 * MIB, options), "allowUnsave", "allowUnsafe"],
  information: [({ disk }, options) => disk.information(options), "strickt", "strict"],
  merge: [({ disk }, options) => disk.merge(options), "removeChildren", "removeChild"],
  check: [({ disk }, options) => disk.check(options), "repairs", "repair"],
  readable: [({ disk }, options) => disk.readable(options), "ofset", "offset"],
  extents: [({ disk }, options) => disk.extents(options), "lenght", "length"],
  imageStream: [({ disk }, options) => disk.imageStream(options), "subType", "subtype"],
};

async function messageOf(run: () => unknown): Promise<string> {
  const error = await assertRejects(async () => await run(), TypeError);
  assert(error.message.length < LONGEST, `${error.message.length} characters`);
  return error.message;
}

/** A child of `base.vhdx`, open for writing. */
async function makeChild(dir: TempDir): Promise<Called & Disposable> {
  const parent = dir.file("base.vhdx");
  (await createImage(parent, { size: 4 * MIB })).close();
  const disk = await createImage(dir.file("child.vhdx"), { parent });
  return { path: dir.file("base.vhdx"), disk, [Symbol.dispose]: () => disk.close() };
}

for (const [name, [call, wrong, meant]] of Object.entries(FUNCTIONS)) {
  Deno.test(`${name} refuses an option that it does not have, with the one that was meant`, async () => {
    using dir = new TempDir();
    using called = await makeChild(dir);
    const run = (options: unknown) => () => call(called, options as never);
    assertEquals(
      await messageOf(run({ [wrong]: true })),
      `${name} has no option ${JSON.stringify(wrong)}; did you mean ${meant}?`,
    );
    const unlike = await messageOf(run({ zzzzzz: true }));
    assert(unlike.startsWith(`${name} has no option "zzzzzz"; it has `) && unlike.includes(meant));
    await messageOf(run({ [HUGE_TEXT]: true }));
    for (
      const [value, kind] of [
        [null, "null"],
        ["vhdx", "a string"],
        [HUGE, "a Uint8Array"],
        [[1, 2], "an array"],
        [new URL("file:///a"), "a URL"],
        [new AbortController().signal, "an AbortSignal"],
      ]
    ) {
      assertEquals(
        await messageOf(run(value)),
        `the options of ${name} must be an object, not ${kind}`,
      );
    }
  });
}

Deno.test("the options of every public function are checked: each interface has its kinds", async () => {
  const [mod, ...sources] = await Promise.all(
    [`${ROOT}/mod.ts`, ...sourceFiles(`${ROOT}/src`)].map((path) => Deno.readTextFile(path)),
  );
  const named = [...mod!.matchAll(/\b(\w+Options)\b/g)].map(([, name]) => name!);
  // What errors are made of, and parts of CreateOptions.
  const others = ["VirtualDiskErrorOptions", "CommonCreateOptions", "NativeCreateOptions"];
  const all = sources.join("");
  const unchecked = named.filter((name) =>
    !others.includes(name) && !all.includes(`OptionKinds<${name}>`)
  );
  assert(named.length > 15);
  assertEquals(unchecked, []);
});

function sourceFiles(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? sourceFiles(path) : name.endsWith(".ts") ? [path] : [];
  });
}

Deno.test("an argument of a wrong kind is told in a short sentence: name, what is expected, what it is", async (t) => {
  using dir = new TempDir();
  using called = await makeChild(dir);
  const { path, disk } = called;
  const rows: [expected: string, run: (wrong: never) => unknown, wrong: unknown][] = [
    [
      "source must be a path, a URL, a Uint8Array, a Blob or an object with read() and getSize(), not a Uint16Array",
      (wrong) => openVirtualDisk(wrong),
      new Uint16Array(HUGE.buffer),
    ],
    [
      "path must be a path (a string or a file: URL), not undefined",
      (wrong) => createVirtualDisk(wrong, { size: 4 * MIB }),
      undefined,
    ],
    [
      "source must be a URL of file:, https: or http:, not of ftp:",
      (wrong) => openVirtualDisk(wrong),
      new URL("ftp://example.com/a.vhdx"),
    ],
    [
      "second must be a path, a URL, a Uint8Array, a Blob or an object with read() and getSize(), not an object",
      (wrong) => compareVirtualDisks(path, wrong),
      {},
    ],
    ["size is missing", (wrong) => createVirtualDisk(dir.file("n.vhdx"), wrong), undefined],
    ["size is missing", (wrong) => createVirtualDisk(dir.file("n.vhdx"), wrong), {}],
    [
      "onProgress must be a function, not a number",
      (onProgress) => disk.compact({ onProgress }),
      7,
    ],
    ["signal must be an AbortSignal, not a string", (signal) => disk.compact({ signal }), "now"],
    [
      "signal must be an AbortSignal, not an AbortController",
      (signal) => createVirtualDisk(path, { size: 4 * MIB, signal }),
      new AbortController(),
    ],
    [
      "readOnly must be true or false, not a string",
      (readOnly) => openVirtualDisk(path, { readOnly }),
      "false",
    ],
    [
      'type must be "iso", "vhd", "vhdx", "vhdset" or "raw", not "VHDX"; did you mean "vhdx"?',
      (type) => openVirtualDisk(path, { type }),
      "VHDX",
    ],
    [
      'subtype must be "dynamic", "fixed" or "differencing", not "thin"',
      (subtype) => createVirtualDisk(path, { size: 4 * MIB, subtype }),
      "thin",
    ],
    [
      'backend must be "auto", "native" or "portable", not a number',
      (backend) => openVirtualDiskSync(path, { backend }),
      1,
    ],
    [
      "flags must be an array of words or a number, not a string",
      (flags) => openVirtualDisk(path, { flags }),
      "no-parents",
    ],
    [
      "source must be a path, a URL, a Uint8Array, a Blob or an object with read() and getSize() or a ReadableStream, not a Uint16Array",
      (source) => createVirtualDisk(path, { source }),
      new Uint16Array(HUGE.buffer),
    ],
    [
      'blockSize must be a number of bytes or a size such as "10GiB", not a bigint',
      (blockSize) => createVirtualDisk(path, { size: 4 * MIB, blockSize }),
      1n,
    ],
    [
      "buffer must be a Uint8Array, not an ArrayBuffer",
      (buffer) => disk.readSync(buffer, 0),
      HUGE.buffer,
    ],
    ["buffer must be a Uint8Array, not a string", (buffer) => disk.writeSync(buffer, 0), HUGE_TEXT],
    [
      "offset must be a number, not undefined",
      (offset) => disk.readSync(new Uint8Array(1), offset),
      undefined,
    ],
    [
      'kind must be a class of information, such as "size", not "sizes"; did you mean "size"?',
      (kind) => disk.getInformation(kind),
      "sizes",
    ],
    [
      "changeTrackingEnabled must be true or false, not a Uint8Array",
      (on) => disk.setInformation("changeTrackingEnabled", on),
      HUGE,
    ],
    [
      'parentPath has no option "ignoreMissmatch"; did you mean ignoreMismatch?',
      (value) => disk.setInformation("parentPath", value),
      { path, ignoreMissmatch: true },
    ],
    [
      "value must be a Uint8Array, not a string",
      (value) => disk.metadata.set(crypto.randomUUID(), value),
      HUGE_TEXT,
    ],
  ];
  for (const [expected, run, wrong] of rows) {
    await t.step(expected, async () => {
      const message = await messageOf(() => run(wrong as never));
      assert(message.startsWith(expected), message);
    });
  }
  await t.step("words, GUIDs and paths of megabytes", async () => {
    await messageOf(() => openVirtualDisk(path, { type: HUGE_TEXT as "iso" }));
    await messageOf(() => openVirtualDisk(path, { flags: [HUGE_TEXT as "no-parents"] }));
    await messageOf(() => disk.metadata.get(HUGE_TEXT));
    await messageOf(() => openVirtualDisk(`${HUGE_TEXT}\0`));
    const error = await assertRejects(() => openVirtualDisk(HUGE_TEXT, { backend: "portable" }));
    assert(error instanceof Error && error.message.length < LONGEST);
  });
});

Deno.test("a number out of its range is told with its name", () => {
  const rows: [expected: string, options: Parameters<typeof openVirtualDiskSync>[1]][] = [
    ["rwDepth must be a whole number from 0 to 4294967295, not -1", { rwDepth: -1 }],
    ["flags must be a whole number from 0 to 4294967295, not NaN", { flags: NaN }],
  ];
  for (const [expected, options] of rows) {
    assertThrows(() => openVirtualDiskSync("a.vhdx", options), RangeError, expected);
  }
});

Deno.test("an option that is undefined is as one that is left out", async () => {
  using dir = new TempDir();
  const path = dir.file("disk.vhdx");
  const nothing = { unknown: undefined } as object;
  const created = await createVirtualDisk(path, {
    ...nothing,
    size: 4 * MIB,
    type: undefined,
    subtype: undefined,
    blockSize: undefined,
    parent: undefined,
    source: undefined,
    overwrite: undefined,
    onProgress: undefined,
    backend: "portable",
  });
  created.close();
  using disk = openVirtualDiskSync(path, {
    ...nothing,
    backend: "portable",
    type: undefined,
    flags: undefined,
    access: undefined,
    readOnly: undefined,
    snapshotId: undefined,
  });
  assertEquals(disk.getInformation("providerSubtype"), "dynamic");
  await disk.compact({ dryRun: true, signal: undefined, noZeroScan: undefined });
  assertEquals([...disk.extents({ offset: undefined, length: undefined })].length, 1);
  assertEquals((await checkVirtualDisk(path, undefined)).sound, true);
  assertEquals((await checkVirtualDisk(path, { repair: undefined, type: undefined })).sound, true);
  const ranges = compareVirtualDisks(path, path, { firstType: undefined, strict: undefined });
  assertEquals(await Array.fromAsync(ranges), []);
});
