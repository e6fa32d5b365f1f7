/**
 * Asks this machine's VirtDisk.dll what is not known for certain, and writes a report with each answer beside
 * that of the double: a difference is a fact to learn. Leaves nothing behind.
 *
 * Usage: `deno task verify:windows [REPORT.md]`. On Windows run it twice, elevated and not. Elsewhere it runs
 * under Wine, and the double stands for Windows: its answers must be those that are written down, which
 * `--record` does.
 */
import { dirname, fromFileUrl, join, resolve } from "@std/path";
import { attachedVirtualDisks } from "@virtdisk/virtdisk";
import { ADVAPI32_FUNCTIONS, processRights } from "../../../src/native/process_token.ts";
import { systemLibraries } from "../../../src/native/ffi/library.ts";
import { ROOT, TempDir } from "../../support.ts";
import { ADVAPI32, systemHas } from "../system.ts";
import { missingTools, WineDeno, withVirtDisk } from "../wine.ts";
import { type Answers, Machine, type Question } from "./question.ts";
import { QUESTIONS } from "./questions.ts";
import { type Asked, report } from "./report.ts";

const DOUBLE_ANSWERS = join(dirname(fromFileUrl(import.meta.url)), "double_answers.json");
const SCRIPT = "tests/windows/verify/verify.ts";

/** What the double answers, by the titles of the questions. */
type Recorded = Record<string, Answers>;

async function main(): Promise<boolean> {
  const [path = "verify-windows.md"] = Deno.args.filter((arg) => !arg.startsWith("--"));
  if (Deno.build.os !== "windows") return await underWine(resolve(path));
  const isDouble = systemHas("double")() === undefined;
  const elevated = isElevated();
  const recordedBefore: Recorded = JSON.parse(await Deno.readTextFile(DOUBLE_ANSWERS));
  const questions = QUESTIONS.filter(({ needsFiles }) => !isDouble || !needsFiles);
  // After each answer: should the next question be the end of this process, the report has those before.
  const asked = await askAll(questions, async (answered) => {
    await Deno.writeTextFile(path, report(answered, recordedBefore, { isDouble, elevated }));
  });
  if (Deno.args.includes("--record")) {
    const answers = Object.fromEntries(
      asked.map(({ question, answers }) => [question.title, answers]),
    );
    await Deno.writeTextFile(DOUBLE_ANSWERS, `${JSON.stringify(answers, null, 2)}\n`);
  }
  const recorded: Recorded = JSON.parse(await Deno.readTextFile(DOUBLE_ANSWERS));
  const text = report(asked, recorded, { isDouble, elevated });
  await Deno.writeTextFile(path, text);
  console.log(`${asked.length} questions were asked. The answers: ${path}`);
  const failed = asked.filter(({ failure }) => failure !== undefined);
  for (const { question, failure } of failed) console.error(`${question.title}: ${failure}`);
  const differing = asked.filter(({ question, answers }) =>
    isDouble && constant(question, answers) !== constant(question, recorded[question.title] ?? {})
  );
  for (const { question } of differing) {
    console.error(`${question.title}: the double answers otherwise than ${DOUBLE_ANSWERS} says`);
  }
  return failed.length + differing.length === 0;
}

async function askAll(
  questions: readonly Question[],
  save: (asked: readonly Asked[]) => Promise<void>,
): Promise<Asked[]> {
  const asked: Asked[] = [];
  using dir = new TempDir();
  const machine = new Machine(dir);
  for (const question of questions) {
    console.log(question.title);
    try {
      // As JSON has them: an answer that is absent is left out.
      const answers = JSON.parse(JSON.stringify(await question.ask(machine)));
      asked.push({ question, answers });
    } catch (error) {
      asked.push({ question, answers: {}, failure: String(error) });
    }
    await save(asked);
  }
  const left = attachedVirtualDisks().filter(({ imagePath }) =>
    imagePath.toLowerCase().startsWith(dir.path.toLowerCase())
  );
  if (left.length > 0) throw new Error(`left attached: ${left.map((each) => each.imagePath)}`);
  return asked;
}

/** What must not have changed since the double's answers were written down. */
function constant({ varying = [] }: Question, answers: Answers): string {
  return JSON.stringify(Object.entries(answers).filter(([field]) => !varying.includes(field)));
}

function isElevated(): boolean {
  const advapi32 = Deno.dlopen(ADVAPI32, ADVAPI32_FUNCTIONS);
  try {
    return processRights(advapi32.symbols, systemLibraries().kernel32).elevated;
  } finally {
    advapi32.close();
  }
}

async function underWine(path: string): Promise<boolean> {
  const missing = missingTools();
  if (missing.length > 0) {
    console.log(`Windows is not here, nor can the double stand for it: ${missing.join(", ")}`);
    return Deno.env.get("VIRTDISK_REQUIRE") !== "all";
  }
  using wine = new WineDeno();
  const flags = Deno.args.filter((arg) => arg.startsWith("--"));
  const args = [
    "run",
    "--no-prompt",
    "--allow-all",
    "--no-check",
    join(ROOT, SCRIPT),
    path,
    ...flags,
  ];
  const child = wine.command(args, withVirtDisk("double")).spawn();
  for await (const piece of child.stdout) {
    for (let done = 0; done < piece.length;) done += await Deno.stdout.write(piece.subarray(done));
  }
  return (await child.status).success;
}

if (import.meta.main) Deno.exit(await main() ? 0 : 1);
