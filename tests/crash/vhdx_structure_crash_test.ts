/** What happens to VHDX files beside reading and writing blocks crashes at every write, too. */
import { assertGreater } from "@std/assert";
import type { ImageSpec } from "../../src/portable/image/image.ts";
import { openWritableVhdx } from "../../src/portable/vhdx/writable_image.ts";
import { pattern } from "../support.ts";
import { MIB, REGION_TABLES, VhdxBuilder, vhdxSpec } from "../portable/vhdx/vhdx_builder.ts";
import { explored, sampledBound } from "../sampling.ts";
import { explore } from "./exploration.ts";
import { createVhdxIn, newImage } from "./formats.ts";
import type { Step } from "./scenario.ts";
import { SparseFile } from "./sparse_file.ts";
import { stamped } from "./stamp.ts";
import { VHDX } from "./vhdx_scenarios.ts";

const ITEM = "aaaaaaaa-0000-0000-0000-000000000001";
const BLOCK = MIB / 512;
/** Of what the bases hold. */
const EARLIER = 800_000;

/** Blocks written and flushed, then the writer dies. */
function dirty(spec: Partial<ImageSpec>): SparseFile {
  const file = newImage(createVhdxIn, vhdxSpec(spec));
  const image = openWritableVhdx(file);
  for (const block of [0, 2, 5]) {
    image.write(stamped(block * BLOCK + 8, 16, EARLIER), (block * BLOCK + 8) * 512);
    image.flush();
  }
  return file;
}

/** A region of metadata with room for little more than what is in it. */
function crowded(): SparseFile {
  const file = newImage(createVhdxIn, vhdxSpec());
  const image = openWritableVhdx(file);
  image.write(stamped(0, 16, EARLIER), 0);
  image.metadata!.set(
    "aaaaaaaa-0000-0000-0000-000000000009",
    pattern(MIB - 0x10000 - 4096),
  );
  image.finish();
  return file;
}

function withoutLog(): SparseFile {
  const builder = new VhdxBuilder();
  builder.headers((header) => builder.u32(header + 68, 0).u64(header + 72, 0));
  return SparseFile.of(builder.bytes);
}

function withDamagedTable(offset: number): SparseFile {
  const builder = new VhdxBuilder();
  builder.u32(offset + 8, 77);
  return SparseFile.of(builder.bytes);
}

const WRITES: readonly Step[] = [["write", 8, 8], ["flush"], ["write", BLOCK, 8]];

const CASES: readonly [string, () => SparseFile, readonly Step[]][] = [
  ["the replay of a log", () => dirty({}), []],
  ["the replay of a child's log", () => dirty({ subtype: "differencing" }), WRITES],
  ["growing the metadata region", crowded, [["setItem", ITEM, pattern(6000)], ...WRITES]],
  ["giving a file its first log", withoutLog, WRITES],
  ["repairing the first region table", () => withDamagedTable(REGION_TABLES[0]), WRITES],
  ["repairing the second region table", () => withDamagedTable(REGION_TABLES[1]), []],
];

for (const [title, base, steps] of CASES) {
  Deno.test(`${title} of a VHDX keeps what was flushed, whenever it crashes`, () => {
    const states = explore({ title, format: VHDX, base: base(), steps, seed: 9 });
    explored(`${title}`, { "crash states": states });
    assertGreater(states, sampledBound(10));
  });
}
