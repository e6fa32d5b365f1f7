/**
 * `info --tree`: the chains of the images in a folder, what is broken in them, and what there is to do.
 *
 * @module
 */
import {
  type ChainError,
  type ChainFile,
  findVirtualDiskChains,
  VirtualDiskError,
} from "../../portable.ts";
import { codeName } from "../text/error_code.ts";
import { counted, roundBytes } from "../text/digits.ts";
import { dirname, extname, wayFrom } from "../text/paths.ts";
import { virtdiskCommand } from "../text/shell.ts";
import type { Commands } from "./declaration.ts";
import { FAILED_STATUS, failureFacts, FINDING_STATUS } from "./failure.ts";
import { withFlags } from "./in_options.ts";
import { shownName } from "./map_legend.ts";
import { typedCommand } from "./program.ts";
import { absolute, type Report } from "./report.ts";
import { printLine } from "./streams.ts";
import { filled, style, terminalWidth } from "./terminal.ts";

/** How a chain can be made one image. */
interface MergePlan {
  /** Each goes into the next one: the newest first, and at last the one that all goes into. */
  readonly order: readonly string[];
  /** What to type: to do that; or, with nothing changed, to make a new image. */
  readonly commands: readonly string[];
}

/** A file with what there is to do about it. */
interface Told {
  readonly file: ChainFile;
  readonly plan?: MergePlan;
  /** What to type about a broken link. */
  readonly command?: string;
}

/**
 * Draws the chains of folders, and of the images beside files.
 *
 * @returns The exit status: 0; 1 if a link is broken or a file cannot be read; 2 if it is one that was named.
 */
export async function printTree(
  operands: readonly string[],
  report: Report,
  commands: Commands,
): Promise<number> {
  const [first] = operands as [string];
  return await report.interruptible(() => first, async (signal) => {
    try {
      const all = await found(operands, signal, report);
      const files = wanted(all, operands);
      const byPath = new Map(all.map((file) => [file.path, file]));
      const told = await Promise.all(files.map((file) => withAdvice(file, byPath, commands)));
      if (report.json) { for (const each of told) tellProgram(report, each); }
      else if (!report.quiet) printLine(drawing(told, operands));
      const named = operands.map(absolute);
      if (files.some(({ path, error }) => error !== undefined && named.includes(path))) {
        return FAILED_STATUS;
      }
      return files.some(isAtFault) ? FINDING_STATUS : 0;
    } catch (error) {
      signal.throwIfAborted();
      return report.fail(first, error);
    }
  });
}

async function found(
  operands: readonly string[],
  signal: AbortSignal,
  report: Report,
): Promise<ChainFile[]> {
  using bar = report.progressBar();
  return await findVirtualDiskChains(operands, { signal, onProgress: bar.show });
}

/** All that is in the folders; of files that are named, the chains that they are in, and what belongs to these. */
function wanted(all: readonly ChainFile[], operands: readonly string[]): ChainFile[] {
  const named = new Set(operands.map(absolute));
  const trees = treesOf(all).filter((tree) =>
    tree.some(({ path }) => named.has(path) || named.has(dirname(path)))
  ).flat();
  const taken = new Set(trees.map(({ path }) => path));
  const about = all.filter(({ path, about }) =>
    about !== undefined && taken.has(about) && !taken.has(path)
  );
  return [...trees, ...about];
}

/** The files, each root with all below it. */
function treesOf(files: readonly ChainFile[]): ChainFile[][] {
  const trees: ChainFile[][] = [];
  for (const file of files) {
    if (file.depth === 0) trees.push([]);
    trees.at(-1)!.push(file);
  }
  return trees;
}

function isAtFault({ error, parent, image }: ChainFile): boolean {
  return error !== undefined || image?.damage !== undefined ||
    parent !== undefined && parent.state !== "whole";
}

