/**
 * Conversions by the portable backend against qemu-img, from the same files to the same kinds of image.
 * Both make the result durable: `qemu-img -t writeback` flushes at the end, which its default does not.
 *
 * @module
 */
import { createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk";
import { run, TempDir, tool } from "../support.ts";
import { type BenchImage, makeFlatFile, makeImages } from "./images.ts";
import { compareLong, type LongContender } from "./measure.ts";

interface Conversion {
  readonly name: string;
  readonly source: { readonly path: string; readonly type: "vhd" | "vhdx" | "raw" };
  readonly type: "vhd" | "vhdx" | "raw";
}

const QEMU_FORMAT = { vhd: "vpc", vhdx: "vhdx", raw: "raw" } as const;
const QEMU_OPTIONS = {
  vhd: ["-o", "subformat=dynamic,force_size=on"],
  vhdx: ["-o", "subformat=dynamic"],
  raw: [],
} as const;

/** Measures four conversions; needs qemu-img. */
export async function benchConversions(): Promise<void> {
  const missing = tool("qemu-img")();
  if (missing !== undefined) return console.log(`\nConversions: not measured, ${missing}`);
  using dir = new TempDir();
  const flat = makeFlatFile(dir);
  const [vhdx, vhd] = makeImages(dir, flat) as [BenchImage, BenchImage];
  const conversions: Conversion[] = [
    { name: "raw to dynamic VHDX", source: { path: flat, type: "raw" }, type: "vhdx" },
    { name: "raw to dynamic VHD", source: { path: flat, type: "raw" }, type: "vhd" },
    { name: "VHDX to raw", source: { path: vhdx.path, type: "vhdx" }, type: "raw" },
    { name: "VHD to dynamic VHDX", source: { path: vhd.path, type: "vhd" }, type: "vhdx" },
  ];
  for (const conversion of conversions) await benchConversion(conversion, dir);
}

async function benchConversion(conversion: Conversion, dir: TempDir): Promise<void> {
  const { name, source, type } = conversion;
  const targets = { ours: dir.file("ours"), theirs: dir.file("theirs") };
  const contenders: LongContender[] = [
    {
      name: "qemu-img convert -t writeback",
      run: () => {
        const formats = ["-f", QEMU_FORMAT[source.type], "-O", QEMU_FORMAT[type]];
        const options = ["-t", "writeback", ...formats, ...QEMU_OPTIONS[type]];
        run("qemu-img", "convert", ...options, source.path, targets.theirs);
      },
    },
    { name: "virtdisk: createVirtualDisk", run: () => copy(conversion, targets.ours) },
    {
      name: "virtdisk: imageStream into a file",
      run: () => copyByStream(conversion, targets.ours),
    },
  ];
  await compareLong({
    title: `1 GiB, the first half data: ${name}`,
    operation: "conversion",
    contenders,
  });
  run("qemu-img", "compare", "-q", "-f", QEMU_FORMAT[type], "-F", QEMU_FORMAT[type], ...[
    targets.ours,
    targets.theirs,
  ]);
}

async function copy({ source, type }: Conversion, target: string): Promise<void> {
  const disk = await createVirtualDisk(target, {
    source: source.path,
    sourceType: source.type,
    type,
    overwrite: true,
    backend: "portable",
  });
  disk.close();
}

async function copyByStream({ source, type }: Conversion, target: string): Promise<void> {
  using disk = await openVirtualDisk(source.path, { backend: "portable", type: source.type });
  using file = await Deno.open(target, { write: true, create: true, truncate: true });
  const { readable } = await disk.imageStream({ type });
  await readable.pipeTo(file.writable, { preventClose: true });
  file.syncSync();
}
