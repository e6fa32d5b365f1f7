/** What tests run of the program: lines and branches, of V8's counts. */
import { denoCommand } from "../../deno_command.ts";
import { ROOT, TempDir } from "../../support.ts";
import type { Workshop } from "./workshop.ts";

/** What was run of a file of the program. */
export interface CoveredFile {
  /** Below the root. */
  readonly path: string;
  /** The numbers of the lines that were run. */
  readonly lines: readonly number[];
  /** How many lines there are to be run. */
  readonly lineCount: number;
  readonly branchCount: number;
  readonly branchesTaken: number;
}

/** What came of running tests. */
export interface Covered {
  /** Seconds of CPU time. */
  readonly seconds: number;
  /** Those of the program of which anything was loaded. */
  readonly files: readonly CoveredFile[];
}

/** The files of tests in a folder below the root. */
export function testFilesBelow(folder: string): string[] {
  return [...Deno.readDirSync(`${ROOT}/${folder}`)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? testFilesBelow(path) : name.endsWith("_test.ts") ? [path] : [];
  }).sort();
}

/**
 * Runs tests and sees what they run.
 *
 * @param limit Seconds of CPU time.
 * @throws {Error} If one fails: of the program as it is, all hold.
 */
export async function coveredBy(
  workshop: Workshop,
  tests: readonly string[],
  limit: number,
): Promise<Covered> {
  using dir = new TempDir();
  const options = [`--coverage=${dir.path}`, "--coverage-raw-data-only"];
  const { end, output, seconds } = await workshop.test({ files: tests, options, limit });
  if (end !== "passed") throw new Error(`${tests.join(" ")}: ${end}\n${output.slice(-5000)}`);
  return { seconds, files: filesIn(lcovOf(workshop, dir.path), `${workshop.path}/`) };
}

function lcovOf(workshop: Workshop, folder: string): string {
  const { success, stdout, stderr } = denoCommand({
    args: ["coverage", "--lcov", folder],
    cwd: workshop.path,
    env: workshop.env,
  }).outputSync();
  const text = new TextDecoder();
  if (!success) {
    const message = text.decode(stderr);
    // Tests of programs alone run nothing of this one in their own process.
    if (!/No covered files/.test(message)) throw new Error(message);
  }
  return text.decode(stdout);
}

/** Reads LCOV: of each file its lines with how often they ran, and sums. */
export function filesIn(lcov: string, root: string): CoveredFile[] {
  return lcov.split("end_of_record").flatMap((record) => {
    const path = /^SF:(.*)$/m.exec(record)?.[1];
    if (!path?.startsWith(`${root}src/`)) return [];
    const counts = [...record.matchAll(/^DA:(\d+),(\d+)/gm)];
    const sum = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(record)?.[1] ?? 0);
    return {
      path: path.slice(root.length),
      lines: counts.filter(([, , count]) => count !== "0").map(([, line]) => Number(line)),
      lineCount: counts.length,
      branchCount: sum("BRF"),
      branchesTaken: sum("BRH"),
    };
  });
}