async function withAdvice(
  file: ChainFile,
  byPath: ReadonlyMap<string, ChainFile>,
  commands: Commands,
): Promise<Told> {
  const plan = planFor(file, byPath);
  const command = commandFor(file);
  return {
    file,
    ...(plan === undefined ? {} : {
      plan: {
        order: plan.order,
        commands: await Promise.all(plan.commands.map((each) => typedCommand(each, commands))),
      },
    }),
    ...(command === undefined ? {} : { command: await typedCommand(command, commands) }),
  };
}

/** A path as it is typed in this folder. */
function typedPath(path: string): string {
  const way = wayFrom(absolute("."), path);
  return way === undefined || way.startsWith("..") ? path : way;
}

/** Merging begins at a leaf, and ends where another child would lose its parent. */
function planFor(
  leaf: ChainFile,
  byPath: ReadonlyMap<string, ChainFile>,
): MergePlan | undefined {
  if (leaf.children.length > 0 || !leaf.isWhole || leaf.parent?.path === undefined) {
    return undefined;
  }
  const order = [leaf.path];
  for (let file: ChainFile | undefined = leaf; file?.parent?.path !== undefined;) {
    const parent: ChainFile | undefined = byPath.get(file.parent.path);
    if (parent === undefined || parent.children.length > 1) break;
    order.push(parent.path);
    file = parent;
  }
  const depth = order.length - 1;
  const path = typedPath(leaf.path);
  const stem = leaf.path.slice(0, -extname(leaf.path).length);
  const extension = leaf.image?.format === "vhd" ? ".vhd" : ".vhdx";
  let flat = `${stem}-merged${extension}`;
  for (let number = 2; byPath.has(flat); number++) flat = `${stem}-merged-${number}${extension}`;
  const inPlace = virtdiskCommand(
    "merge",
    [...(depth > 1 ? ["--depth", String(depth)] : []), "--remove-child"],
    [path],
  );
  const anew = virtdiskCommand("convert", [], [path, typedPath(flat)]);
  return { order, commands: depth === 0 ? [anew] : [inPlace, anew] };
}

function commandFor({ path, parent, error, image }: ChainFile): string | undefined {
  if (error instanceof VirtualDiskError || image?.damage !== undefined) {
    return virtdiskCommand("diagnose", [], [typedPath(path)]);
  }
  if (parent === undefined || parent.state !== "broken") return undefined;
  return parent.foundAt === undefined
    ? virtdiskCommand("diagnose", [], [typedPath(path)])
    : virtdiskCommand("rebase", [], [typedPath(path), typedPath(parent.foundAt)]);
}

/** One object for each file; what cannot be read is a failure, as everywhere. */
function tellProgram(report: Report, { file, plan, command }: Told): void {
  const { path, kind, image, error, parent, children, depth, isWhole, about } = file;
  if (error !== undefined) {
    report.failWith(path, failureFacts("info", error, absolute));
    return;
  }
  const { damage, ...facts } = image ?? {};
  report.tell(path, {
    kind,
    ...facts,
    ...(damage === undefined ? {} : { damage: problemOf(damage) }),
    ...(parent === undefined ? {} : {
      parent: {
        state: parent.state,
        path: parent.path,
        foundAt: parent.foundAt,
        ...(parent.error === undefined ? {} : problemOf(parent.error)),
      },
    }),
    ...(kind === "image" ? { children, depth, isWhole } : {}),
    about,
    merge: plan,
    command,
  });
}

function problemOf(error: ChainError) {
  const { code, symbol, message, causes } = failureFacts("info", error, absolute);
  return { code, symbol, message, causes };
}

const MERGING =
  "To merge, while nothing uses the disk (a machine is to use the file that took all, afterwards):";

/** The heading, the trees, and what there is to do. */
function drawing(told: readonly Told[], operands: readonly string[]): string {
  const files = told.map(({ file }) => file);
  const byPath = new Map(told.map((each) => [each.file.path, each]));
  const named = operands.map(absolute);
  const lines = [style("bold", headingOf(files, operands))];
  for (const tree of treesOf(files)) {
    lines.push("", ...branch(tree[0]!, byPath, named));
  }
  const plans = told.filter(({ plan }) => plan !== undefined);
  if (plans.length > 0) lines.push("", style("bold", filled(MERGING, terminalWidth())));
  for (const { plan } of plans) lines.push("", ...planText(plan!));
  return lines.join("\n");
}

