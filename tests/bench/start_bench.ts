/** How long a program takes from its start to its end, in times of an empty script. */
import { join, toFileUrl } from "@std/path";
import { buildPackage } from "../../build/package.ts";
import { createImage } from "../create_image.ts";
import { ROOT, TempDir, tool } from "../support.ts";
import { compare, type Contender, milliseconds } from "./measure.ts";

/** So many starts of each make a round. */
const STARTS = 10;

/** Compares `virtdisk info`, from its modules and as it is published, and imports of the faces with an empty script. */
export async function benchStart(): Promise<void> {
  using dir = new TempDir();
  (await createImage(dir.file("disk.vhdx"), { size: 64 << 20 })).close();
  buildPackage(dir.file("package"));
  const script = (name: string, code: string) => {
    Deno.writeTextFileSync(dir.file(name), code);
    return ["run", name];
  };
  const importOf = (face: string) =>
    script(`${face}.ts`, `import "${toFileUrl(join(ROOT, face)).href}";\n`);
  const info = (program: string) => ["run", "--allow-read=.", program, "info", "disk.vhdx"];
  const deno = (name: string, args: readonly string[]) =>
    contender(name, Deno.execPath(), args, dir.path);
  compare({
    title: "start of a program, info of a VHDX",
    operations: STARTS,
    operation: "start",
    goals: [{ of: "virtdisk info, published", to: "an empty script", atMost: 3 }],
    contenders: [
      deno("an empty script", script("empty.ts", "")),
      deno("import portable.ts", importOf("portable.ts")),
      deno("import mod.ts", importOf("mod.ts")),
      deno("virtdisk info, modules", info(join(ROOT, "src/cli/main.ts"))),
      deno("virtdisk info, published", info(dir.file("package/cli/main.ts"))),
      ...(tool("qemu-img")() === undefined
        ? [contender("qemu-img info", "qemu-img", ["info", "disk.vhdx"], dir.path)]
        : []),
    ],
  });
}

function contender(
  name: string,
  program: string,
  args: readonly string[],
  cwd: string,
): Contender {
  const command = new Deno.Command(program, {
    args: [...args],
    cwd,
    env: { DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
  });
  return {
    name,
    run: () =>
      milliseconds(() => {
        for (let i = 0; i < STARTS; i++) {
          const { success, stderr } = command.outputSync();
          if (!success) throw new Error(`${name}: ${new TextDecoder().decode(stderr)}`);
        }
      }),
  };
}
