/** The child process that writes to a disk, and what follows from its reports. */
import { ImageFile } from "../../src/portable/file/image_file.ts";
import { type Observation, observe } from "./observation.ts";
import type { Oracle } from "./oracle.ts";
import type { Format } from "./scenario.ts";

/** Deno's arguments for a child that writes until it is ended; see kill_child.ts. */
export function childArguments(path: string, seed: number, version: number): string[] {
  const script = new URL("kill_child.ts", import.meta.url).href;
  const permissions = ["--no-check", `--allow-read=${path}`, `--allow-write=${path}`];
  return ["run", ...permissions, script, path, String(seed), String(version)];
}

/** One of the child's reports. An operation is reported before it is begun: it may be done, or not. */
export function applyLine(oracle: Oracle, line: string): void {
  const [kind, ...numbers] = line.split(" ");
  const [first = 0, count = 0, version = 0] = numbers.map(Number);
  if (kind === "write") oracle.apply({ kind, first, count, version });
  else if (kind === "trim") oracle.apply({ kind, first, count });
  else if (kind === "zeros") {
    oracle.apply({ kind: "seen", first, versions: new Uint32Array(count) });
  } else if (kind === "flushed") oracle.apply({ kind });
}

/** What is seen of an image file. */
export function look(format: Format, path: string): Observation {
  using file = ImageFile.open(path);
  return observe(format.open(file));
}
