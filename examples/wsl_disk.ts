/**
 * Makes the disk of WSL, Docker or a guest smaller, or takes a file system out of it, with nothing mounted. Shut down
 * whatever uses the disk before: `wsl --shutdown`.
 *
 *     deno run --allow-read=. --allow-write=. examples/wsl_disk.ts shrink ext4.vhdx
 *     deno run --allow-read=. --allow-write=. examples/wsl_disk.ts extract ext4.vhdx files.img [PARTITION]
 *
 * `mount -o loop,ro files.img /mnt` shows the files then, and `debugfs files.img` without root.
 */
import { openVirtualDisk, type PortableVirtualDisk } from "@virtdisk/virtdisk/portable";

const [action, path, target, partition] = Deno.args;
if (path === undefined || !(action === "shrink" || action === "extract" && target !== undefined)) {
  console.error("usage: wsl_disk.ts shrink DISK | extract DISK NEWFILE [PARTITION]");
  Deno.exit(2);
}

using disk = await openVirtualDisk(path, { readOnly: action === "extract" });
if (action === "shrink") await shrink(disk);
else await extract(disk, target!);

async function shrink(disk: PortableVirtualDisk): Promise<void> {
  // Running again after Ctrl-C, or a crash, goes on.
  const report = await disk.compact({ freeSpace: true });
  for (const { fileSystem, freeBytes, reason } of report.freeSpace?.partitions ?? []) {
    console.log(fileSystem ?? "nothing known", freeBytes ?? `kept whole: ${reason ?? "unknown"}`);
  }
  console.log(`${report.previousFileSize} bytes before, ${report.fileSize} now`);
}

async function extract(disk: PortableVirtualDisk, target: string): Promise<void> {
  const { partitions } = await disk.freeSpace();
  const wanted = partitions.filter((each) =>
    partition === undefined ? each.fileSystem !== undefined : each.partition === Number(partition)
  );
  if (wanted.length !== 1) {
    const known = partitions.map(({ partition = "", fileSystem = "?" }) => partition + fileSystem);
    console.error(`${wanted.length} file systems fit; there are: ${known.join(", ") || "none"}`);
    Deno.exit(1);
  }
  const [{ offset, length }] = wanted as [typeof wanted[number]];
  using file = await Deno.open(target, { write: true, createNew: true });
  await file.truncate(length);
  // What is zeros takes no space in the new file either.
  for (const extent of disk.extents({ offset, length })) {
    if (extent.kind === "zero") continue;
    await file.seek(extent.offset - offset, Deno.SeekMode.Start);
    const bytes = disk.readable({ offset: extent.offset, length: extent.length });
    for await (const piece of bytes) {
      for (let done = 0; done < piece.length;) done += await file.write(piece.subarray(done));
    }
  }
  console.log(`${length} bytes, ${wanted[0]!.fileSystem ?? "unknown"}`);
}