function headingOf(files: readonly ChainFile[], operands: readonly string[]): string {
  const images = files.filter(({ kind }) => kind === "image");
  const chains = images.filter(({ depth, children }) => depth === 0 && children.length > 0);
  const broken = images.filter(({ parent }) => parent?.state === "broken");
  const unknown = images.filter(({ parent }) => parent?.state === "unknown");
  const unread = files.filter(({ error }) => error !== undefined);
  const counts = [
    `${counted(images.length, "image")} in ${counted(chains.length, "chain")}`,
    ...(broken.length === 0 ? [] : [`${counted(broken.length, "link")} broken`]),
    ...(unknown.length === 0 ? [] : [`${counted(unknown.length, "link")} not known`]),
    ...(unread.length === 0 ? [] : [`${counted(unread.length, "file")} not readable`]),
  ];
  const place = operands.length === 1 ? shownPath(operands[0]!) : counted(operands.length, "place");
  return filled(`${place}: ${counts.join(", ")}`, terminalWidth());
}

/** What stands in front of the first line of a file, and of all below it. */
interface Stems {
  readonly first: string;
  readonly rest: string;
}

/** A file and all below it. A chain may be deep: it is walked without recursion. */
function branch(
  root: ChainFile,
  byPath: ReadonlyMap<string, Told>,
  named: readonly string[],
): string[] {
  const placed: { told: Told; isNamed: boolean; stems: Stems }[] = [];
  const stack: { file: ChainFile; stems: Stems }[] = [
    { file: root, stems: { first: "", rest: "" } },
  ];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { file, stems: { first, rest } } = next;
    const told = byPath.get(file.path)!;
    const goesOn = file.children.length > 0 ? "|   " : "    ";
    const isNamed = named.includes(file.path);
    placed.push({ told, isNamed, stems: { first, rest: `${rest}${goesOn}` } });
    const children = file.children.map((path) => byPath.get(path)?.file)
      .filter((child) => child !== undefined);
    for (const [index, child] of [...children.entries()].reverse()) {
      const isLast = index === children.length - 1;
      stack.push({
        file: child,
        stems: {
          first: `${rest}${isLast ? "\`-- " : "|-- "}`,
          rest: `${rest}${isLast ? "    " : "|   "}`,
        },
      });
    }
  }
  const widths = placed.map(({ told: { file }, stems: { first } }) =>
    first.length + nameOf(file).length
  );
  const column = Math.min(WIDEST_NAME, Math.max(...widths));
  return placed.flatMap(({ told, isNamed, stems }) => fileLines(told, isNamed, stems, column));
}

/** What is told of files begins in one column, unless a name is longer. */
const WIDEST_NAME = 50;

function nameOf({ depth, path }: ChainFile): string {
  return depth === 0 ? shownPath(typedPath(path)) : shownName(path);
}

/** Deeper ones would leave no place for the text. */
const NARROWEST = 24;

function fileLines(
  { file, command }: Told,
  isNamed: boolean,
  { first, rest }: Stems,
  column: number,
): string[] {
  const width = terminalWidth();
  const name = nameOf(file);
  const gap = " ".repeat(Math.max(0, column - first.length - name.length) + 2);
  const marks = [
    ...(isNamed ? ["(this file)"] : []),
    ...(file.children.length === 0 && file.isWhole && file.depth > 0 ? ["<- leaf"] : []),
  ];
  const facts = [factsOf(file), ...marks].filter((each) => each !== "").join("  ");
  const room = Math.max(NARROWEST, width - rest.length);
  const under = (text: string, paint: (line: string) => string) =>
    filled(text, room).split("\n").map((line) => style("dim", rest) + paint(line));
  const head = style("dim", first) + style("bold", name);
  const isShort = first.length + name.length + gap.length + facts.length <= width;
  return [
    isShort ? `${head}${gap}${facts}`.trimEnd() : head,
    ...(isShort || facts === "" ? [] : under(facts, (line) => line)),
    ...problems(file).flatMap((text) => under(text, (line) => style("red", line))),
    // A command that is broken into lines cannot be copied.
    ...(command === undefined ? [] : [`${style("dim", rest)}${command}`]),
  ];
}

