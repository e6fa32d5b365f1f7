import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { toFileUrl } from "@std/path";
import { checkVirtualDisk, diagnose, type Finding, openVirtualDiskSync } from "@virtdisk/virtdisk";
import { bySeverity, finding } from "../../../src/disk/finding.ts";
import { createImage } from "../../create_image.ts";
import { dirtyVhdx, putEntries } from "../vhdx/log_builder.ts";
import { HEADER, newVhd, sealFooter, sealHeader, viewAt } from "../vhd/vhd_builder.ts";
import { circumstance, onlyOn, run, TempDir, testWith, tool } from "../../support.ts";

const MIB = 1 << 20;
const PORTABLE = { backend: "portable" } as const;

const notRoot = circumstance(() => Deno.uid() === 0 ? "root reads every file" : undefined);
const sysfs = circumstance(() => {
  try {
    Deno.statSync(UNWRITABLE);
    return undefined;
  } catch {
    return `${UNWRITABLE} is absent`;
  }
});
/** A file that not even root can open for writing. */
const UNWRITABLE = "/sys/kernel/notes";

/** The findings about a subject. */
async function about(path: string, subject: Finding["subject"]): Promise<Finding[]> {
  return (await diagnose(path, PORTABLE)).findings.filter((each) => each.subject === subject);
}

async function only(path: string, subject: Finding["subject"]): Promise<Finding> {
  const [found, ...more] = await about(path, subject);
  assert(found !== undefined, `nothing was found about ${subject}`);
  assertEquals(more, []);
  return found;
}

function summary({ severity, symbol }: Finding): [string, string | undefined] {
  return [severity, symbol];
}

Deno.test("diagnose(): a healthy image has no error and no warning", async () => {
  using dir = new TempDir();
  const path = dir.file("a.vhdx");
  (await createImage(path, { size: 64 * MIB })).close();
  const { findings, verdict, summary, command } = await diagnose(path, PORTABLE);
  assertEquals([verdict, summary], ["sound", "Nothing is wrong"]);
  assertMatch(command!, /^virtdisk info (?:--backend portable )?\S/);
  assertEquals(findings.filter(({ severity }) => severity !== "info"), []);
  const format = findings.find(({ subject }) => subject === "format");
  assertMatch(format!.message, /^VHDX image, dynamic: a disk of 67,108,864 bytes/);
  assertEquals(format!.path, path);
  assertEquals("code" in format!, false);
  assertEquals((await diagnose(toFileUrl(path), PORTABLE)).findings, findings);
});

Deno.test("diagnose(): a file that is missing, a folder and a missing folder are told apart", async () => {
  using dir = new TempDir();
  const rows: [path: string, subject: Finding["subject"], symbol: string][] = [
    [dir.file("no.vhdx"), "file", "ERROR_FILE_NOT_FOUND"],
    [dir.file("no/no.vhdx"), "file", "ERROR_PATH_NOT_FOUND"],
    [dir.path, "access", "ERROR_ACCESS_DENIED"],
  ];
  for (const [path, subject, symbol] of rows) {
    const { findings } = await diagnose(path, PORTABLE);
    assertEquals(findings.map((each) => [each.severity, each.subject, each.symbol]), [
      ["error", subject, symbol],
    ]);
    assert(findings[0]!.remedy);
  }
});

testWith([onlyOn("linux", "darwin")], "diagnose(): a device is no image file", async () => {
  const found = await only("/dev/null", "file");
  assertEquals(summary(found), ["error", "ERROR_NOT_SUPPORTED"]);
});

testWith(
  [onlyOn("linux", "darwin"), notRoot],
  "diagnose(): a file that may not be read is an error",
  async () => {
    using dir = new TempDir();
    Deno.writeTextFileSync(dir.file("a.vhd"), "x", { mode: 0 });
    assertEquals(summary(await only(dir.file("a.vhd"), "access")), [
      "error",
      "ERROR_ACCESS_DENIED",
    ]);
  },
);

