import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import type { AssumedSizes } from "../../../src/disk/damage.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { VHD } from "../../../src/portable/vhd/format.ts";
import { pureTest } from "../../pure.ts";
import { IS_FULL } from "../../sampling.ts";
import { pattern } from "../../support.ts";
import { Damages } from "../../../src/portable/image/tolerant_image.ts";
import { MemorySource } from "../file/memory_source.ts";
import { openDamaged, type Place, Subject, zeroed } from "../salvaging.ts";
import { inserted } from "./planted_vhd.ts";
import {
  DIFFERENCING_TABLE,
  DYNAMIC_TABLE,
  HEADER,
  newVhd,
  sealFooter,
  sealHeader,
  vhdSpec,
  viewAt,
  withBlock,
} from "./vhd_builder.ts";

const BLOCK = 4096;
const SECTOR = 512;
const { virtualSize: SIZE } = vhdSpec();

/** Blocks 3, 0 and 7, in this order; of block 0 not all sectors in a child. */
function sparseFile(subtype: "dynamic" | "differencing", table: number) {
  let file = newVhd({ subtype });
  for (const block of [3, 0, 7]) {
    const bits = block === 0 && subtype === "differencing" ? 0b0011_1100 : 0xff;
    file = withBlock(file, table, block, [bits], pattern(BLOCK, block + 1));
  }
  return file;
}

function sparseSubject(file: Uint8Array<ArrayBuffer>, table: number): Subject {
  return new Subject(VHD, file, (block) => {
    const at = table + 4 * block;
    const entry = viewAt(file).getUint32(at, false);
    const bitmap = { offset: entry * SECTOR, length: 1 };
    return [{ offset: at, length: 4 }, ...(entry === 0xffff_ffff ? [] : [bitmap])];
  });
}

/** Where a file is cut: at each byte so near to the edge of a sector, and each so many bytes elsewhere. */
const [NEAR, STEP] = IS_FULL ? [8, 31] : [2, 127];

/** A disk with the mark of one, for nothing else says what is in a file without footer. */
function fixedSubject(): Subject {
  const file = newVhd({ subtype: "fixed", blockSize: 0 });
  file.set(pattern(SIZE), 0);
  file.set([0x55, 0xaa], 510);
  return new Subject(VHD, file, () => []);
}

const DYNAMIC = sparseSubject(sparseFile("dynamic", DYNAMIC_TABLE), DYNAMIC_TABLE);
const CHILD = sparseSubject(sparseFile("differencing", DIFFERENCING_TABLE), DIFFERENCING_TABLE);

for (const [name, subject] of [["dynamic", DYNAMIC], ["child", CHILD]] as const) {
  pureTest(
    `openDamagedVhd: a ${name} image cut off anywhere gives all that is left, and nothing else`,
    () => {
      const { file } = subject;
      for (
        let cut = 0;
        cut <= file.length;
        cut += cut % SECTOR < NEAR || cut % SECTOR > SECTOR - NEAR ? 1 : STEP
      ) {
        const reading = subject.check(file.subarray(0, cut), `cut at ${cut}`);
        // Footer copy and header.
        assertEquals(reading !== undefined, cut >= HEADER + 1024, `cut at ${cut}`);
        if (cut === file.length && name === "dynamic") assertEquals(reading?.lostBytes, 0);
      }
    },
  );

  pureTest(
    `openDamagedVhd: a ${name} image without one of its structures gives all that the others lead to`,
    async (t) => {
      const footer = { offset: subject.file.length - SECTOR, length: SECTOR };
      const structures: Record<string, readonly Place[]> = {
        "the footer": [footer],
        "its copy": [{ offset: 0, length: SECTOR }],
        "both footers": [footer, { offset: 0, length: SECTOR }],
        "a part of the footer": [{ offset: footer.offset + 40, length: 8 }],
      };
      for (const [what, places] of Object.entries(structures)) {
        await t.step(`without ${what}`, () => {
          const damaged = places.reduce(zeroed, subject.file);
          const reading = subject.check(damaged, what);
          if (name === "dynamic") assertEquals(reading?.lostBytes, 0, what);
          else assert(reading !== undefined, what);
        });
      }
    },
  );

  pureTest(
    `openDamagedVhd: entries of a ${name} image that were overwritten are lost, and no others`,
    () => {
      const table = name === "dynamic" ? DYNAMIC_TABLE : DIFFERENCING_TABLE;
      const other = viewAt(subject.file).getUint32(table + 4 * 7, false);
      for (let block = 0; block < SIZE / BLOCK; block++) {
        for (const value of [0, 1, 3, 5, other, other + 1, 1000, 0xffff_fffe]) {
          const damaged = subject.file.slice();
          viewAt(damaged).setUint32(table + 4 * block, value, false);
          if (value === other && block === 7) continue;
          subject.check(damaged, `${value} for block ${block}`, { mayOverlap: true });
        }
      }
      const reading = subject.check(
        zeroed(subject.file, { offset: table, length: 512 }),
        "the table",
      );
      assertEquals(reading?.lostBytes, SIZE);
    },
  );

  pureTest(
    `openDamagedVhd: a bitmap of a ${name} image without bits for data is not believed`,
    () => {
      const table = name === "dynamic" ? DYNAMIC_TABLE : DIFFERENCING_TABLE;
      for (const block of [0, 3, 7]) {
        const offset = viewAt(subject.file).getUint32(table + 4 * block, false) * SECTOR;
        const reading = subject.check(zeroed(subject.file, { offset, length: SECTOR }), `${block}`);
        assert(reading!.lostBytes >= BLOCK);
      }
    },
  );
}

