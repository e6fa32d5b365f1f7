/** A crash while a check repairs: the image is as it was, or repaired, and no byte of the disk is lost. */
import { assertEquals, assertGreater } from "@std/assert";
import type { WritableSource } from "../../src/portable/file/byte_source.ts";
import { checkFile } from "../../src/portable/operations/check.ts";
import { repairVhd } from "../../src/portable/vhd/check.ts";
import { repairVhdx } from "../../src/portable/vhdx/check.ts";
import { openImage } from "../../src/portable/formats.ts";
import { Random } from "../fuzz/random.ts";
import { readImage } from "../portable/image/read_image.ts";
import { DYNAMIC_TABLE, newVhd, withBlock } from "../portable/vhd/vhd_builder.ts";
import { batPage, dirtyVhdx, PAGE, putEntries } from "../portable/vhdx/log_builder.ts";
import { FIRST_BLOCK, MIB, VhdxBuilder } from "../portable/vhdx/vhdx_builder.ts";
import { assertBytesEqual, pattern } from "../support.ts";
import { explored, sampled, sampledBound } from "../sampling.ts";
import { crashStates } from "./crash_states.ts";
import { RecordingSource } from "./recording_source.ts";
import { SparseFile } from "./sparse_file.ts";

const SEED = 31;
const SAMPLES = 1;
const BLOCK = 4096;

type Bytes = Uint8Array<ArrayBuffer>;

/** Three blocks, the last of which nothing refers to where it leaked. */
function vhd(damage: (image: Bytes) => void): Bytes {
  let image = newVhd();
  for (const block of [0, 3, 5]) {
    image = withBlock(image, DYNAMIC_TABLE, block, [0xff], pattern(BLOCK, block));
  }
  damage(image);
  return image;
}

function vhdx(damage: (file: VhdxBuilder) => void, file = new VhdxBuilder()): Bytes {
  file.append(pattern(2 * MIB));
  file.bat(0, 6, 4).bat(3, 6, 5);
  damage(file);
  return file.bytes;
}

const leak = (image: Bytes) => image.fill(0xff, DYNAMIC_TABLE + 20, DYNAMIC_TABLE + 24);

const CASES: Record<string, ["vhd" | "vhdx", Bytes]> = {
  "the footer copy": ["vhd", vhd((image) => image.fill(1, 0, 512))],
  "the footer": ["vhd", vhd((image) => image.fill(1, image.length - 512))],
  "the tail of a VHD": ["vhd", vhd(leak)],
  "the footer copy, and the tail": [
    "vhd",
    vhd((image) => {
      image.fill(1, 0, 512);
      leak(image);
    }),
  ],
  "the first header": ["vhdx", vhdx((file) => file.bytes.fill(1, 0x10000, 0x11000))],
  "the second header": ["vhdx", vhdx((file) => file.bytes.fill(1, 0x20000, 0x21000))],
  "the first region table": ["vhdx", vhdx((file) => file.bytes.fill(1, 0x30000, 0x31000))],
  "the second region table": ["vhdx", vhdx((file) => file.bytes.fill(1, 0x40000, 0x41000))],
  "the tail of a VHDX": ["vhdx", vhdx((file) => file.bat(3, 0, 0))],
  "a log, a region table and the tail": [
    "vhdx",
    vhdx((file) => {
      const page = { offset: FIRST_BLOCK + PAGE, page: pattern(PAGE, 9) };
      const sizes = { flushed: 6 * MIB, last: 6 * MIB };
      putEntries(file, 0, { sequence: 1n, changes: [batPage(6, 4), page], ...sizes });
      file.bytes.fill(1, 0x40000, 0x41000);
    }, dirtyVhdx()),
  ],
};

for (const [what, [format, bytes]] of Object.entries(CASES)) {
  Deno.test(`repairing ${what} may crash`, async () => {
    const base = SparseFile.of(bytes);
    const disk = contents(base, format);
    const recording = new RecordingSource<never>(base);
    repair(recording, format);
    assertEquals(await isSound(recording, format), true);
    const whole = recording.contents().bytes();
    let states = 0;
    for (const state of sampled(crashStates(base, recording.changes, new Random(SEED), SAMPLES))) {
      const where = `${what}, change ${state.point}: ${state.description()}`;
      assertBytesEqual(contents(state.file, format), disk, where);
      repair(state.file, format);
      assertEquals(await isSound(state.file, format), true, where);
      assertBytesEqual(contents(state.file, format), disk, `${where}, repaired again`);
      // The headers of a VHDX count how often they were written.
      if (format === "vhd") assertBytesEqual(state.file.bytes(), whole, where);
      states++;
    }
    assertGreater(states, sampledBound(2));
    explored(`repairing ${what}`, { "crash states": states });
  });
}

function repair(file: WritableSource, format: "vhd" | "vhdx"): void {
  if (format === "vhd") repairVhd(file);
  else repairVhdx(file, false);
}

function contents(file: WritableSource, format: "vhd" | "vhdx"): Uint8Array {
  const image = openImage(file, format);
  return readImage([image], 0, image.virtualSize);
}

/** Sound, and with nothing left to repair. */
async function isSound(file: WritableSource, format: "vhd" | "vhdx"): Promise<boolean> {
  const { sound, findings } = await checkFile(file, format, {}, () => {});
  return sound && findings.every(({ repairable }) => !repairable);
}
