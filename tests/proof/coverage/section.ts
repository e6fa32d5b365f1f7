/** The section about coverage: which lines and branches of the portable backend the tests run. */
import { join } from "@std/path";
import { Random } from "../../fuzz/random.ts";
import { onlyOn, ROOT, tool } from "../../support.ts";
import { coveredBy, type CoveredFile, testFilesBelow } from "../mutation/covered.ts";
import { Workshop } from "../mutation/workshop.ts";
import type { RunFacts, RunWish, Section } from "../section.ts";

/** What was run of a room. */
interface RoomCoverage {
  /** Below `src/portable`; empty for its own files. */
  readonly room: string;
  readonly files: number;
  /** Those of which nothing was loaded: interfaces alone, or what no test in its own process loads. */
  readonly notLoaded: readonly string[];
  readonly lines: number;
  readonly linesRun: number;
  readonly branches: number;
  readonly branchesTaken: number;
}

interface Results {
  readonly rooms: readonly RoomCoverage[];
  /** How many files of tests there are. */
  readonly testFiles: number;
}

const PROGRAM = "src/portable";
/** In these the program runs in the process of the test. */
const TESTS = ["tests/bytes", "tests/portable", "tests/crash", "tests/fuzz", "tests/interop"];
/** Seconds of CPU time for all tests. */
const LIMIT = 7200;

export const coverage: Section<Results> = {
  name: "coverage",
  title: "Lines and branches that tests run",
  unit: "files of tests",
  counts: { short: 20, long: 1000 },
  programs: ["qemu-img", "libvhdi"],
  needs: [tool("bash"), onlyOn("linux")],
  run,
  render,
  faults: () => [],
};

async function run({ count, seed, tell }: RunWish): Promise<Results> {
  const tests = TESTS.flatMap(testFilesBelow);
  const random = new Random(seed);
  const chosen = tests.map((path) => ({ path, place: random.uint32() }))
    .sort((a, b) => a.place - b.place).slice(0, count).map(({ path }) => path).sort();
  tell(`${chosen.length} of ${tests.length} files of tests`);
  using workshop = new Workshop();
  const { files } = await coveredBy(workshop, chosen, LIMIT);
  const rooms = Map.groupBy(sourcesBelow(PROGRAM), roomOf);
  return {
    rooms: [...rooms].map(([room, paths]) => coverageOf(room, paths, files)),
    testFiles: tests.length,
  };
}

function sourcesBelow(folder: string): string[] {
  return [...Deno.readDirSync(join(ROOT, folder))].flatMap(({ name, isDirectory }) =>
    isDirectory ? sourcesBelow(`${folder}/${name}`) : [`${folder}/${name}`]
  ).sort();
}

function roomOf(path: string): string {
  return path.split("/").slice(2, -1).join("/");
}

function coverageOf(
  room: string,
  paths: readonly string[],
  covered: readonly CoveredFile[],
): RoomCoverage {
  const files = covered.filter(({ path }) => paths.includes(path));
  const sum = (count: (file: CoveredFile) => number) =>
    files.reduce((all, file) => all + count(file), 0);
  return {
    room,
    files: paths.length,
    notLoaded: paths.filter((path) => !files.some((file) => file.path === path)),
    lines: sum(({ lineCount }) => lineCount),
    linesRun: sum(({ lines }) => lines.length),
    branches: sum(({ branchCount }) => branchCount),
    branchesTaken: sum(({ branchesTaken }) => branchesTaken),
  };
}

function render({ rooms, testFiles }: Results, { count }: RunFacts): string[] {
  const sum = (key: "files" | "lines" | "linesRun" | "branches" | "branchesTaken") =>
    rooms.reduce((all, room) => all + room[key], 0);
  const all: RoomCoverage = {
    room: "all",
    files: sum("files"),
    notLoaded: rooms.flatMap(({ notLoaded }) => notLoaded),
    lines: sum("lines"),
    linesRun: sum("linesRun"),
    branches: sum("branches"),
    branchesTaken: sum("branchesTaken"),
  };
  return [
    `What V8 counts while ${
      Math.min(count, testFiles)
    } of the ${testFiles} files of tests of the portable backend, of crashes, of damaged files and of`,
    "other programs run: all their tests, each with the sample of states that `deno task test` takes, and in one process:",
    "what tests of the command line and of permissions run in processes of their own is not counted, nor what only other",
    "systems run.",
    "",
    "| room of `src/portable` | files | lines | run | | branches | taken | |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...[...rooms, all].map((each) => {
      const { room, files, lines, linesRun, branches, branchesTaken } = each;
      return `| ${room === "" ? "its own files" : room} | ${files} | ${lines} | ${linesRun} | ${
        share(linesRun, lines)
      } | ${branches} | ${branchesTaken} | ${share(branchesTaken, branches)} |`;
    }),
    "",
    `Of ${all.notLoaded.length} files nothing was loaded, and they are not in the sums of lines and branches${
      all.notLoaded.length === 0 ? "" : `: ${listed(all.notLoaded)}`
    }.`,
  ];
}

/** So many are named. */
const MOST_NAMED = 20;

function listed(paths: readonly string[]): string {
  const named = paths.slice(0, MOST_NAMED).map((path) => `\`${path.slice(PROGRAM.length + 1)}\``);
  const more = paths.length - named.length;
  return named.join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function share(part: number, whole: number): string {
  return whole === 0 ? "-" : `${(100 * part / whole).toFixed(1)} %`;
}
