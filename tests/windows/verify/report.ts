/** The report of what a Windows answered, for people: Markdown. */
import type { Answers, Question } from "./question.ts";

/** A question, and what came of it. */
export interface Asked {
  readonly question: Question;
  readonly answers: Answers;
  /** Why there is no answer. */
  readonly failure?: string;
}

/** Of which machine it is. */
export interface Circumstances {
  readonly isDouble: boolean;
  readonly elevated: boolean;
}

/** Writes the report; `recorded` is what the double answers. */
export function report(
  asked: readonly Asked[],
  recorded: Readonly<Record<string, Answers>>,
  { isDouble, elevated }: Circumstances,
): string {
  const name = isDouble ? "the double of VirtDisk.dll" : `Windows ${Deno.osRelease()}`;
  const sections = asked.map((each) => section(each, recorded[each.question.title], elevated));
  const differences = sections.reduce((sum, each) => sum + each.differences, 0);
  return [
    `# What ${name} answers`,
    "",
    `- system: ${name}, ${Deno.build.arch}, Deno ${Deno.version.deno}`,
    `- elevated: ${elevated ? "yes" : "no"}`,
    `- answers that differ from the double's: ${differences}`,
    "",
    "Each difference is a fact to learn: about the double, or about this Windows.",
    "",
    ...sections.map(({ text }) => text),
  ].join("\n");
}

function section(
  { question, answers, failure }: Asked,
  double: Answers | undefined,
  elevated: boolean,
): { text: string; differences: number } {
  const { title, evidence, needsElevation } = question;
  let differences = 0;
  const rows = Object.keys({ ...double, ...answers }).map((field) => {
    const [here, there] = [shown(answers[field]), double && shown(double[field])];
    const isDifferent = there !== undefined && here !== there;
    if (isDifferent) differences++;
    return `| ${field} | ${here} | ${there ?? "not asked"} | ${isDifferent ? "**differs**" : ""} |`;
  });
  const text = [
    `## ${title}`,
    "",
    `Known so far: ${evidence}.` +
    (needsElevation && !elevated ? " Without elevation the answer says little." : ""),
    ...(failure === undefined ? [] : ["", `No answer: ${failure}`]),
    ...(rows.length === 0 ? [] : [
      "",
      "| | here | the double | |",
      "| --- | --- | --- | --- |",
      ...rows,
    ]),
    "",
  ].join("\n");
  return { text, differences };
}

/** A cell of a table. */
function shown(answer: unknown): string {
  if (answer === undefined) return "-";
  const text = typeof answer === "string" ? answer : JSON.stringify(answer);
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