pureTest(
  "openDamagedVhd: a damaged sparse header is believed if it fits the blocks, or is found out by them",
  async (t) => {
    await t.step("a field that matters to nobody", () => {
      const damaged = DYNAMIC.file.slice();
      damaged[HEADER + 900] = 1;
      assertEquals(DYNAMIC.check(damaged, "reserved")?.lostBytes, 0);
    });
    await t.step("all of it", () => {
      const damaged = zeroed(DYNAMIC.file, { offset: HEADER, length: 1024 });
      assertEquals(DYNAMIC.check(damaged, "header")?.lostBytes, 0);
    });
    await t.step("all before the table", () => {
      const damaged = zeroed(DYNAMIC.file, { offset: 0, length: DYNAMIC_TABLE });
      assertEquals(DYNAMIC.check(damaged, "head")?.lostBytes, 0);
    });
    await t.step("the size of a block", () => {
      for (const size of [0, 1, 512, 2048, 8192, 16384, 3 * 4096, 2 ** 31]) {
        const damaged = DYNAMIC.file.slice();
        viewAt(damaged).setUint32(HEADER + 32, size, false);
        assertEquals(DYNAMIC.check(damaged, `block size ${size}`)?.lostBytes, 0);
      }
    });
    await t.step("a table that tells nothing, whoever says the size of a block", () => {
      const empty = newVhd();
      const damaged = zeroed(empty, { offset: HEADER, length: 1024 });
      const subject = sparseSubject(empty, DYNAMIC_TABLE);
      assertEquals(subject.check(damaged, "no block"), undefined);
      const assumed = { blockSize: BLOCK };
      assertEquals(subject.check(damaged, "no block of 4096 bytes", { assumed }), undefined);
    });
    await t.step("blocks that do not lie side by side", () => {
      const damaged = zeroed(DYNAMIC.file, { offset: HEADER, length: 1024 });
      const entry = DYNAMIC_TABLE + 4 * 7;
      const last = viewAt(damaged).getUint32(entry, false);
      // The last one a sector higher, or where the one before is.
      for (const sector of [last + 1, last - 9]) {
        viewAt(damaged).setUint32(entry, sector, false);
        assertEquals(DYNAMIC.check(damaged, `sector ${sector}`), undefined);
      }
    });
    await t.step("blocks with gaps between them, if the size of a block is given", () => {
      let file = newVhd();
      for (const block of [3, 0, 7]) {
        file = withBlock(file, DYNAMIC_TABLE, block, [0xff], pattern(BLOCK, block + 1));
        file = inserted(file, file.length - SECTOR, 3 * SECTOR);
      }
      const assumed = { blockSize: BLOCK };
      for (const sound of [file, DYNAMIC.file]) {
        const subject = sparseSubject(sound, DYNAMIC_TABLE);
        const damaged = zeroed(sound, { offset: HEADER, length: 1024 });
        assertEquals(subject.check(damaged, "given", { assumed })?.lostBytes, 0);
        // The last one begins in the last sector of the one before.
        const entries = [0, 7].map((block) => DYNAMIC_TABLE + 4 * block);
        const before = viewAt(damaged).getUint32(entries[0]!, false);
        viewAt(damaged).setUint32(entries[1]!, before + 8, false);
        const open = (sizes: AssumedSizes) => () =>
          openDamaged(VHD, new MemorySource(damaged), new Damages(sizes));
        assertThrows(open({}), ImageError, "does not say any more: the size of its blocks");
        // What has been said is not asked for.
        assertThrows(open(assumed), ImageError, "no table of blocks of 4096 bytes");
      }
    });
    await t.step("the table of a thousand blocks", () => {
      let file = newVhd({ virtualSize: 1000 * BLOCK });
      for (const block of [999, 3, 500]) {
        file = withBlock(file, DYNAMIC_TABLE, block, [0xff], pattern(BLOCK, block));
      }
      const damaged = zeroed(file, { offset: HEADER, length: 1024 });
      const reading = sparseSubject(file, DYNAMIC_TABLE).check(damaged, "a thousand blocks");
      assertEquals(reading?.lostBytes, 0);
    });
  },
);