testWith(
  [onlyOn("linux"), sysfs],
  "diagnose(): a file that may not be written is a warning",
  async () => {
    const found = await only(UNWRITABLE, "access");
    assertEquals(summary(found), ["warning", "ERROR_ACCESS_DENIED"]);
    assertMatch(found.remedy!, /readOnly: true/);
  },
);

Deno.test("diagnose(): a read-only medium is a warning", async () => {
  using dir = new TempDir();
  const path = dir.file("a.vhdx");
  (await createImage(path, { size: 8 * MIB })).close();
  const { openSync } = Deno;
  const readOnly = (name: string, options?: Deno.OpenOptions) => {
    if (options?.write) throw Object.assign(new Error("read-only"), { code: "EROFS" });
    return openSync(name, options);
  };
  Reflect.set(Deno, "openSync", readOnly);
  try {
    assertEquals(summary(await only(path, "medium")), ["warning", "ERROR_WRITE_PROTECT"]);
  } finally {
    Reflect.set(Deno, "openSync", openSync);
  }
});

Deno.test("diagnose(): an image that is open for writing is locked, one that is read cannot be written", async () => {
  using dir = new TempDir();
  const path = dir.file("a.vhdx");
  (await createImage(path, { size: 8 * MIB })).close();
  for (const [readOnly, severity] of [[false, "error"], [true, "warning"]] as const) {
    using _disk = openVirtualDiskSync(path, { ...PORTABLE, readOnly });
    const found = await only(path, "lock");
    assertEquals(summary(found), [severity, "ERROR_SHARING_VIOLATION"]);
    assert(found.remedy);
  }
  assertEquals(await about(path, "lock"), []);
});

testWith(
  [onlyOn("linux", "darwin")],
  "diagnose(): a sparse file is told, with what Windows makes of it",
  async () => {
    using dir = new TempDir();
    const path = dir.file("a.vhd");
    (await createImage(path, { size: 64 * MIB, subtype: "fixed" })).close();
    const found = await only(path, "sparse");
    assertEquals(summary(found), ["info", "ERROR_VIRTUAL_DISK_LIMITATION"]);
    assertMatch(found.message, /of 67,109,376 bytes/);
    assertMatch(found.remedy!, /`fsutil sparse setflag FILE 0`/);
    Deno.writeFileSync(path, Deno.readFileSync(path));
    const [whole] = await about(path, "sparse");
    assertEquals(whole, undefined);
  },
);

Deno.test("diagnose(): a file that is no image is an error that says so", async () => {
  using dir = new TempDir();
  Deno.writeTextFileSync(dir.file("a.txt"), "no image");
  Deno.writeTextFileSync(dir.file("a.vhdx"), "no image");
  const text = await only(dir.file("a.txt"), "format");
  assertEquals(summary(text), ["error", "ERROR_VIRTDISK_PROVIDER_NOT_FOUND"]);
  assertEquals(text.message, "the file has no signature of a VHD, VHDX or ISO image");
  assertMatch(text.remedy!, /`type` option/);
  assertEquals(summary(await only(dir.file("a.vhdx"), "format")), [
    "error",
    "ERROR_VHD_FORMAT_UNKNOWN",
  ]);
});

Deno.test("diagnose(): a damage is told with its place", async () => {
  using dir = new TempDir();
  const image = newVhd();
  image.fill(0, HEADER, HEADER + 8);
  Deno.writeFileSync(dir.file("a.vhd"), image);
  const found = await only(dir.file("a.vhd"), "damage");
  assertEquals(found.severity, "error");
  assertMatch(found.message, /at offset 512: found .*, expected /);
  assertEquals([found.detail?.structure, found.detail?.offset], ["sparse header", 512]);
});

Deno.test("diagnose(): a dirty log is no damage, but a warning", async () => {
  using dir = new TempDir();
  const builder = dirtyVhdx();
  putEntries(builder, 0, { sequence: 1n });
  Deno.writeFileSync(dir.file("a.vhdx"), builder.bytes);
  const found = await only(dir.file("a.vhdx"), "log");
  assertEquals(found.severity, "warning");
  assertMatch(found.remedy!, /for writing/);
  const { verdict, command } = await diagnose(dir.file("a.vhdx"), PORTABLE);
  assertEquals(verdict, "usable");
  assertMatch(command!, /^virtdisk check --repair /);
});

