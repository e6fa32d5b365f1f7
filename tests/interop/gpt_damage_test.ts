/** GPTs damaged at random: what is found of them, and what becomes of them, is what sfdisk finds. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { readPartitionTable } from "../../src/portable/partitions/partition_table.ts";
import { Random } from "../fuzz/random.ts";
import { MemoryDisk, settle } from "../portable/partitions/partition_builder.ts";
import { explored, sampledBound, sampledRounds } from "../sampling.ts";
import { run, TempDir, testWith, tool } from "../support.ts";

const ROUNDS = sampledRounds(150);
const LAST = 4095;
/** Bytes: where the headers and the arrays begin, and how much of each is damaged. */
const PLACES = [[512, 100], [LAST * 512, 100], [2 * 512, 300], [(LAST - 32) * 512, 16384]] as const;

/** Runs a shell's command on a file; its output and its complaints. */
function shell(command: string, path: string): string {
  return run("sh", "-c", `${command} 2>&1`, path);
}

/** First sector and length of each partition; `undefined` where sfdisk finds no GPT. */
function foundBySfdisk(path: string): string[] | undefined {
  const dump = shell('sfdisk -d "$0"', path);
  if (!dump.includes("label: gpt")) return undefined;
  return [...dump.matchAll(/start= *(\d+), size= *(\d+)/g)].map(([, first, count]) =>
    `${first} ${count}`
  );
}

testWith(
  [tool("sfdisk"), tool("sh")],
  "resize(): whatever of a GPT is damaged, as much is found as sfdisk finds, and put right",
  () => {
    using dir = new TempDir();
    const path = dir.file("disk.raw");
    const random = new Random(11);
    const counts = { lost: 0, restored: 0, kept: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const disk = new MemoryDisk(LAST + 1);
      disk.gpt([100, 199], [1000, 1499]);
      for (let damage = random.below(3); damage >= 0; damage--) {
        const [start, length] = random.pick(PLACES);
        disk.bytes[start + random.below(length)]! ^= 1 + random.below(255);
      }
      Deno.writeFileSync(path, disk.bytes);
      const table = readPartitionTable(disk);
      const found = table?.partitions.map(({ offset, length }) =>
        `${offset / 512} ${length / 512}`
      );
      assertEquals(found, foundBySfdisk(path), `round ${round}`);
      counts[table === undefined ? "lost" : table.gpt?.isBackup ? "restored" : "kept"]++;
      if (table === undefined) continue;
      settle(disk, disk.size);
      Deno.writeFileSync(path, disk.bytes);
      assertEquals(foundBySfdisk(path), ["100 100", "1000 500"], `round ${round}`);
      const verified = shell('sfdisk --verify "$0"', path);
      assertStringIncludes(verified, "No errors detected");
      assertEquals(/corrupt/.exec(verified), null, verified);
    }
    explored("damaged GPTs", { "damaged files": ROUNDS });
    assertEquals(
      Math.min(...Object.values(counts)) > sampledBound(10),
      true,
      JSON.stringify(counts),
    );
  },
);
