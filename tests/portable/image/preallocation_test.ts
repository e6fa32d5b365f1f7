/** Fixed disks whose files have no holes, however they are made. */
import { assertEquals, assertGreater, assertRejects } from "@std/assert";
import { type CreateOptions, VirtualDiskError } from "@virtdisk/virtdisk";
import { createImage } from "../../create_image.ts";
import { runCli } from "../../cli/run_cli.ts";
import { assertBytesEqual, onlyOn, pattern, run, TempDir, testWith, tool } from "../../support.ts";

const MIB = 2 ** 20;
const SIZE = 24 * MIB;
/** What is not zeros: the beginning, a few sectors, and something before the end. */
const DATA: readonly [offset: number, length: number][] = [
  [0, 100_000],
  [5 * MIB + 512, 1024],
  [20 * MIB - 7, 3 * MIB],
];

function contents(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SIZE);
  for (const [offset, length] of DATA) bytes.set(pattern(length, offset), offset);
  return bytes;
}

/** As the system's own program sees it. */
function allocated(path: string): number {
  const [blocks = 0, unit = 0] = run("stat", "-c", "%b %B", path).split(" ").map(Number);
  return blocks * unit;
}

const KINDS: [name: string, options: CreateOptions][] = [
  ["a.vhd", { subtype: "fixed" }],
  ["a.vhdx", { subtype: "fixed" }],
  ["a.raw", { type: "raw" }],
];

for (const [name, options] of KINDS) {
  testWith([onlyOn("linux")], `a new ${name} that is preallocated has no holes`, async () => {
    using dir = new TempDir();
    const fractions: number[] = [];
    const onProgress = ({ fraction }: { fraction: number }) => void fractions.push(fraction);
    const wanted = { ...options, size: SIZE, preallocate: true, onProgress };
    (await createImage(dir.file(name), wanted)).close();
    assertGreater(allocated(dir.file(name)), Deno.statSync(dir.file(name)).size - 1);
    assertEquals([fractions.at(-1), fractions], [1, fractions.toSorted((a, b) => a - b)]);
    (await createImage(dir.file(`sparse-${name}`), { ...options, size: SIZE })).close();
    assertGreater(SIZE / 2, allocated(dir.file(`sparse-${name}`)));
  });

  testWith(
    [onlyOn("linux"), tool("qemu-img")],
    `a copy as a preallocated ${name} holds what its source does, without holes`,
    async () => {
      using dir = new TempDir();
      Deno.writeFileSync(dir.file("source.raw"), contents());
      {
        using source = await createImage(dir.file("source.vhdx"), { size: SIZE, blockSize: MIB });
        for (const [offset, length] of DATA) source.writeSync(pattern(length, offset), offset);
      }
      const stream = () => Deno.openSync(dir.file("source.raw")).readable;
      const sources: [string, () => CreateOptions][] = [
        ["image", () => ({ source: dir.file("source.vhdx") })],
        ["raw", () => ({ source: dir.file("source.raw"), sourceType: "raw" })],
        ["stream", () => ({ source: stream(), size: SIZE })],
        // The end of the stream tells the size, where the format allows it.
        ...(name === "a.vhdx"
          ? []
          : [["endless", () => ({ source: stream() })] as [string, () => CreateOptions]]),
      ];
      for (const [kind, source] of sources) {
        const path = dir.file(`${kind}-${name}`);
        const copy = { ...options, ...source(), preallocate: true };
        (await createImage(path, copy)).close();
        assertGreater(allocated(path), Deno.statSync(path).size - 1, kind);
        const format = name.endsWith("vhd") ? "vpc" : name.endsWith("vhdx") ? "vhdx" : "raw";
        run("qemu-img", "convert", "-f", format, "-O", "raw", path, dir.file("back.raw"));
        const back = Deno.readFileSync(dir.file("back.raw"));
        assertBytesEqual(back.subarray(0, SIZE), contents(), kind);
      }
    },
  );
}

Deno.test("only a fixed disk can be preallocated", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("base.vhd"), { size: 3 * MIB })).close();
  const rows: CreateOptions[] = [
    { size: 8 * MIB, preallocate: true },
    { size: 8 * MIB, subtype: "dynamic", preallocate: true },
    { parent: dir.file("base.vhd"), preallocate: true },
  ];
  for (const options of rows) {
    const error = await assertRejects(
      () => createImage(dir.file("a.vhd"), options),
      VirtualDiskError,
      "cannot be preallocated",
    );
    assertEquals(error.symbol, "ERROR_INVALID_PARAMETER");
  }
  assertEquals([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["base.vhd"]);
});

Deno.test("a preallocation that is cancelled half-way leaves nothing", async () => {
  using dir = new TempDir();
  const controller = new AbortController();
  const size = 1024 * MIB;
  let seen = 0;
  await assertRejects(
    () =>
      createImage(dir.file("a.vhd"), {
        size,
        subtype: "fixed",
        preallocate: true,
        signal: controller.signal,
        onProgress: ({ bytes = 0 }) => {
          seen = bytes;
          if (bytes > 4 * MIB) controller.abort(new Error("enough"));
        },
      }),
    Error,
    "enough",
  );
  assertGreater(seen, 4 * MIB);
  assertGreater(size, seen);
  assertEquals([...Deno.readDirSync(dir.path)], []);
});

testWith([onlyOn("linux")], "a file system that makes holes of zeros is found out", async () => {
  using dir = new TempDir();
  const original = Deno.FsFile.prototype.statSync;
  // As on a compressed volume.
  Deno.FsFile.prototype.statSync = function () {
    return { ...original.call(this), blocks: 16 };
  };
  try {
    const error = await assertRejects(
      () => createImage(dir.file("a.vhd"), { size: SIZE, subtype: "fixed", preallocate: true }),
      VirtualDiskError,
      `made holes of zeros: 8192 of ${SIZE + 512} bytes are allocated`,
    );
    assertEquals(error.symbol, "ERROR_FILE_SYSTEM_LIMITATION");
  } finally {
    Deno.FsFile.prototype.statSync = original;
  }
  assertEquals([...Deno.readDirSync(dir.path)], []);
});

testWith([onlyOn("linux")], "--preallocate does it at a shell", async (t) => {
  using dir = new TempDir();
  const args = ["create", "--size", "8MiB", "--preallocate"];
  await t.step("create", async () => {
    assertEquals((await runCli(dir, [...args, "--subtype", "fixed", "a.vhd"])).code, 0);
    assertGreater(allocated(dir.file("a.vhd")), 8 * MIB - 1);
  });
  await t.step("a dynamic disk", async () => {
    const { code, err } = await runCli(dir, [...args, "b.vhd"]);
    assertEquals([code, err], [
      2,
      'virtdisk: "b.vhd": a dynamic disk cannot be preallocated: its file grows ' +
      "with what is written (ERROR_INVALID_PARAMETER, 87). Pass --subtype fixed, or leave " +
      "--preallocate out.\n",
    ]);
  });
  await t.step("standard output", async () => {
    const { code, err } = await runCli(dir, [
      ...["convert", "--preallocate", "--type", "vhd", "--subtype", "fixed", "a.vhd", "-"],
    ]);
    assertEquals(code, 2);
    assertEquals(
      err.split("\n")[0],
      "virtdisk: convert: --preallocate needs a TARGET that is a file",
    );
  });
});
