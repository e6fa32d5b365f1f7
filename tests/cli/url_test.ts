/** Commands that read an image from a web server, with the permission that their help names, and no other. */
import { assert, assertEquals } from "@std/assert";
import { createImage } from "../create_image.ts";
import { createChain, hashOf } from "../images.ts";
import { ImageServer } from "../portable/http_server.ts";
import { assertBytesEqual, pattern, TempDir } from "../support.ts";
import { violations } from "./json_schema.ts";
import { runCliWith } from "./run_cli.ts";

const MIB = 2 ** 20;

Deno.test("virtdisk: info, map, read, check, free, compare and convert take a URL", async (t) => {
  using dir = new TempDir();
  using work = new TempDir();
  {
    using disk = await createImage(dir.file("disk.vhdx"), { size: 16 * MIB, blockSize: MIB });
    disk.writeSync(pattern(3 * MIB, 1), 2 * MIB);
  }
  await using server = new ImageServer({ "disk.vhdx": Deno.readFileSync(dir.file("disk.vhdx")) });
  const shown = server.url("disk.vhdx").href;
  const url = `${shown}?signature=hidden`;
  const net = `--allow-net=${server.host}`;
  await t.step("info", async () => {
    const { code, out, err } = await runCliWith(work, [net], ["info", url]);
    assertEquals([code, err], [0, ""]);
    assert(out.startsWith(`${shown}\n`), out);
    assert(/Virtual size\s+16 MiB/.test(out), out);
  });
  await t.step("info --json", async () => {
    const { code, out } = await runCliWith(work, [net], ["info", "--json", url]);
    assertEquals(code, 0);
    const { path, information } = JSON.parse(out);
    assertEquals([path, information.size.virtualSize], [shown, 16 * MIB]);
    assertEquals(violations(JSON.parse(out)), []);
    const absent = await runCliWith(work, [net], ["info", "--json", server.url("none.vhdx").href]);
    assertEquals(absent.code, 2);
    assertEquals(violations(JSON.parse(absent.out)), []);
  });
  await t.step("map", async () => {
    const { code, out } = await runCliWith(work, [net], ["map", url]);
    const local = await runCliWith(dir, ["--allow-read=."], ["map", "disk.vhdx"]);
    assertEquals(code, 0);
    assertEquals(out, local.out.replaceAll(dir.file("disk.vhdx"), shown));
    const totals = await runCliWith(work, [net], ["map", "--as", "totals", "--json", url]);
    assertEquals(totals.code, 0, totals.err);
    assertEquals(violations(JSON.parse(totals.out)), []);
  });
  await t.step("read", async () => {
    const args = ["read", "--offset", "2MiB", "--length", "3MiB", url];
    const { code, bytes } = await runCliWith(work, [net], args);
    assertEquals(code, 0);
    assertBytesEqual(bytes, pattern(3 * MIB, 1));
  });
  await t.step("check", async () => {
    const { code, out } = await runCliWith(work, [net], ["check", url]);
    assertEquals([code, out.split("\n")[0]], [0, `${shown}: VHDX image, sound`]);
    const repair = await runCliWith(work, [net], ["check", "--repair", url]);
    assertEquals(repair.code, 2);
    assert(repair.err.includes("can only be read"), repair.err);
  });
  await t.step("free", async () => {
    const { code, out } = await runCliWith(work, [net], ["free", url]);
    assert(code < 2 && out.startsWith(shown), out);
  });
  await t.step("compare", async () => {
    const { code, err } = await runCliWith(dir, [net, "--allow-read=."], [
      "compare",
      url,
      "disk.vhdx",
    ]);
    assertEquals(code, 0, err);
  });
  await t.step("convert", async () => {
    const flags = [net, "--allow-read=.", "--allow-write=."];
    const { code, err } = await runCliWith(work, flags, ["convert", url, "copy.vhd"]);
    assertEquals(code, 0, err);
    assertEquals(await hashOf(work.file("copy.vhd")), await hashOf(dir.file("disk.vhdx")));
    const piped = await runCliWith(work, [net], ["convert", "--type", "raw", url, "-"]);
    assertEquals([piped.code, piped.bytes.length], [0, 16 * MIB]);
    const salvage = await runCliWith(work, flags, ["convert", "--salvage", url, "saved.vhd"]);
    assertEquals(salvage.code, 2);
  });
  await t.step("without the permission, which is named exactly", async () => {
    const { code, err } = await runCliWith(work, [], ["info", url]);
    assertEquals(code, 2);
    assert(err.includes(`start virtdisk with ${net}, or install`), err);
    assert(!err.includes("hidden"), err);
  });
  await t.step("a server that has no such file", async () => {
    const { code, err } = await runCliWith(work, [net], ["info", `http://${server.host}/no.vhdx`]);
    assertEquals(code, 2);
    assert(err.includes("the server says 404"), err);
  });
  await t.step("a file whose name looks like one is reached by ./", async () => {
    const { code, err } = await runCliWith(work, ["--allow-read=."], ["info", "./http://no.vhdx"]);
    assertEquals(code, 2);
    assert(/ERROR_(FILE|PATH)_NOT_FOUND/.test(err), err);
  });
  await t.step("what is no URL", async () => {
    const { code, err } = await runCliWith(work, [], ["info", "https://"]);
    assertEquals(code, 2);
    assert(err.includes("is not a URL"), err);
  });
});

Deno.test("virtdisk info: a child on a server says what to do about its parent, and asks for nothing else", async () => {
  using dir = new TempDir();
  await createChain(["base.vhdx", "leaf.vhdx"].map((name) => dir.file(name)), { size: 4 * MIB });
  await using server = new ImageServer({ "leaf.vhdx": Deno.readFileSync(dir.file("leaf.vhdx")) });
  const net = `--allow-net=${server.host}`;
  const { code, err } = await runCliWith(dir, [net], ["info", server.url("leaf.vhdx").href]);
  assertEquals(code, 2);
  assert(err.includes("Save the image beside its parent"), err);
  assert(!err.includes("`parents`"), err);
  assert(server.asked.every(({ path }) => path === "leaf.vhdx"));
  const alone = await runCliWith(dir, [net], [
    "info",
    "--no-parents",
    server.url("leaf.vhdx").href,
  ]);
  assertEquals(alone.code, 0, alone.err);
});

Deno.test("virtdisk --help: names --allow-net for URLs", async () => {
  using dir = new TempDir();
  for (const name of ["info", "map", "read", "convert", "check", "free", "compare"]) {
    const { out } = await runCliWith(dir, [], [name, "--help"]);
    assert(/--allow-net=HOST\s+the server of an https: or http: URL/.test(out), out);
  }
});
