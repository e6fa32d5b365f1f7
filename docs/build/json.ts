/** What each command prints with `--json`, from the schema. */
import schema from "../../src/cli/json_schema.json" with { type: "json" };
import { COMMANDS } from "../../src/cli/commands.ts";
import { table } from "./commands.ts";

/** The keywords of JSON Schema that ours uses. */
interface Schema {
  readonly description?: string;
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema | boolean>>;
  readonly required?: readonly string[];
}

const DEFINITIONS: Readonly<Record<string, Schema>> = schema.$defs;
/** What every object has, and the page says once. */
const COMMON = ["schema", "subcommand", "ok", "path"];
const NAMED: Readonly<Record<string, string>> = {
  bytesOrOffset: "number",
  guid: "GUID",
  time: "time",
  path: "path",
};

/** A section for each object that a command prints. */
export function jsonTables(): string {
  return schema.anyOf.map(({ $ref }) => section(nameOf($ref))).join("\n\n");
}

function section(name: string): string {
  const { description, properties = {}, required = [] } = DEFINITIONS[name]!;
  const rows = Object.entries(properties)
    .filter(([property, each]) => !COMMON.includes(property) || hasNote(each))
    .filter(([property]) => property !== "schema")
    .flatMap(([property, each]) => members(property, each, required.includes(property)));
  return [
    `### ${heading(name)}`,
    ...(description === undefined ? [] : [description]),
    ...(rows.length === 0 ? [] : [table(["property", "type", "meaning"], rows)]),
  ].join("\n\n");
}

/** The commands that print it, or for what is for all of them its name. */
function heading(name: string): string {
  const { subcommand } = DEFINITIONS[name]!.properties ?? {};
  const commands = subcommand === undefined || typeof subcommand === "boolean"
    ? []
    : [subcommand.const ?? subcommand.enum ?? []].flat();
  const known = commands.filter((each) => COMMANDS.has(String(each)));
  const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return known.length === 0 ? words : `${words}: ${known.map((each) => `\`${each}\``).join(", ")}`;
}

/** A row for a property, and one for each of its own properties. */
function members(name: string, schema: Schema | boolean, isRequired: boolean): string[][] {
  const { description = "", ...known } = typeof schema === "boolean" ? {} : schema;
  const target = known.$ref === undefined ? known : DEFINITIONS[nameOf(known.$ref)] ?? {};
  const whole = known.$ref !== undefined && nameOf(known.$ref) in NAMED ? {} : target;
  const own = whole.properties ?? itemsOf(whole)?.properties ?? {};
  const required = whole.required ?? itemsOf(whole)?.required ?? [];
  const prefix = whole.properties === undefined ? `${name}[].` : `${name}.`;
  const meaning = description || ("description" in whole ? whole.description ?? "" : "");
  return [
    [
      `\`${name}\`${isRequired ? "" : " (optional)"}`,
      typeof schema === "boolean" ? "any" : typeOf(schema),
      meaning,
    ],
    ...Object.entries(own).flatMap(([each, its]) =>
      members(`${prefix}${each}`, its, required.includes(each))
    ),
  ];
}

function itemsOf({ items }: Schema): Schema | undefined {
  return items?.$ref === undefined ? items : DEFINITIONS[nameOf(items.$ref)];
}

function typeOf(schema: Schema): string {
  const { $ref, type, anyOf, items } = schema;
  if ($ref !== undefined) {
    const name = nameOf($ref);
    return NAMED[name] ?? typeOf(DEFINITIONS[name]!);
  }
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(code).join(", ");
  if (anyOf !== undefined) return anyOf.map(typeOf).join(" or ");
  if (type === "array") {
    const what = items === undefined ? "anything" : typeOf(items);
    return items?.enum === undefined ? `array of ${what}` : `array of: ${what}`;
  }
  return [type ?? "any"].flat().map((each) => each === "integer" ? "number" : each).join(" or ");
}

function code(value: unknown): string {
  return `\`${JSON.stringify(value)}\``;
}

function nameOf(reference: string): string {
  return reference.split("/").at(-1)!;
}

function hasNote(schema: Schema | boolean): boolean {
  return typeof schema !== "boolean" && schema.description !== undefined;
}