testWith(
  [tool("qemu-img")],
  "diagnose(): of the two footers of a VHD one is enough, and QEMU finds that one too",
  async (t) => {
    using dir = new TempDir();
    const path = dir.file("a.vhd");
    const image = newVhd({ virtualSize: 8 * MIB });
    const end = image.length - 512;
    const rows: [name: string, offset: number, length: number, message: RegExp][] = [
      ["the end overwritten", end, 512, /copy at the start, but Windows looks for it there$/],
      ["the cookie at the end", end, 8, /copy at the start, but Windows looks for it there$/],
      ["the end torn", end + 64, 448, /footer at offset \d+: found .*, the checksum of its bytes$/],
      ["the copy overwritten", 0, 512, /^footer copy at offset 0: .*, the cookie of a footer$/],
    ];
    for (const [name, offset, length, message] of rows) {
      await t.step(name, async () => {
        Deno.writeFileSync(path, new Uint8Array(image).fill(0, offset, offset + length));
        const { verdict, command } = await diagnose(path, PORTABLE);
        assertEquals(verdict, "usable");
        assertMatch(command!, /^virtdisk check --repair /);
        const found = await only(path, "damage");
        assertEquals(found.severity, "warning");
        assertMatch(found.message, message);
        openVirtualDiskSync(path, PORTABLE).close();
        // With no copy at the start QEMU takes it for a fixed one.
        if (offset > 0) run("qemu-img", "info", "-f", "vpc", path);
        await checkVirtualDisk(path, { repair: true });
        assertEquals((await diagnose(path, PORTABLE)).verdict, "sound");
        assertEquals(Deno.readFileSync(path), image);
      });
    }
    // A fixed one has no copy.
    const fixed = newVhd({ subtype: "fixed", virtualSize: 8 * MIB });
    Deno.writeFileSync(path, fixed.fill(0, fixed.length - 448));
    assertEquals((await diagnose(path, PORTABLE)).verdict, "unusable");
  },
);

Deno.test("diagnose(): broken rules of size are warnings", async () => {
  using dir = new TempDir();
  const size = 4 * MIB;
  const footer = new Uint8Array(newVhd({ subtype: "fixed", virtualSize: size }).slice(-512));
  const view = viewAt(footer);
  view.setBigUint64(48, BigInt(2 * MIB), false);
  sealFooter(footer, 0);
  const longer = new Uint8Array(size + 512);
  longer.set(footer, size);
  Deno.writeFileSync(dir.file("a.vhd"), longer);
  assertEquals((await about(dir.file("a.vhd"), "size")).map(summary), [
    ["warning", "ERROR_VHD_INVALID_FILE_SIZE"],
    ["warning", "ERROR_VHD_INVALID_SIZE"],
  ]);
});

Deno.test("diagnose(): what Azure asks of an image is told", async () => {
  using dir = new TempDir();
  const rows: [name: string, options: Parameters<typeof createImage>[1], message: RegExp][] = [
    ["good.vhd", { size: 8 * MIB, subtype: "fixed" }, /as it is$/],
    [
      "odd.vhd",
      { size: 8 * MIB + 512, subtype: "fixed" },
      /must be a whole number of MiB in size$/,
    ],
    ["dynamic.vhd", { size: 8 * MIB }, /must be fixed$/],
    ["a.vhdx", { size: 8 * MIB + 512 }, /must be VHD, fixed, a whole number of MiB in size$/],
  ];
  for (const [name, options, message] of rows) {
    (await createImage(dir.file(name), options)).close();
    const { severity, message: said } = await only(dir.file(name), "azure");
    assertEquals(severity, "info");
    assertMatch(said, message);
  }
});

