/** What lies behind the disk of a fixed VHD: what a growth has left goes, what it cannot have left stays. */
import { assertEquals, assertLessOrEqual, assertStringIncludes, assertThrows } from "@std/assert";
import { joined } from "../../../src/bytes/joined.ts";
import { checkFile } from "../../../src/portable/operations/check.ts";
import { repairVhd } from "../../../src/portable/vhd/check.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { withCurrentSize } from "../../../src/portable/vhd/footer.ts";
import { foreignByte, surplusOf } from "../../../src/portable/vhd/grow_fixed.ts";
import { geometryOf } from "../../../src/portable/vhd/layout.ts";
import { openVhd, openWritableVhd } from "../../../src/portable/vhd/open.ts";
import { resizeVhd } from "../../../src/portable/vhd/resize.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { HoleySource } from "../file/memory_source.ts";
import { recorded, writes } from "./recorded_vhd.ts";
import { newVhd } from "./vhd_builder.ts";
import { pureTest } from "../../pure.ts";

const DISK = 4096;
const SECTOR = 512;

type Bytes = Uint8Array<ArrayBuffer>;

const IMAGE = newVhd({ subtype: "fixed", blockSize: 0, virtualSize: DISK });
IMAGE.set(pattern(DISK, 3));
const FOOTER = IMAGE.subarray(DISK);

/** The image with bytes between disk and footer. */
function withSlack(slack: Bytes): Bytes {
  return joined(IMAGE.subarray(0, DISK), slack, FOOTER);
}

const LEFT_BY_GROWTH: Record<string, Bytes> = {
  "zeros behind the footer": joined(IMAGE, new Uint8Array(2 ** 20)),
  "zeros before the footer": withSlack(new Uint8Array(3 * SECTOR)),
  "zeros and footers before the footer": withSlack(
    joined(FOOTER, new Uint8Array(64 * SECTOR), FOOTER, new Uint8Array(5 * SECTOR)),
  ),
};

pureTest(
  "openWritableVhd() and repairVhd() cut off what a growth left of a fixed VHD",
  async (t) => {
    for (const [what, bytes] of Object.entries(LEFT_BY_GROWTH)) {
      for (const [who, work] of [["a writer", openWritableVhd], ["a repair", repairVhd]] as const) {
        await t.step(`${who}: ${what}`, async () => {
          const file = SparseFile.of(bytes);
          const { sound, findings: [finding] } = await checkFile(file, "vhd", {}, () => {});
          assertEquals([sound, finding?.severity, finding?.repairable], [false, "warning", true]);
          assertStringIncludes(
            String(finding?.found),
            "as a crash leaves them while the disk grows",
          );
          assertEquals(openVhd(file).virtualSize, DISK);
          work(file);
          assertBytesEqual(file.bytes(), IMAGE);
          assertEquals((await checkFile(file, "vhd", {}, () => {})).findings, []);
        });
      }
    }
  },
);

/** Knows how much of it has been read, and how much at once. */
class MeasuredFile extends SparseFile {
  bytesRead = 0;
  longestRead = 0;

  override readAt(buffer: Uint8Array, offset: number): number {
    const count = super.readAt(buffer, offset);
    this.bytesRead += count;
    this.longestRead = Math.max(this.longestRead, buffer.length);
    return count;
  }
}

pureTest("resizeVhd(): a growth is undone by a few sectors, wherever it was cut short", () => {
  const size = 2 ** 40;
  const source = recorded(IMAGE);
  resizeVhd(source, size);
  const file = SparseFile.of(IMAGE);
  const sizes = new Set<number>();
  for (const change of source.changes) {
    if (change.kind === "write") file.writeAt(change.bytes, change.offset);
    else if (change.kind === "truncate") file.truncate(change.size);
    const left = file.forkAs(MeasuredFile);
    openWritableVhd(left);
    assertLessOrEqual(left.bytesRead, 100 * SECTOR);
    sizes.add(left.size);
  }
  assertEquals([...sizes], [DISK + SECTOR, size + SECTOR]);
});

pureTest("surplusOf() tells a growth of a TiB that was cut short from a few sectors", () => {
  const size = 2 ** 40;
  const grown = withCurrentSize(FOOTER, size, geometryOf(size));
  const states = {
    // The footer at the end is that of the small disk.
    "as it begins": [[FOOTER, DISK], [grown, DISK + SECTOR], [FOOTER, DISK + 2 * SECTOR]],
    "before the cut": [[grown, size]],
    "neither": [[FOOTER, DISK], [FOOTER, size]],
  } as const;
  for (const [state, footers] of Object.entries(states)) {
    const end = size + SECTOR;
    const source = new HoleySource(
      end + SECTOR,
      [...footers, [FOOTER, end] as const].map(([bytes, offset]) => ({ offset, bytes })),
    );
    const surplus = surplusOf(source, { bytes: FOOTER, offset: end });
    assertEquals(surplus, state === "neither" ? "unknown" : "growth", state);
    assertLessOrEqual(source.bytesRead, 4 * SECTOR);
  }
});

