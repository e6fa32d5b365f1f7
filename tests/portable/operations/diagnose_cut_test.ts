/** Images of every kind, cut at many lengths. */
import { assert, assertEquals } from "@std/assert";
import { type CreateOptions, diagnose } from "@virtdisk/virtdisk";
import { createImage } from "../../create_image.ts";
import { sampledBound } from "../../sampling.ts";
import { TempDir } from "../../support.ts";
import { surveyCuts } from "./cutting.ts";

const MIB = 1 << 20;
const NEVER = Infinity;

/** Where the table of blocks ends, after which the count is known; `NEVER` if nothing in the file tells. */
const KINDS: [name: string, options: CreateOptions, exactFrom: number][] = [
  ["fixed.vhd", { size: 8 * MIB, subtype: "fixed" }, NEVER],
  ["dynamic.vhd", { size: 16 * MIB, blockSize: 512 * 1024 }, 4096],
  ["fixed.vhdx", { size: 8 * MIB, subtype: "fixed" }, 3 * MIB + 4096],
  ["dynamic.vhdx", { size: 16 * MIB, blockSize: MIB }, 3 * MIB + 4096],
  ["4096.vhdx", { size: 16 * MIB, blockSize: 2 * MIB, sectorSize: 4096 }, 3 * MIB + 4096],
];

Deno.test("diagnose() of an image that is cut never says that all is well", async (t) => {
  for (const [name, options, exactFrom] of KINDS) {
    await t.step(`${name}`, async () => {
      using dir = new TempDir();
      const path = dir.file(name);
      {
        using disk = await createImage(path, options);
        for (let at = 0; at < disk.getInformation("size").virtualSize; at += 3 * MIB) {
          disk.writeSync(new Uint8Array(8192).fill(1), at);
        }
      }
      const { cuts, exact } = await surveyCuts(path, { exactFrom });
      assert(cuts > sampledBound(100), `${cuts} cuts`);
      if (exactFrom !== NEVER) assert(exact > cuts / 3, `${exact} of ${cuts} cuts`);
    });
  }
});

Deno.test("diagnose() of a child that is cut never says that all is well", async (t) => {
  for (
    const [extension, exactFrom] of [[".vhd", 16 * 1024], [".vhdx", 3 * MIB + 64 * 1024]] as const
  ) {
    await t.step(`${extension}`, async () => {
      using dir = new TempDir();
      const parent = dir.file(`parent${extension}`);
      (await createImage(parent, {
        size: 16 * MIB,
        blockSize: extension === ".vhd" ? 512 * 1024 : MIB,
      }))
        .close();
      const path = dir.file(`child${extension}`);
      {
        using disk = await createImage(path, { parent });
        for (let at = 0; at < 16 * MIB; at += 3 * MIB) {
          disk.writeSync(
            new Uint8Array(512).fill(1),
            at,
          );
        }
      }
      const { cuts, exact } = await surveyCuts(path, { exactFrom });
      assert(exact > cuts / 4, `${exact} of ${cuts} cuts`);
    });
  }
});

Deno.test("diagnose(): a parent that is cut off is found from its child", async () => {
  using dir = new TempDir();
  const [parent, path] = [dir.file("parent.vhdx"), dir.file("child.vhdx")];
  {
    using disk = await createImage(parent, { size: 16 * MIB, blockSize: MIB });
    disk.writeSync(new Uint8Array(8192).fill(1), 0);
  }
  (await createImage(path, { parent })).close();
  Deno.truncateSync(parent, Deno.statSync(parent).size - 1000);
  const { verdict, findings } = await diagnose(path, { backend: "portable" });
  assertEquals(verdict, "unusable");
  assertEquals([findings[0]?.path, findings[0]?.missingBytes], [parent, 1000]);
});