/** `VHDX dynamic, 127 GiB, file 12 GiB` or, of a child, `adds 1.2 GiB, file 1.3 GiB, 2026-11-29 10:00` */
function factsOf({ kind, path, image, about, parent }: ChainFile): string {
  if (kind === "vhdSet") {
    return "a VHD Set: a shared disk, whose states are in the .avhdx files beside it; only Windows opens it";
  }
  if (kind === "changeTracking") {
    const subject = shownName(path.slice(0, -extname(path).length));
    return `change tracking of ${subject}, for backups by Hyper-V` +
      (about === undefined ? ", which is not here" : "");
  }
  if (image === undefined) return "";
  const { format, subtype, virtualSize, fileSize, allocatedSize, storedBytes, modified } = image;
  const size = allocatedSize === undefined ? fileSize : Math.min(allocatedSize, fileSize);
  return [
    parent === undefined
      ? `${format.toUpperCase()} ${subtype}, ${roundBytes(virtualSize)}`
      : `${format.toUpperCase()} child, ${roundBytes(virtualSize)}`,
    ...(storedBytes === undefined
      ? []
      : [`${parent === undefined ? "holds" : "adds"} ${roundBytes(storedBytes)}`]),
    `file ${roundBytes(size)}`,
    ...(modified === undefined ? [] : [modified.slice(0, 16).replace("T", " ")]),
  ].join(", ");
}

/** What is wrong with a file and its link, in sentences. */
function problems({ error, image, parent }: ChainFile): string[] {
  const found: string[] = [];
  if (error !== undefined) found.push(`NOT READABLE: ${reasonOf(error)}`);
  if (image?.damage !== undefined) found.push(`DAMAGED: ${reasonOf(image.damage)}`);
  if (parent?.state === "broken" && parent.error !== undefined) {
    const place = parent.foundAt === undefined
      ? ""
      : `. It is here: ${shownPath(typedPath(parent.foundAt))}`;
    found.push(`BROKEN LINK: ${reasonOf(parent.error)}${place}`);
  }
  if (parent?.state === "unknown" && parent.error !== undefined) {
    found.push(`NOT KNOWN: ${reasonOf(parent.error)}; add --allow-read for its folder`);
  }
  return found;
}

function reasonOf(error: ChainError): string {
  if (!(error instanceof VirtualDiskError)) return error.message;
  return `${withFlags(error.reason)} (${codeName(error.symbol, error.code)})`;
}

function planText({ order, commands }: MergePlan): string[] {
  const width = terminalWidth();
  const names = order.map(shownName);
  const steps = names.slice(1).map((name, i) => `${names[i]} into ${name}`);
  const [inPlace, anew] = commands.length > 1 ? commands : [undefined, commands[0]];
  const lines = order.length === 1
    ? `${names[0]} cannot be merged in place: its parent has other children.`
    : `${names[0]}, in this order: ${steps.join(", then ")}:`;
  const indented = (text: string) => filled(text, width - 2).split("\n").map((line) => `  ${line}`);
  return [
    ...indented(lines),
    ...(inPlace === undefined ? [] : [`    ${inPlace}`]),
    ...indented(`${inPlace === undefined ? "As" : "Or as"} a new image, with nothing changed:`),
    `    ${anew}`,
  ];
}

/** A path as a terminal may show it. */
function shownPath(path: string): string {
  return path.split(/(?<=[/\\])/).map((part) => {
    const separator = /[/\\]$/.exec(part)?.[0] ?? "";
    const name = part.slice(0, part.length - separator.length);
    return (name === "" ? "" : shownName(name)) + separator;
  }).join("");
}