pureTest(
  "openWritableVhd() cuts a fixed VHD off where a durable footer is, and nothing is written before the cut is durable",
  () => {
    const cut = -(DISK + SECTOR);
    const behind = recorded(withSlack(new Uint8Array(3 * SECTOR)));
    openWritableVhd(behind);
    assertEquals(writes(behind), [[DISK], [cut], []]);
  },
);

pureTest(
  "resizeVhd(): bytes between disk and footer that no growth has left stay, until the disk grows",
  async () => {
    const slack = new Uint8Array(70 * SECTOR);
    slack[69 * SECTOR] = 1;
    const bytes = withSlack(slack);
    const file = SparseFile.of(bytes);
    const { sound, findings: [finding] } = await checkFile(file, "vhd", {}, () => {});
    assertEquals([sound, finding?.severity, finding?.repairable], [false, "warning", false]);
    openWritableVhd(file).finish();
    assertBytesEqual(file.bytes(), bytes);
    resizeVhd(file, DISK + 100 * SECTOR);
    assertEquals(file.size, DISK + 101 * SECTOR);
    assertBytesEqual(file.bytes().subarray(DISK, -SECTOR), new Uint8Array(100 * SECTOR));
  },
);

pureTest(
  "resizeVhd(): a file of which nobody can say what follows its footer is read, but not written",
  async () => {
    const tail = new Uint8Array(8 * SECTOR);
    tail[SECTOR] = 1;
    const bytes = joined(IMAGE, tail);
    const file = SparseFile.of(bytes);
    assertEquals(openVhd(file).virtualSize, DISK);
    const error = assertThrows(() => openWritableVhd(file), ImageError);
    const { structure, offset } = error.options.detail ?? {};
    assertEquals([error.symbol, structure, offset], [
      "ERROR_VHD_DRIVE_FOOTER_MISSING",
      "footer",
      DISK + 2 * SECTOR,
    ]);
    assertBytesEqual(file.bytes(), bytes);
    const { sound, findings: [finding] } = await checkFile(file, "vhd", { repair: true }, () => {});
    assertEquals([sound, finding?.severity, finding?.repairable], [false, "error", false]);
  },
);

pureTest("resizeVhd(): a fixed VHD whose footer lies astride two sectors grows", () => {
  const file = SparseFile.of(withSlack(new Uint8Array(100).fill(1)));
  resizeVhd(file, DISK + 5 * SECTOR);
  assertEquals([file.size, openVhd(file).virtualSize], [DISK + 6 * SECTOR, DISK + 5 * SECTOR]);
  assertBytesEqual(file.bytes().subarray(0, DISK), pattern(DISK, 3));
  assertBytesEqual(file.bytes().subarray(DISK, -SECTOR), new Uint8Array(5 * SECTOR));
});

pureTest(
  "resizeVhd(): a footer astride two sectors is overwritten once a copy of it is durable",
  () => {
    const source = recorded(withSlack(new Uint8Array(100)));
    resizeVhd(source, DISK + 5 * SECTOR);
    assertEquals(writes(source).slice(0, 3), [[DISK + 2 * SECTOR], [DISK], [-(DISK + SECTOR)]]);
  },
);

pureTest("resizeVhd(): a fixed VHD with a footer of 511 bytes grows", () => {
  const file = SparseFile.of(IMAGE.subarray(0, -1));
  resizeVhd(file, DISK + SECTOR);
  assertEquals([file.size, openVhd(file).virtualSize], [DISK + 2 * SECTOR, DISK + SECTOR]);
  assertBytesEqual(file.bytes().subarray(DISK, -SECTOR), new Uint8Array(SECTOR));
});

pureTest("foreignByte() looks for the sector a MiB at a time, however much lies there", () => {
  const file = SparseFile.of(IMAGE).forkAs(MeasuredFile);
  const foreign = DISK + 5 * 2 ** 20 + 7 * SECTOR;
  file.writeAt(FOOTER, DISK + 2 ** 20 + 3 * SECTOR);
  file.writeAt(Uint8Array.of(1), foreign + SECTOR - 1);
  file.truncate(DISK + 2 ** 23);
  const footer = { bytes: FOOTER, offset: DISK };
  assertEquals(foreignByte(file, footer, DISK), foreign);
  assertEquals(foreignByte(file, footer, foreign + SECTOR), undefined);
  assertLessOrEqual(file.longestRead, 2 ** 20);
});