Deno.test("diagnose(): a chain that is complete is told, parent by parent", async () => {
  using dir = new TempDir();
  const [base, middle, leaf] = ["base.vhdx", "middle.vhdx", "leaf.vhdx"].map((n) => dir.file(n));
  (await createImage(base!, { size: 8 * MIB })).close();
  (await createImage(middle!, { parent: base! })).close();
  (await createImage(leaf!, { parent: middle! })).close();
  const found = await only(leaf!, "parent");
  assertEquals(found.severity, "info");
  assertEquals(
    found.message,
    `all parents are there: ${JSON.stringify(middle)}, ${JSON.stringify(base)}`,
  );

  Deno.removeSync(base!);
  const missing = await about(leaf!, "parent");
  assertEquals(summary(missing[0]!), ["error", "ERROR_VHD_PARENT_VHD_NOT_FOUND"]);
  assertEquals(missing[0]!.path, middle);
  assertEquals(missing.slice(1).map((each) => each.message), [
    `looked for the parent at ${JSON.stringify(base)}: no file is there`,
  ]);
});

Deno.test("diagnose(): a parent that is another disk is an error, and every place is told", async () => {
  using dir = new TempDir();
  const [base, child] = [dir.file("base.vhd"), dir.file("child.vhd")];
  (await createImage(base, { size: 8 * MIB })).close();
  (await createImage(child, { parent: base })).close();
  (await createImage(base, { size: 8 * MIB, overwrite: true, ignoreChildren: true })).close();
  const [error, ...places] = await about(child, "parent");
  assertEquals(summary(error!), ["error", "ERROR_VHD_CHILD_PARENT_ID_MISMATCH"]);
  assertEquals(error!.path, child);
  assertMatch(places[0]!.message, /base\.vhd": a file is there$/);

  Deno.writeTextFileSync(base, "damaged");
  const [damaged] = await about(child, "parent");
  assertEquals(damaged!.severity, "error");
});

Deno.test("diagnose(): a VHD's parent with another time stamp is a warning", async () => {
  using dir = new TempDir();
  const [base, child] = [dir.file("base.vhd"), dir.file("child.vhd")];
  (await createImage(base, { size: 8 * MIB })).close();
  (await createImage(child, { parent: base })).close();
  const image = Deno.readFileSync(child);
  const made = 900_000_000;
  viewAt(image).setUint32(HEADER + 56, made, false);
  sealHeader(image);
  Deno.writeFileSync(child, image);
  const found = (await about(child, "parent")).filter(({ severity }) => severity === "warning");
  assertEquals(found.map(({ symbol, path }) => [symbol, path]), [
    ["ERROR_VHD_CHILD_PARENT_TIMESTAMP_MISMATCH", base],
  ]);
  const epoch = Date.UTC(2000, 0, 1) / 1000;
  Deno.utimeSync(base, epoch + made, epoch + made + 1);
  assertEquals((await about(child, "parent")).map(({ severity }) => severity), ["info"]);
});

Deno.test("diagnose(): a diagnosis changes nothing", async () => {
  using dir = new TempDir();
  const builder = dirtyVhdx();
  putEntries(builder, 0, { sequence: 1n });
  const path = dir.file("a.vhdx");
  Deno.writeFileSync(path, builder.bytes);
  Deno.utimeSync(path, 1000, 1000);
  await diagnose(path, PORTABLE);
  assertEquals(Deno.readFileSync(path), builder.bytes);
  assertEquals(Deno.statSync(path).mtime?.getTime(), 1000_000);
});

Deno.test("diagnose(): findings come worst first, else in the order in which they were found", () => {
  const made = (["info", "error", "warning", "info", "error"] as const)
    .map((severity, i) => finding(severity, "file", "a", String(i)));
  assertEquals(bySeverity(made).map(({ message }) => message), ["1", "4", "2", "0", "3"]);
  assertEquals(made[0]!.message, "0");
});

Deno.test("diagnose(): wrong arguments are refused", async () => {
  await assertRejects(() => diagnose(5 as unknown as string), TypeError);
  await assertRejects(() => diagnose("a\0b", PORTABLE), TypeError);
  await assertRejects(() => diagnose("a", { backend: "qemu" as "native" }), TypeError, "qemu");
});