pureTest(
  "openDamagedVhd: a footer that looks for the sparse header where no file has one is not followed",
  () => {
    for (const offset of [2n ** 40n, 2n ** 53n + 512n, 2n ** 62n, 2n ** 63n, 700n]) {
      const damaged = DYNAMIC.file.slice();
      for (const footer of [0, damaged.length - SECTOR]) {
        viewAt(damaged).setBigUint64(footer + 16, offset, false);
        sealFooter(damaged, footer);
      }
      const reading = DYNAMIC.check(damaged, `header at ${offset}`);
      assertEquals(reading?.lostBytes, 0);
      assertEquals(reading?.damages.findings.map(({ structure }) => structure), ["footer"]);
    }
  },
);

pureTest("openDamagedVhd: a sparse header in another place is found by the footer's copy", () => {
  const moved = zeroed(DYNAMIC.file, { offset: HEADER, length: 1024 });
  // Before the footer, with the table where it was: so a crash leaves it while the parent changes.
  const end = moved.length - SECTOR;
  const file = new Uint8Array(moved.length + 1024);
  file.set(moved.subarray(0, end));
  file.set(DYNAMIC.file.subarray(HEADER, HEADER + 1024), end);
  file.set(moved.subarray(end), end + 1024);
  for (const footer of [0, end + 1024]) {
    viewAt(file).setBigUint64(footer + 16, BigInt(end), false);
    sealFooter(file, footer);
  }
  const reading = sparseSubject(file, DYNAMIC_TABLE).check(file.slice(0, -SECTOR), "no footer");
  assertEquals(reading?.lostBytes, 0);
  assertEquals(reading?.damages.findings.map(({ structure }) => structure), ["footer"]);
});

pureTest(
  "openDamagedVhd: a footer with a wrong checksum is believed only if the rest agrees",
  () => {
    for (const at of [8, 28, 68, 100]) {
      const damaged = zeroed(DYNAMIC.file, { offset: 0, length: SECTOR });
      damaged[damaged.length - SECTOR + at]! ^= 0xff;
      const reading = DYNAMIC.check(damaged, `byte ${at}`);
      assertEquals(reading?.lostBytes, 0);
      const { found } = reading!.damages.findings[0]!;
      assertEquals(found, "a footer with a wrong checksum", `byte ${at}`);
    }
    // Another size: the table has room for as many blocks as before, and tells.
    const damaged = zeroed(DYNAMIC.file, { offset: 0, length: SECTOR });
    damaged[damaged.length - SECTOR + 52] = 1;
    assertEquals(DYNAMIC.check(damaged, "size")?.damages.findings[0]?.isUncertain, true);
  },
);

pureTest(
  "openDamagedVhd: a fixed image cut off anywhere is the disk as far as the file goes",
  () => {
    const subject = fixedSubject();
    const assumed = { size: SIZE };
    for (
      let cut = 0;
      cut <= subject.file.length;
      cut += cut % SECTOR < 2 || cut % SECTOR > 509 ? 1 : 97
    ) {
      const reading = subject.check(subject.file.slice(0, cut), `cut at ${cut}`, { assumed });
      const left = cut > SIZE ? SIZE : cut;
      assertEquals(reading?.lostBytes, SIZE - left, `cut at ${cut}`);
    }
    const damaged = zeroed(subject.file, { offset: SIZE, length: SECTOR });
    assertEquals(subject.check(damaged, "footer", { assumed })?.lostBytes, 0);
    // Its fields fit the length of the file.
    const checksum = subject.file.slice();
    checksum[SIZE + 64]! ^= 1;
    assertEquals(subject.check(checksum, "checksum")?.lostBytes, 0);
  },
);

