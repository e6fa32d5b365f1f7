/** Runs phases, each in a process of its own. */
import { denoCommand } from "../../deno_command.ts";
import { exists, ROOT } from "../../support.ts";
import type { PhaseResult } from "./phase.ts";
import { LEAKING, PHASES } from "./phases.ts";

/** In memory, if this system has such a place: what a disk takes to flush is no load of this project. */
const MEMORY = "/dev/shm";

class QuickFolder implements Disposable {
  readonly path = Deno.makeTempDirSync({
    prefix: "virtdisk-",
    ...exists(MEMORY) && { dir: MEMORY },
  });

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

const CHILD = "tests/proof/load/child.ts";

/** What comes of a phase if there are so many opens. */
export async function runPhase(name: string, opens: number, seed: number): Promise<PhaseResult> {
  using dir = new QuickFolder();
  const count = Math.max(1, Math.round(opens / ({ ...PHASES, ...LEAKING })[name]!.oneIn));
  const { code, stdout, stderr } = await denoCommand({
    args: [
      "run",
      "--no-check",
      "--v8-flags=--expose-gc",
      "--allow-all",
      CHILD,
      name,
      String(count),
      String(seed),
      dir.path,
    ],
    env: { NO_COLOR: "1" },
    cwd: ROOT,
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${text.decode(stderr)}`);
  return JSON.parse(text.decode(stdout));
}
