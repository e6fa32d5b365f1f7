/** Images whose contents name files of the system that opens them, or servers. */
import type { ParentSpec } from "../../src/portable/image/image.ts";
import { openVhdx } from "../../src/portable/vhdx/image.ts";
import { createVhdIn, createVhdxIn, newImage } from "../crash/formats.ts";
import type { SparseFile } from "../crash/sparse_file.ts";
import { vhdSpec } from "../portable/vhd/vhd_builder.ts";
import { vhdxSpec } from "../portable/vhdx/vhdx_builder.ts";
import { run, type TempDir } from "../support.ts";

/** An image, and what it may have a program look at. */
export interface HostileImage {
  /** Its file, in a folder of its own in the folder `images`: of a folder, all images may be looked at. */
  readonly file: string;
  /** Files outside of that folder: because of the image these may be opened, and no others. */
  readonly mayOpen: readonly string[];
}

const BASE_ID = "01234567-89ab-cdef-0123-456789abcdef";
const OTHER_ID = "11111111-2222-3333-4444-555555555555";
/** The address is of this machine, where nobody listens. */
const HOST = "127.0.0.1";

/** The places of a parent that are tried; `mayOpen` if the documentation says that such a place is looked at. */
interface Place extends Partial<ParentSpec> {
  readonly name: string;
  readonly mayOpen?: string;
}

function places(dir: TempDir): Place[] {
  const [base, secret, pipe] = ["base.vhdx", "secret.txt", "pipe"].map((name) =>
    dir.file(`elsewhere/${name}`)
  ) as [string, string, string];
  return [
    // A path that is absolute, or leads upwards, is followed: SECURITY.md says so.
    { name: "absolute", absolutePath: base, mayOpen: base },
    { name: "upwards", relativePath: "..\\..\\elsewhere\\base.vhdx", mayOpen: base },
    { name: "upwards-slashes", relativePath: "../../elsewhere/base.vhdx", mayOpen: base },
    { name: "no-image", absolutePath: secret, mayOpen: secret },
    { name: "other-identity", absolutePath: base, identifier: OTHER_ID, mayOpen: base },
    { name: "gone", absolutePath: "/none/of/these.vhdx" },
    { name: "pipe", absolutePath: pipe },
    { name: "device", absolutePath: "/dev/zero" },
    { name: "folder", absolutePath: "/etc" },
    { name: "server", absolutePath: `\\\\${HOST}\\share\\base.vhdx` },
    { name: "server-slashes", absolutePath: `//${HOST}/share/base.vhdx` },
    { name: "relative-server", relativePath: `\\\\${HOST}\\share\\base.vhdx` },
    { name: "unc", absolutePath: `\\\\?\\UNC\\${HOST}\\share\\base.vhdx` },
    { name: "windows-device", absolutePath: "\\\\.\\PhysicalDrive0" },
    { name: "global-root", absolutePath: "\\\\?\\GLOBALROOT\\Device\\HarddiskVolume1\\base.vhdx" },
    { name: "drive", absolutePath: "C:\\elsewhere\\base.vhdx" },
    { name: "volume", absolutePath: `\\\\?\\Volume{${BASE_ID}}\\elsewhere\\base.vhdx` },
    { name: "volume-upwards", absolutePath: `\\\\?\\Volume{${BASE_ID}}\\..\\..\\etc\\passwd` },
    { name: "stream", relativePath: "..\\..\\elsewhere\\base.vhdx:stream" },
    { name: "url", absolutePath: `http://${HOST}:9/base.vhdx` },
    { name: "relative-url", relativePath: `http://${HOST}:9/base.vhdx` },
    { name: "file-url", absolutePath: `file://${base}` },
    { name: "nul", absolutePath: `${base}\0.vhdx` },
    { name: "long", absolutePath: `/${"x/".repeat(5000)}base.vhdx` },
    { name: "odd", relativePath: ".\\\x1b]0;title\x07\n\u202ebase.vhdx" },
    { name: "own", relativePath: ".\\disk.vhdx" },
  ];
}

/**
 * Makes the images in the folder `images`, and beside it a folder `elsewhere` with what they would have opened.
 * The first one is innocent: what opening it opens, any image does.
 */
export function makeHostileImages(dir: TempDir): HostileImage[] {
  for (const folder of ["images", "elsewhere", "out"]) Deno.mkdirSync(dir.file(folder));
  Deno.writeTextFileSync(dir.file("elsewhere/secret.txt"), "secret".repeat(1000));
  const parent = newImage(createVhdxIn, vhdxSpec());
  const identifier = openVhdx(parent).identifier;
  parent.save(dir.file("elsewhere/base.vhdx"));
  newImage(createVhdIn, vhdSpec({ identifier: BASE_ID })).save(dir.file("elsewhere/base.vhd"));
  run("mkfifo", dir.file("elsewhere/pipe"));
  const made: HostileImage[] = [];
  const add = (file: string, image: SparseFile, mayOpen: readonly string[] = []) => {
    Deno.mkdirSync(dir.file(`images/${file.slice(0, file.indexOf("/"))}`), { recursive: true });
    image.save(dir.file(`images/${file}`));
    made.push({ file, mayOpen });
  };
  add("innocent/disk.vhdx", newImage(createVhdxIn, vhdxSpec()));
  add("innocent/disk.vhd", newImage(createVhdIn, vhdSpec()));
  add("innocent/parent.vhdx", parent);
  add(
    "innocent/child.vhdx",
    child("vhdx", identifier, { name: "", relativePath: ".\\parent.vhdx" }),
  );
  for (const place of places(dir)) {
    const { name, mayOpen } = place;
    add(
      `${name}-vhdx/disk.vhdx`,
      child("vhdx", identifier, place),
      mayOpen === undefined ? [] : [mayOpen],
    );
    // The name of a parent in a VHD holds no more.
    if (name === "long" || name === "nul" || name === "odd") continue;
    const vhd = mayOpen?.replace(/\.vhdx$/, ".vhd");
    add(`${name}-vhd/disk.vhd`, child("vhd", BASE_ID, place), vhd === undefined ? [] : [vhd]);
  }
  return made;
}

function child(
  format: "vhd" | "vhdx",
  identifier: string | undefined,
  place: Place,
): SparseFile {
  const named = (path: string | undefined) =>
    format === "vhd" ? path?.replace(/\.vhdx$/, ".vhd") : path;
  const parent: ParentSpec = {
    identifier: place.identifier ?? identifier!,
    relativePath: named(place.relativePath),
    absolutePath: named(place.absolutePath),
  };
  const spec = { subtype: "differencing", parent } as const;
  return format === "vhd"
    ? newImage(createVhdIn, vhdSpec(spec))
    : newImage(createVhdxIn, vhdxSpec(spec));
}