pureTest(
  "openDamagedVhd: a fixed image with less before its footer than that says is uncertain",
  () => {
    const { file } = fixedSubject();
    const reading = new Subject(VHD, file, () => [{ offset: 0, length: SIZE }]).check(
      file.slice(2 * SECTOR),
      "two sectors less",
    );
    assertEquals(reading?.lostBytes, 2 * SECTOR);
    assertEquals(reading?.damages.findings.map(({ isUncertain }) => isUncertain), [true]);
  },
);

pureTest(
  "openDamagedVhd: the size of a block is found out by the places of aligned blocks too",
  () => {
    const size = 2 * 2 ** 20;
    let file = newVhd({ virtualSize: 4 * size, blockSize: size });
    for (const block of [2, 0, 3]) {
      file = withBlock(
        file,
        DYNAMIC_TABLE,
        block,
        new Array(size / SECTOR / 8).fill(0xff),
        pattern(size, block),
      );
      // As this library and Windows place them: the data of the next one begin at a multiple of 4096.
      const padded = new Uint8Array(file.length + BLOCK - SECTOR);
      padded.set(file.subarray(0, -SECTOR));
      padded.set(file.subarray(-SECTOR), padded.length - SECTOR);
      file = padded;
    }
    const subject = sparseSubject(file, DYNAMIC_TABLE);
    const damaged = zeroed(file, { offset: 0, length: DYNAMIC_TABLE });
    assertEquals(subject.check(damaged, "head")?.lostBytes, 0);
  },
);

pureTest(
  "openDamagedVhd: what begins as a dynamic disk is no fixed one, whoever says its size",
  () => {
    const end = DYNAMIC.file.length - SECTOR;
    const bare = zeroed(zeroed(DYNAMIC.file, { offset: 0, length: DYNAMIC_TABLE }), {
      offset: end,
      length: SECTOR,
    });
    for (
      const [mark, offset, isSparse] of [
        ["conectix", 0, true],
        ["cxsparse", HEADER, true],
        // No header begins here: it is what a fixed disk holds.
        ["cxsparse", 2 * SECTOR, false],
        ["", 0, false],
      ] as const
    ) {
      const damaged = bare.slice();
      damaged.set(new TextEncoder().encode(mark), offset);
      const open = () => openDamaged(VHD, new MemorySource(damaged), new Damages({ size: SIZE }));
      if (!isSparse) assertEquals(open().virtualSize, SIZE);
      else assertThrows(open, ImageError, "nobody knows what kind of VHD it is");
    }
  },
);

pureTest("openDamagedVhd: the size of a disk is asked for only if nobody has said it", () => {
  const bare = new Uint8Array(SIZE);
  bare.set(new TextEncoder().encode("conectix"));
  for (const [assumed, isAsked] of [[{}, true], [{ size: SIZE }, false]] as const) {
    const error = assertThrows(
      () => openDamaged(VHD, new MemorySource(bare), new Damages(assumed)),
      ImageError,
      "nobody knows what kind of VHD it is",
    );
    const causes = error.options.causes ?? [];
    assertEquals(causes.some((cause) => cause.includes("assume: { size: ... }")), isAsked);
    assert(causes.some((cause) => cause.includes("a raw disk with a footer behind it")));
  }
});

pureTest("openDamagedVhd: what is lost says why", () => {
  const { file } = CHILD;
  const table = DIFFERENCING_TABLE;
  const place = (block: number) => viewAt(file).getUint32(table + 4 * block, false) * SECTOR;
  const withEntry = (value: number) => {
    const damaged = file.slice();
    viewAt(damaged).setUint32(table + 4 * 3, value, false);
    return damaged;
  };
  for (
    const [damaged, block, reason] of [
      [withEntry(1), 3, "table"],
      [withEntry(place(0) / SECTOR + 1), 7, "overlap"],
      [zeroed(file, { offset: place(3), length: SECTOR }), 3, "bitmap"],
      [zeroed(file, { offset: place(0), length: SECTOR }), 0, "bitmap"],
      // Before the data of the block, and before its bitmap.
      [file.subarray(0, place(7) + SECTOR), 7, "cut-off"],
      [file.subarray(0, place(7)), 7, "cut-off"],
      [file.subarray(0, table + 4 * 7), 7, "table"],
    ] as const
  ) {
    const extent = openDamaged(VHD, new MemorySource(damaged)).extent(
      block * BLOCK,
      (block + 1) * BLOCK,
    );
    assertEquals<unknown>(extent, { kind: "lost", offset: block * BLOCK, length: BLOCK, reason });
  }
});

