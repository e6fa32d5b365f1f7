/** What the functions that only Windows has say of arguments of a wrong kind. */
import { assertEquals, assertRejects } from "@std/assert";
import { queryDependencies } from "../../src/native/dependencies.ts";
import type { NativeVirtualDisk } from "../../src/native/native_disk.ts";
import { testRowsWithDouble, testWithDouble } from "./with_double.ts";

const ID = "00112233-4455-6677-8899-aabbccddeeff";

/** The functions that take options, with an option of theirs that somebody writes wrongly. */
const FUNCTIONS: Record<
  string,
  [call: (disk: NativeVirtualDisk, options: never) => unknown, wrong: string, meant: string]
> = {
  attach: [(disk, options) => disk.attach(options), "readonly", "readOnly"],
  detach: [(disk, options) => disk.detach(options), "forced", "force"],
  compact: [(disk, options) => disk.compact(options), "noZeroScans", "noZeroScan"],
  expand: [(disk, options) => disk.expand(1 << 30, options), "notify", "notifyChange"],
  resize: [(disk, options) => disk.resize(1 << 30, options), "allowUnsave", "allowUnsafe"],
  merge: [(disk, options) => disk.merge(options), "dept", "depth"],
  mirror: [(disk, options) => disk.mirror("C:\\b.vhdx", options), "existing", "existingFile"],
  fork: [(disk, options) => disk.fork("C:\\b.vhdx", options), "existingfile", "existingFile"],
  queryChanges: [(disk, options) => disk.queryChanges("id", options), "ofset", "offset"],
  rawScsi: [(disk, options) => disk.rawScsi(options), "cbd", "cdb"],
  takeSnapshot: [(disk, options) => disk.takeSnapshot(options), "snapshotID", "snapshotId"],
  deleteSnapshot: [
    (disk, options) => disk.deleteSnapshot(ID, options),
    "persistReference",
    "persistReferencePoint",
  ],
  applySnapshot: [
    (disk, options) => disk.applySnapshot(ID, options),
    "leafSnapshot",
    "leafSnapshotId",
  ],
};

testRowsWithDouble("each method of the native backend refuses an unknown option", async (step) => {
  for (const [name, [call, wrong, meant]] of Object.entries(FUNCTIONS)) {
    await step(name, async ({ openWritable }) => {
      using disk = openWritable();
      const run = (options: unknown) =>
        assertRejects(async () => await call(disk, options as never), TypeError);
      assertEquals(
        (await run({ [wrong]: true })).message,
        `${name} has no option ${JSON.stringify(wrong)}; did you mean ${meant}?`,
      );
      assertEquals((await run(null)).message, `the options of ${name} must be an object, not null`);
    });
  }
});

testWithDouble(
  "the native backend tells name, expectation and kind of a wrong argument",
  async ({ openWritable, libraries }) => {
    using disk = openWritable();
    const huge = new Uint8Array(1 << 23);
    const rows: [expected: string, run: (wrong: never) => unknown, wrong: unknown][] = [
      [
        "permanent must be true or false, not a number",
        (permanent) => disk.attach({ permanent }),
        1,
      ],
      [
        "mountPoint must be a path (a string or a file: URL), not a Uint8Array",
        (mountPoint) => disk.attach({ mountPoint }),
        huge,
      ],
      [
        'restrictedRange has no option "start"; it has offset and length',
        (restrictedRange) => disk.attach({ restrictedRange }),
        { start: 1 },
      ],
      [
        'securityDescriptor must be "everyone" or "image-file" or a Uint8Array, not "D:"',
        (securityDescriptor) => disk.attach({ securityDescriptor }),
        "D:",
      ],
      [
        'size must be a number of bytes or a size such as "10GiB", not a Uint8Array',
        (size) => disk.resize(size),
        huge,
      ],
      [
        "onProgress must be a function, not a number",
        (onProgress) => disk.merge({ onProgress }),
        7,
      ],
      [
        'kind must be "snapshot-path", "remove-snapshot" or "default-path", not "default"; did you mean "default-path"?',
        (kind) => disk.modifyVhdSet({ kind, path: "C:\\a" }),
        "default",
      ],
      [
        "the change must be an object, not undefined",
        (change) => disk.modifyVhdSet(change),
        undefined,
      ],
      ["cdb must be a Uint8Array, not undefined", (request) => disk.rawScsi(request), {}],
      [
        "changeTrackingId must be a string, not a Uint8Array",
        (id) => disk.queryChanges(id),
        huge,
      ],
      [
        "what is asked about must be a path, { volume } or { disk }, not an object",
        (object) => queryDependencies(libraries, object, "hosts"),
        { drive: "C:" },
      ],
    ];
    for (const [expected, run, wrong] of rows) {
      const { message } = await assertRejects(async () => await run(wrong as never), TypeError);
      assertEquals(message, expected);
    }
  },
);
