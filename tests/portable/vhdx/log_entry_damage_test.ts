/** Logs that are damaged or hostile: what counts as an entry, and what is refused. */
import { assertEquals, assertThrows } from "@std/assert";
import type { ByteSource } from "../../../src/portable/file/byte_source.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { openVhdx } from "../../../src/portable/vhdx/image.ts";
import { pattern } from "../../support.ts";
import {
  batPage,
  type Change,
  dirtyVhdx,
  type EntrySpec,
  firstBlock,
  PAGE,
  putEntries,
  roomy,
} from "./log_builder.ts";
import { HEADERS, LOG, MIB, VhdxBuilder } from "./vhdx_builder.ts";
import { pureTest } from "../../pure.ts";

function assertRefused(builder: VhdxBuilder, structure: string, offset: number): void {
  const error = assertThrows(() => openVhdx(builder.source()), ImageError);
  assertEquals(error.symbol, "ERROR_FILE_CORRUPT");
  assertEquals([error.options.detail?.structure, error.options.detail?.offset], [
    structure,
    offset,
  ]);
}

/** Faults that make an entry part of no sequence: what came before it counts. */
const INVALID_ENTRIES: Record<string, Partial<EntrySpec>> = {
  "another log's GUID": { guid: "00000000-0000-0000-0000-000000000001" },
  "a wrong signature": { edit: (view) => view.setUint8(0, 0x4c) },
  "a length that is no multiple of a sector": { edit: (view) => view.setUint32(8, 12289, true) },
  "no length": { edit: (view) => view.setUint32(8, 0, true) },
  "a length of 4 GiB": { edit: (view) => view.setUint32(8, 0xfffff000, true) },
  "a length with one sector too few": { edit: (view) => view.setUint32(8, 2 * PAGE, true) },
  "a length with one sector too many": { edit: (view) => view.setUint32(8, 4 * PAGE, true) },
  "a tail that is no multiple of a sector": { tail: 512 },
  "a tail behind the end of the log": { tail: MIB },
  "more descriptors than it has room for": {
    edit: (view) => view.setUint32(24, 0xffffffff, true),
  },
  "fewer descriptors than data": { edit: (view) => view.setUint32(24, 1, true) },
  "a descriptor without signature": { edit: (view) => view.setUint32(96, 0, true) },
  "a descriptor with another number": { edit: (view) => view.setBigUint64(120, 3n, true) },
  "a descriptor whose target is no page": {
    edit: (view) => view.setBigUint64(112, 0x600200n, true),
  },
  "zeros that are no whole pages": {
    changes: [batPage(6, 5), { offset: 6 * MIB, zeros: PAGE + 512 }],
  },
  "a data sector without signature": { edit: (view) => view.setUint32(2 * PAGE, 0, true) },
  "a data sector with another high half": {
    edit: (view) => view.setUint32(2 * PAGE + 4, 1, true),
  },
  "a data sector with another low half": {
    edit: (view) => view.setUint32(2 * PAGE + 4092, 1, true),
  },
};

pureTest("openVhdx() does not replay an invalid entry, but the one before it", async (t) => {
  for (const [fault, spec] of Object.entries(INVALID_ENTRIES)) {
    await t.step(fault, () => {
      const builder = roomy();
      const first = { sequence: 1n, changes: [batPage(6, 4)] };
      const changes = [batPage(6, 5), { offset: 6 * MIB, page: pattern(PAGE) }];
      const second = { sequence: 2n, tail: 0, changes, ...spec };
      putEntries(builder, 0, first, second);
      assertEquals(firstBlock(builder), "file 4");
    });
  }
});

pureTest("a sequence whose last entry's tail is none of its entries is refused", () => {
  const builder = roomy();
  const [tail, changes] = [8 * PAGE, [batPage(6, 4)]];
  putEntries(builder, 0, { sequence: 1n, changes }, { sequence: 2n, tail });
  assertRefused(builder, "log entry", LOG + 8 * PAGE);
});

pureTest("an entry that is as long as the whole log is refused", () => {
  const builder = roomy();
  const changes = Array.from({ length: 254 }, (_, i) => ({
    offset: 6 * MIB + i * PAGE,
    page: pattern(PAGE),
  }));
  assertEquals(putEntries(builder, 0, { sequence: 1n, changes }), 0);
  assertRefused(builder, "log", LOG);
});

pureTest("an entry with a wrong checksum is not replayed", () => {
  const builder = roomy();
  const position = putEntries(builder, 0, { sequence: 1n, changes: [batPage(6, 4)] });
  putEntries(builder, position, { sequence: 2n, tail: 0, changes: [batPage(6, 5)] });
  builder.bytes[LOG + position + PAGE + 100]! ^= 1;
  assertEquals(firstBlock(builder), "file 4");
});

pureTest("a log that changes between search and replay is refused, not replayed in part", () => {
  const builder = roomy();
  putEntries(builder, 0, { sequence: 1n, changes: [batPage(6, 4)] });
  const source = builder.source();
  let reads = 0;
  const changing: ByteSource = {
    path: source.path,
    size: source.size,
    readAt: (buffer, offset) => {
      if (offset === LOG && ++reads === 2) builder.u32(LOG + 64, 0);
      return source.readAt(buffer, offset);
    },
  };
  const error = assertThrows(() => openVhdx(changing), ImageError);
  assertEquals(error.options.detail?.offset, LOG + 64);
});

pureTest("a sequence with a zero number, or no sequence at all, is refused", () => {
  const builder = dirtyVhdx();
  assertRefused(builder, "log", LOG);
  putEntries(builder, 0, { sequence: 0n }, { sequence: 1n, tail: 0 });
  assertRefused(builder, "log entry", LOG);
});