pureTest(
  "openDamagedVhd: of a table that is cut off, the entries that are left lead to blocks",
  () => {
    const count = 200;
    let image = newVhd({ virtualSize: count * BLOCK });
    for (const block of [150, 0, 7]) {
      image = withBlock(image, DYNAMIC_TABLE, block, [0xff], pattern(BLOCK, block));
    }
    // The table may be anywhere: behind the blocks.
    const place = image.length - SECTOR;
    const file = inserted(image, place, 1024);
    file.copyWithin(place, DYNAMIC_TABLE, DYNAMIC_TABLE + 1024);
    viewAt(file).setBigUint64(HEADER + 16, BigInt(place), false);
    sealHeader(file);
    const subject = sparseSubject(file, place);
    for (const entries of [1, 8, 10, 151]) {
      // The next one is cut off in its middle.
      const reading = subject.check(file.slice(0, place + 4 * entries + 2), `${entries} entries`);
      assertEquals(reading?.lostBytes, (count - entries) * BLOCK);
    }
  },
);

pureTest(
  "openDamagedVhd: a footer with a wrong checksum and an impossible field is not believed",
  () => {
    const damaged = zeroed(DYNAMIC.file, { offset: 0, length: SECTOR });
    damaged[damaged.length - SECTOR + 63] = 7; // The kind of the disk.
    const reading = DYNAMIC.check(damaged, "kind 7");
    assertEquals(reading?.lostBytes, 0);
    assertEquals(reading?.damages.findings[0]?.found, "no footer");
  },
);

pureTest(
  "openDamagedVhd: a fixed disk without its footer is certain only if it looks like one, and its size is given",
  () => {
    const disk = fixedSubject().file.slice(0, SIZE);
    for (const mark of [0x55, 0]) {
      disk[510] = mark;
      const damages = new Damages({ size: SIZE });
      openDamaged(VHD, new MemorySource(disk), damages);
      assertEquals(damages.findings.map(({ isUncertain }) => isUncertain === true), [mark === 0]);
    }
    disk[510] = 0x55;
    const damages = new Damages();
    openDamaged(VHD, new MemorySource(disk), damages);
    assertEquals(damages.findings.map(({ isUncertain }) => isUncertain), [true]);
  },
);

pureTest("openDamagedVhd: a size that no VHD has is refused", () => {
  const { file } = fixedSubject();
  for (const size of [0, -SECTOR, 1000, 2 ** 41, SECTOR * 1.5]) {
    const open = () => openDamaged(VHD, new MemorySource(file), new Damages({ size }));
    assertThrows(open, ImageError, `cannot be ${size} in this format`);
  }
});

pureTest("Damages: a thousand findings are kept", () => {
  const damages = new Damages();
  const finding = { path: "", structure: "", offset: 0, found: "", expected: "", consequence: "" };
  for (let i = 0; i < 1500; i++) damages.add({ ...finding, offset: i });
  assertEquals(
    damages.findings.map(({ offset }) => offset),
    Array.from({ length: 1000 }, (_, i) => i),
  );
});

pureTest("salvageSparseHeader(): no table is looked at that is larger than any disk's", () => {
  /** Notes how much is asked for at once. */
  class MeasuredSource extends MemorySource {
    longest = 0;

    override readAt(buffer: Uint8Array, offset: number): number {
      this.longest = Math.max(this.longest, buffer.length);
      return super.readAt(buffer, offset);
    }
  }
  const file = newVhd({ virtualSize: 2 ** 37, blockSize: 2 ** 21 });
  const source = new MeasuredSource(zeroed(file, { offset: HEADER, length: 1024 }));
  // Of these it would have 2^25.
  const damages = new Damages({ blockSize: 4096 });
  assertThrows(() => openDamaged(VHD, source, damages), ImageError, "no table of blocks of 4096");
  assertGreater(2 ** 20, source.longest);
});
