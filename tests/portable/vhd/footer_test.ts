import { assertEquals } from "@std/assert";
import {
  encodeFooter,
  type Footer,
  footerFault,
  parseFooter,
  vhdChecksum,
  withCurrentSize,
} from "../../../src/portable/vhd/footer.ts";
import { pureTest } from "../../pure.ts";

/** The footer of a differencing image of Windows 10, to its last byte that is not zero. */
const WINDOWS_10 = "636f6e6563746978 00000002 00010000 0000000000000200 27198e1b 77696e20" +
  "000a0000 5769326b 0000000000400000 0000000000400000 0078 04 11 00000004 fffff02c" +
  "f84f1636cd9e9041a69edcc2380e416a 00";

function windowsFooter(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(512);
  const hex = WINDOWS_10.replaceAll(" ", "");
  for (let i = 0; 2 * i < hex.length; i++) {
    bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  }
  return bytes;
}

pureTest("parseFooter() finds in a footer of Windows 10 the fields that Windows gave it", () => {
  assertEquals(parseFooter(windowsFooter()), {
    features: 2,
    fileFormatVersion: 0x00010000,
    dataOffset: 512,
    timeStamp: (Date.UTC(2020, 9, 14, 10, 23, 23) - Date.UTC(2000, 0, 1)) / 1000,
    creatorApplication: 0x77696e20,
    creatorVersion: 0x000a0000,
    creatorHostOs: 0x5769326b,
    originalSize: 0x400000,
    currentSize: 0x400000,
    geometry: { cylinders: 120, heads: 4, sectorsPerTrack: 17 },
    diskType: 4,
    uniqueId: "36164ff8-9ecd-4190-a69e-dcc2380e416a",
    savedState: false,
  });
});

pureTest(
  "encodeFooter() gives of a footer of Windows 10 its own bytes, checksum 0xFFFFF02C included",
  () => {
    assertEquals(encodeFooter(parseFooter(windowsFooter())), windowsFooter());
  },
);

pureTest("encodeFooter() keeps a footer without sparse header and in saved state", () => {
  const footer = { ...parseFooter(windowsFooter()), dataOffset: undefined, savedState: true };
  const bytes = encodeFooter(footer);
  assertEquals(parseFooter(bytes), footer);
  assertEquals(bytes.subarray(16, 24), new Uint8Array(8).fill(0xff));
  assertEquals(bytes[84], 1);
});

pureTest(
  "withCurrentSize() names Windows 10 as the creator, but leaves another Windows what it is",
  () => {
    const geometry = { cylinders: 240, heads: 4, sectorsPerTrack: 17 };
    const old = parseFooter(windowsFooter());
    const made = (creator: Partial<Footer>) => {
      const bytes = withCurrentSize(encodeFooter({ ...old, ...creator }), 0x800000, geometry);
      assertEquals(footerFault(bytes), undefined);
      return parseFooter(bytes);
    };
    const windows = { ...old, currentSize: 0x800000, geometry };
    // "qemu" 5.1 on "Wi2k"; "vpc " 5.3 on "Mac ".
    const qemu = { creatorApplication: 0x71656d75, creatorVersion: 0x00050001 };
    const mac = {
      creatorApplication: 0x76706320,
      creatorVersion: 0x00050003,
      creatorHostOs: 0x4d616320,
    };
    for (const other of [qemu, mac]) assertEquals(made(other), windows);
    // Windows 7.
    const windows7 = { creatorVersion: 0x00060001 };
    assertEquals(made(windows7), { ...windows, ...windows7 });
  },
);

pureTest("footerFault() notices a change of any byte", () => {
  assertEquals(footerFault(windowsFooter()), undefined);
  for (let i = 0; i < 512; i++) {
    const bytes = windowsFooter();
    bytes[i]! ^= 0x10;
    assertEquals(footerFault(bytes), i < 8 ? "cookie" : "checksum", `byte ${i}`);
  }
});

const rows: [string, number[], number][] = [
  ["zeros", [0, 0, 0, 0, 0, 0], 0xffffffff],
  ["bytes before and after the checksum", [1, 0, 0, 0, 0, 2], 0xfffffffc],
  ["a checksum already there, which does not count", [1, 9, 8, 7, 6, 2], 0xfffffffc],
  ["bytes above 127, which are unsigned", [0xff, 0, 0, 0, 0, 0xff], 0xfffffe01],
];

pureTest("vhdChecksum() adds up all bytes but its own", async (t) => {
  for (const [name, bytes, expected] of rows) {
    await t.step(`${name}: 0x${expected.toString(16)}`, () => {
      assertEquals(vhdChecksum(Uint8Array.from(bytes), 1), expected);
    });
  }
});
