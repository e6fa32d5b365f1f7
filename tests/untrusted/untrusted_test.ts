/**
 * Whoever looks at an image that somebody else has made opens, because of what is in it, the files that SECURITY.md
 * says, and nothing else: strace sees it.
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { sampledRows } from "../sampling.ts";
import { ROOT, TempDir, testWith } from "../support.ts";
import { type HostileImage, makeHostileImages } from "./hostile_images.ts";
import { type Call, TRACE_NEEDS, traced } from "./traced.ts";

/** A path that is not there, below which the script asks for that of each image. */
const MARK = "/looking-at";
/**
 * What V8, and glibc when it gives memory back, look at now and then, whatever is run. No image names anything there.
 */
const OF_RUNTIME =
  /^\/(?:sys\/(?:devices\/system\/cpu|fs\/cgroup)\/|proc\/sys\/vm\/overcommit_memory$)/;
/** Calls that bring bytes of a file, or change something; the others only ask what a path is. */
const OPENS =
  /^(?:open|openat|openat2|creat|truncate|mkdir|mkdirat|unlink|unlinkat|rename\w*|link\w*|symlink\w*)$/;
const NETWORK = /^(?:socket|connect|bind|listen|accept4?|sendto|sendmsg|sendmmsg)$/;

/** The calls from the mark of each image to that of the next one. */
function callsByImage(calls: readonly Call[], images: readonly HostileImage[]): Call[][] {
  const starts = images.map(({ file }) =>
    calls.findIndex(({ paths }) => paths.some((path) => path === `${MARK}/images/${file}`))
  );
  assert(starts.every((start) => start >= 0), "each image is looked at");
  return starts.map((start, i) => calls.slice(start, starts[i + 1]));
}

async function look(dir: TempDir, images: readonly HostileImage[]): Promise<Call[][]> {
  const calls = await traced(dir.file("trace"), Deno.execPath(), [
    "run",
    "--no-prompt",
    "--no-check",
    "--no-code-cache",
    "--config",
    `${ROOT}/deno.json`,
    "--allow-read",
    "--allow-write=out",
    `${ROOT}/tests/untrusted/look_at_images.ts`,
    MARK,
    "out",
    ...images.map(({ file }) => `images/${file}`),
  ], { cwd: dir.path, env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" } });
  return callsByImage(calls, images);
}

testWith(
  TRACE_NEEDS,
  "what an image says opens nothing but the parents that it may name",
  async (t) => {
    using dir = new TempDir();
    const innocent = (file: string) => file.startsWith("innocent/");
    const made = makeHostileImages(dir);
    const images = [
      ...made.filter(({ file }) => innocent(file)),
      ...sampledRows(made.filter(({ file }) => !innocent(file)), 6),
    ];
    const all = await look(dir, images);
    // What is opened for any image: modules when they are needed first, and whatever Deno does.
    const usual = new Set(
      all.filter((_, i) => innocent(images[i]!.file)).flat().flatMap(({ paths }) => paths),
    );
    assertGreater(usual.size, images.filter(({ file }) => innocent(file)).length);
    for (const [i, calls] of all.entries()) {
      const { file, mayOpen } = images[i]!;
      if (innocent(file)) continue;
      await t.step(file, () => {
        assertEquals(calls.filter(({ name }) => NETWORK.test(name)).map(({ text }) => text), []);
        const isHome = (path: string) =>
          path.startsWith(dir.file(`images/${file.split("/")[0]}`)) ||
          path.startsWith(dir.file("out/"));
        const opened = calls.filter(({ name }) => OPENS.test(name)).flatMap(({ paths }) => paths)
          .filter((path) => !usual.has(path) && !isHome(path) && !OF_RUNTIME.test(path));
        assertEquals([...new Set(opened)].sort(), [...mayOpen].sort());
      });
    }
  },
);
