/** What other programs find on a disk that was saved from a damaged image. */
import { assert, assertEquals } from "@std/assert";
import { convertVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk";
import { e2, E2FSPROGS, fillAndEmpty, makeExt } from "../portable/filesystems/ext_images.ts";
import { IS_FULL, sampledRows } from "../sampling.ts";
import { fileHash, TempDir, testWith } from "../support.ts";

const MiB = 2 ** 20;
const BLOCK = 4096;

/** A file of the file system, and the ranges of the disk that hold its contents. */
interface StoredFile {
  readonly name: string;
  readonly hash: string;
  readonly ranges: readonly { readonly offset: number; readonly length: number }[];
}

/** Contents by debugfs: an empty file if there is none of that name. */
function dump(dir: TempDir, raw: string, name: string): string {
  const path = dir.file("dumped");
  Deno.writeTextFileSync(path, "");
  e2("debugfs", "-R", `dump ${name} ${path}`, raw);
  return fileHash(path);
}

function storedFiles(dir: TempDir, raw: string, names: readonly string[]): StoredFile[] {
  return names.map((name) => {
    const blocks = e2("debugfs", "-R", `blocks ${name}`, raw).trim().split(/\s+/)
      .filter((each) => /^\d+$/.test(each)).map(Number);
    return {
      name,
      hash: dump(dir, raw, name),
      ranges: blocks.map((block) => ({ offset: block * BLOCK, length: BLOCK })),
    };
  });
}

/** Repairs it as e2fsck can; gives its exit status: 1 if it has put something right. */
function repair(raw: string): number {
  const { code } = new Deno.Command("/usr/sbin/e2fsck", {
    args: ["-fy", raw],
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return code;
}

testWith(
  E2FSPROGS,
  "convertVirtualDisk: e2fsck makes a file system of what is left of a cut ext4.vhdx, with each file that is left",
  async (t) => {
    using dir = new TempDir();
    const [raw, image, saved] = ["raw.img", "ext4.vhdx", "saved.img"].map((name) => dir.file(name));
    makeExt(raw!, 96 * MiB, "-t", "ext4", "-b", String(BLOCK));
    const names = fillAndEmpty(dir, raw!, { seed: 5, files: IS_FULL ? 40 : 15, largest: 4 * MiB });
    const files = storedFiles(dir, raw!, names);
    const portable = { backend: "portable" } as const;
    await convertVirtualDisk(raw!, image!, { ...portable, sourceType: "raw", blockSize: MiB });
    const whole = Deno.readFileSync(image!);
    let [kept, lost] = [0, 0];
    for (const percent of sampledRows([100, 98, 85, 70, 50], 3)) {
      await t.step(`${percent} % of the file`, async () => {
        Deno.writeFileSync(image!, whole.subarray(0, Math.floor(whole.length * percent / 100)));
        const options = { ...portable, damage: "tolerate" } as const;
        await convertVirtualDisk(image!, saved!, { ...options, overwrite: true });
        using disk = await openVirtualDisk(image!, options);
        const { lostRanges, isWhole } = await disk.damage();
        assertEquals(isWhole, percent === 100);
        const before = storedFiles(dir, saved!, []).length;
        assertEquals(before, 0);
        const status = repair(saved!);
        // 4 and more: something is left that it could not put right.
        assert(status < 4, `e2fsck ended with ${status}`);
        assertEquals(repair(saved!), 0, "it is clean then");
        for (const { name, hash, ranges } of files) {
          const isLost = ranges.some((range) =>
            lostRanges.some(({ offset, length }) =>
              range.offset < offset + length && range.offset + range.length > offset
            )
          );
          if (isLost) lost++;
          else {
            kept++;
            assertEquals(dump(dir, saved!, name), hash, `${name} with ${percent} %`);
          }
        }
      });
    }
    assert(kept > files.length && lost > 0, `${kept} kept, ${lost} lost`);
  },
);
