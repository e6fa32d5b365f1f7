import { assertEquals } from "@std/assert";
import type { ParentLocator } from "../../../src/portable/image/image.ts";
import { parentCandidates } from "../../../src/portable/chain/parent_paths.ts";
import { onlyOn, testWith } from "../../support.ts";
import { pureTest } from "../../pure.ts";

function paths(...locators: ParentLocator[]): (string | undefined)[] {
  return parentCandidates("/images/sub/child.vhdx", { identifiers: [], locators }, false)
    .map(({ path }) => path);
}

testWith(
  [onlyOn("linux", "darwin")],
  "parentCandidates() resolves relative paths from the child's folder",
  () => {
    assertEquals(
      paths(
        { kind: "relative", path: ".\\base.vhdx" },
        { kind: "relative", path: "other.vhdx" },
        { kind: "relative", path: "..\\other\\base.vhdx" },
        { kind: "name", path: "C:\\vm\\named.vhdx" },
        // The same file again, which need not be tried twice.
        { kind: "name", path: "base.vhdx" },
        { kind: "absolute", path: "/elsewhere/base.vhdx" },
        // Of another system.
        {
          kind: "volume",
          path: "\\\\?\\Volume{0b5c0f43-0000-0000-0000-100000000000}\\vm\\base.vhdx",
        },
      ),
      [
        "/images/sub/base.vhdx",
        "/images/sub/other.vhdx",
        "/images/other/base.vhdx",
        "/images/sub/named.vhdx",
        "/elsewhere/base.vhdx",
        undefined,
      ],
    );
  },
);

const NETWORK = "is a network or device path";
const VOLUME = "\\\\?\\Volume{3f2504e0-4f89-41d3-9a0c-0305e82c3301}";

/** What a hostile image may say to make a script open something else, and why it is refused. */
const HOSTILE: [name: string, locator: ParentLocator, refusal: string][] = [
  ["a network share", { kind: "absolute", path: "\\\\server\\share\\base.vhdx" }, NETWORK],
  ["a network share with slashes", { kind: "absolute", path: "//server/share/b.vhdx" }, NETWORK],
  [
    "a network share as relative path",
    { kind: "relative", path: "\\\\server\\share\\base.vhdx" },
    "is not relative",
  ],
  [
    "a network share in long form",
    { kind: "absolute", path: "\\\\?\\UNC\\server\\share\\b.vhdx" },
    NETWORK,
  ],
  ["a device", { kind: "absolute", path: "\\\\.\\PhysicalDrive0" }, NETWORK],
  [
    "the object root",
    { kind: "absolute", path: "\\\\?\\GLOBALROOT\\Device\\Harddisk0" },
    NETWORK,
  ],
  ["a whole volume", { kind: "volume", path: VOLUME }, "is not a file of a volume"],
  [
    "a whole volume as absolute path",
    { kind: "absolute", path: VOLUME },
    "is not a file of a volume",
  ],
  [
    "something else than a volume",
    { kind: "volume", path: "\\\\server\\share\\base.vhdx" },
    "is not a file of a volume",
  ],
  [
    "a stream",
    { kind: "absolute", path: "C:\\vm\\file.txt:base.vhdx" },
    "names a stream of a file",
  ],
  // Beside the child, too.
  [
    "a stream as a name",
    { kind: "name", path: "C:\\vm\\file.txt:base.vhdx" },
    "names a stream of a file",
  ],
  [
    "a root as relative path",
    { kind: "relative", path: "\\windows\\base.vhdx" },
    "is not relative",
  ],
  ["a drive as relative path", { kind: "relative", path: "C:base.vhdx" }, "is not relative"],
  ["a NUL", { kind: "relative", path: ".\\base.vhdx\0.txt" }, "is empty or holds a NUL"],
  ["nothing", { kind: "relative", path: "" }, "is empty or holds a NUL"],
];

pureTest("parentCandidates() refuses hostile locators, and says why", async (t) => {
  for (const [name, locator, refusal] of HOSTILE) {
    await t.step(`${name}`, () => {
      const [candidate] = parentCandidates("/images/child.vhdx", {
        identifiers: [],
        locators: [locator],
      }, false);
      assertEquals(candidate, { locator, path: undefined, refusal, isForeign: false });
    });
  }
});

testWith(
  [onlyOn("linux", "darwin")],
  "parentCandidates(): a file of a volume is for another system, and not refused",
  () => {
    for (const kind of ["volume", "absolute"] as const) {
      const locator = { kind, path: `${VOLUME}\\vm\\base.vhdx` };
      const link = { identifiers: [], locators: [locator] };
      const [candidate] = parentCandidates("/images/child.vhdx", link, false);
      assertEquals([candidate?.refusal, candidate?.isForeign], [
        `means nothing on ${Deno.build.os}`,
        true,
      ]);
    }
  },
);

pureTest("parentCandidates() leaves relative locators out where it is told so", () => {
  const link = {
    identifiers: [],
    locators: [{ kind: "relative", path: "a" }, { kind: "name", path: "b" }],
  } as const;
  assertEquals(parentCandidates("/c/d.vhd", link, true).map(({ locator }) => locator.path), ["b"]);
});
