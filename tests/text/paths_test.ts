/** Against `node:path` and `node:url`, in the notation of both systems. */
import { assertEquals, assertThrows } from "@std/assert";
import { posix, win32 } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import {
  basename,
  dirname,
  extname,
  join,
  pathOfUrl,
  resolve,
  wayFrom,
} from "../../src/text/paths.ts";
import { pureTest } from "../pure.ts";

const NAMES = [
  "a",
  "disk.vhdx",
  ".",
  "..",
  ".hidden",
  "dot.",
  "..x",
  "two words",
  "ü",
  "a.b.c",
  "%41",
];
const SYSTEMS = [
  { isWindows: false, node: posix, roots: ["", "/"], separators: ["/"], current: "/home/me" },
  {
    isWindows: true,
    node: win32,
    roots: ["", "C:\\", "c:/", "D:\\", "\\", "/", "C:", "D:", "\\\\server\\share\\", "\\\\?\\C:\\"],
    separators: ["\\", "/"],
    current: "C:\\Users\\me",
  },
] as const;

/** Every path of at most two names, and many of three, with each root and separator. */
function* paths(
  { roots, separators }: { roots: readonly string[]; separators: readonly string[] },
): Generator<string> {
  const tails = [""];
  let longest = [""];
  for (const names of [NAMES, NAMES, NAMES.slice(0, 5)]) {
    longest = longest.flatMap((head) =>
      names.flatMap((name) =>
        head === "" ? [name] : separators.map((separator) => `${head}${separator}${name}`)
      )
    );
    tails.push(...longest);
  }
  for (const root of roots) for (const tail of tails) yield root + tail;
}

pureTest("dirname(), basename(), extname(): as node:path, on both systems", () => {
  for (const system of SYSTEMS) {
    const { isWindows, node } = system;
    for (const path of paths(system)) {
      assertEquals(dirname(path, isWindows), node.dirname(path), path);
      assertEquals(extname(path, isWindows), node.extname(path), path);
      // The name of a share, which node:path gives for its root, is no file's.
      if (/^[\\/]{2}[^\\/]+[\\/][^\\/]+[\\/]$/.test(path)) continue;
      assertEquals(basename(path, "", isWindows), node.basename(path), path);
      assertEquals(basename(path, ".vhdx", isWindows), node.basename(path, ".vhdx"), path);
    }
  }
});

pureTest("join(), resolve(): as node:path, on both systems", () => {
  for (const system of SYSTEMS) {
    const { isWindows, node, current } = system;
    for (const path of paths(system)) {
      // Such a root alone loses its end in Node, by which it is one.
      if (path.startsWith("\\\\?\\")) continue;
      // For the folder of another drive Node asks the environment.
      const expected = node.resolve(current, path.replace(/^D:(?!\\)/, "D:\\"));
      assertEquals(resolve(path, isWindows, () => current), expected, path);
      const folder = expected;
      for (const name of ["disk.vhdx", "../up", "./a/../..", "..\\up"]) {
        assertEquals(join(folder, name, isWindows), node.join(folder, name), `${folder} ${name}`);
      }
    }
  }
});

pureTest("wayFrom(): as relative() of node:path, on both systems; none to another drive", () => {
  const tails = ["", "a", "a/b", "A/b", "a/bc", "b/a", "ü/x y/z.vhdx"];
  for (const { isWindows, node, roots } of SYSTEMS) {
    const places = roots.filter((root) =>
      node.isAbsolute(root) && root.length !== 1 || root === "/" && !isWindows
    )
      .flatMap((root) => tails.map((tail) => node.resolve(root, tail)));
    for (const from of places) {
      for (const to of places) {
        const expected = node.relative(from, to);
        const way = wayFrom(from, to, isWindows);
        assertEquals(way ?? to, expected, `${from} to ${to}`);
        assertEquals(way === undefined, node.isAbsolute(expected), `${from} to ${to}`);
      }
    }
  }
});

pureTest("pathOfUrl(): as fileURLToPath() of node:url on this system", () => {
  const urls = [
    "file:///",
    "file:///disk.vhdx",
    "file:///C:/a%20b/%C3%BC.vhd",
    "file:///c:/100%25.vhd",
    "file:///D:/a%23b%3Fc",
    "file://server/share/disk.vhdx",
    "file:///a%2Fb",
    "file:///C:/a%5Cb",
    "file:///C:/a%2fb",
    "file:///%zz",
    pathToFileURL(Deno.build.os === "windows" ? "C:\\ü #%.vhdx" : "/tmp/ü #?%\\.vhdx").href,
  ];
  for (const each of urls) {
    const url = new URL(each);
    let expected: string;
    try {
      expected = fileURLToPath(url);
    } catch {
      assertThrows(() => pathOfUrl(url), Error);
      continue;
    }
    assertEquals(pathOfUrl(url), expected, each);
  }
});

/** What `fileURLToPath(url, { windows: true })` of Node 22 gives; `undefined` if it throws. */
const ON_WINDOWS: Readonly<Record<string, string | undefined>> = {
  "file:///C:/a%20b/%C3%BC.vhd": "C:\\a b\\ü.vhd",
  "file:///c:/100%25.vhd": "c:\\100%.vhd",
  "file:///D:/a%23b%3Fc": "D:\\a#b?c",
  "file://server/share/disk.vhdx": "\\\\server\\share\\disk.vhdx",
  "file:///": undefined,
  "file:///disk.vhdx": undefined,
  "file:///C:/a%5Cb": undefined,
  "file:///C:/a%2fb": undefined,
};

pureTest("pathOfUrl(): of Windows, on every system", () => {
  for (const [url, expected] of Object.entries(ON_WINDOWS)) {
    if (expected === undefined) assertThrows(() => pathOfUrl(new URL(url), true), TypeError);
    else assertEquals(pathOfUrl(new URL(url), true), expected, url);
  }
});