pureTest("a log that fills its ring exactly is read once around", () => {
  const builder = dirtyVhdx();
  const count = MIB / PAGE;
  const entries = Array.from({ length: count }, (_, i) => ({ sequence: BigInt(i + 1), tail: 0 }));
  putEntries(builder, 0, ...entries);
  assertEquals(firstBlock(builder), "zero");
});

pureTest("searching a log reads it no more than a few times, whatever its entries claim", () => {
  const builder = dirtyVhdx();
  // Every sector is an entry header that claims nearly the whole log, with a tail that is nowhere.
  for (let position = 0; position < MIB; position += PAGE) {
    putEntries(builder, position, {
      sequence: BigInt(position / PAGE + 1),
      edit: (view) => view.setUint32(8, MIB - PAGE, true),
    });
  }
  const claims = builder.source();
  assertThrows(() => openVhdx(claims), ImageError);
  assertEquals(claims.bytesRead < 4 * MIB, true, `${claims.bytesRead} bytes read`);
  // A chain of valid entries, none of which is the tail of the last.
  const entries = Array.from(
    { length: 250 },
    (_, i) => ({ sequence: BigInt(i + 1), tail: MIB - PAGE }),
  );
  const chain = dirtyVhdx();
  putEntries(chain, 0, ...entries);
  const source = chain.source();
  assertThrows(() => openVhdx(source), ImageError);
  assertEquals(source.bytesRead < 4 * MIB, true, `${source.bytesRead} bytes read`);
});

pureTest("a file that lost its end since the log was written is refused", () => {
  const builder = dirtyVhdx();
  putEntries(builder, 0, { sequence: 1n, flushed: 5 * MIB });
  assertRefused(builder, "log entry header", LOG + 48);
});

pureTest("a last file offset beyond any image is refused", () => {
  const builder = dirtyVhdx();
  putEntries(builder, 0, { sequence: 1n, edit: (view) => view.setBigUint64(56, 1n << 63n, true) });
  assertRefused(builder, "log entry header", LOG + 56);
});

/** Targets that a log may not have: [change, field of the descriptor that is named]. */
const HOSTILE_TARGETS: Record<string, [Change, number]> = {
  "the file type identifier": [{ offset: 0, page: new Uint8Array(PAGE) }, 16],
  "a header": [{ offset: HEADERS[1], page: new Uint8Array(PAGE) }, 16],
  "what lies before the region tables": [{ offset: 0x2f000, zeros: PAGE }, 16],
  "the log": [{ offset: LOG, page: new Uint8Array(PAGE) }, 16],
  "the log's last sector": [{ offset: LOG + MIB - PAGE, zeros: PAGE }, 16],
  "a range around the log": [{ offset: 0x30000, zeros: 3 * MIB }, 16],
  "a page behind the file": [{ offset: 4 * MIB, page: new Uint8Array(PAGE) }, 16],
  "zeros to behind the file": [{ offset: 3 * MIB, zeros: MIB + PAGE }, 8],
  "zeros of an exabyte": [{ offset: 3 * MIB, zeros: 2 ** 60 }, 8],
};

pureTest("openVhdx() refuses a log with a hostile target", async (t) => {
  for (const [target, [change, field]] of Object.entries(HOSTILE_TARGETS)) {
    await t.step(target, () => {
      const builder = dirtyVhdx();
      putEntries(builder, 0, { sequence: 1n, changes: [batPage(0, 0), change] });
      assertRefused(builder, "log descriptor", LOG + 96 + field);
    });
  }
});

pureTest("a log that names too many separate ranges of zeros is refused, in bounded memory", () => {
  const builder = dirtyVhdx();
  const perEntry = 126 + 128 * 30;
  const entries: EntrySpec[] = Array.from({ length: 8 }, (_, entry) => ({
    sequence: BigInt(entry + 1),
    tail: 0,
    last: 2 ** 40,
    changes: Array.from({ length: perEntry }, (_, i) => ({
      offset: 2 ** 32 + 2 * PAGE * (entry * perEntry + i),
      zeros: PAGE,
    })),
  }));
  putEntries(builder, 0, ...entries);
  // 31,728 ranges are still taken: the file reads as before, only longer.
  assertEquals(firstBlock(builder), "zero");
  builder.headers((header) => builder.u32(header + 68, 4 * MIB).u64(header + 72, 8 * MIB));
  builder.append(8 * MIB);
  const larger: EntrySpec[] = Array.from({ length: 20 }, (_, entry) => ({
    ...entries[0]!,
    sequence: BigInt(entry + 1),
    changes: Array.from({ length: perEntry }, (_, i) => ({
      offset: 2 ** 32 + 2 * PAGE * (entry * perEntry + i),
      zeros: PAGE,
    })),
  }));
  const moved = new VhdxBuilder();
  putEntriesAt(builder, moved, larger);
  const error = assertThrows(() => openVhdx(builder.source()), ImageError);
  assertEquals(error.options.detail?.found, "more than 65536 separate ranges of zeros");
});

/** Writes entries into a log of 4 MiB at 8 MiB. */
function putEntriesAt(builder: VhdxBuilder, scratch: VhdxBuilder, entries: readonly EntrySpec[]) {
  let position = 8 * MIB;
  for (const entry of entries) {
    const end = putEntries(scratch, 0, entry);
    builder.bytes.set(scratch.bytes.subarray(LOG, LOG + end), position);
    position += end;
  }
}
