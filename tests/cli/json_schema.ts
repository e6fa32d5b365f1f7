/** A validator for the keywords of JSON Schema (draft 2020-12) that the schema of the command line uses. */
import schemaOfProgram from "../../src/cli/json_schema.json" with { type: "json" };

type Schema = boolean | { readonly [keyword: string]: unknown };

/** The schema of what the command line prints. */
export const SCHEMA: Schema = schemaOfProgram;

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  null: (value) => value === null,
  boolean: (value) => typeof value === "boolean",
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  integer: (value) => Number.isInteger(value),
  array: (value) => Array.isArray(value),
  object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
};
/** Keywords that allow everything. */
const SILENT = ["$schema", "$id", "$defs", "title", "description"];

/** Where and why a value is none that the schema allows; nothing if it is one. */
export function violations(value: unknown, schema: Schema = SCHEMA, at = "$"): string[] {
  if (typeof schema === "boolean") return schema ? [] : [`${at}: nothing is allowed`];
  return Object.entries(schema).flatMap(([keyword, argument]) => {
    if (SILENT.includes(keyword)) return [];
    const check = KEYWORDS[keyword];
    if (check === undefined) throw new Error(`the validator does not know ${keyword}`);
    return check(value, argument, at, schema);
  });
}

/** The names of the alternatives, at the top of the schema, that allow the value. */
export function alternatives(value: unknown): string[] {
  const { anyOf } = SCHEMA as { anyOf: { $ref: string }[] };
  return anyOf.filter((each) => violations(value, each).length === 0).map(({ $ref }) =>
    $ref.split("/").at(-1)!
  );
}

type Check = (
  value: unknown,
  argument: unknown,
  at: string,
  schema: { readonly [keyword: string]: unknown },
) => string[];

const unless = (holds: boolean, text: string) => holds ? [] : [text];
const isObject = (value: unknown): value is Record<string, unknown> => TYPES["object"]!(value);

const KEYWORDS: Readonly<Record<string, Check>> = {
  $ref: (value, argument, at) => violations(value, definition(String(argument)), at),
  type: (value, argument, at) => {
    const types = [argument].flat() as string[];
    return unless(types.some((type) => TYPES[type]!(value)), `${at}: is no ${types.join(" or ")}`);
  },
  const: (value, argument, at) => unless(value === argument, `${at}: is not ${argument}`),
  enum: (value, argument, at) =>
    unless((argument as unknown[]).includes(value), `${at}: ${value} is not one of ${argument}`),
  minimum: (value, argument, at) =>
    unless(typeof value !== "number" || value >= Number(argument), `${at}: ${value} is too small`),
  pattern: (value, argument, at) =>
    unless(
      typeof value !== "string" || new RegExp(String(argument), "u").test(value),
      `${at}: ${JSON.stringify(value)} does not match ${argument}`,
    ),
  items: (value, argument, at) =>
    Array.isArray(value)
      ? value.flatMap((each, index) => violations(each, argument as Schema, `${at}[${index}]`))
      : [],
  required: (value, argument, at) =>
    isObject(value)
      ? (argument as string[]).filter((name) => !Object.hasOwn(value, name)).map((name) =>
        `${at}: ${name} is missing`
      )
      : [],
  properties: (value, argument, at) =>
    isObject(value)
      ? Object.entries(argument as Record<string, Schema>).flatMap(([name, each]) =>
        Object.hasOwn(value, name) ? violations(value[name], each, `${at}.${name}`) : []
      )
      : [],
  additionalProperties: (value, argument, at, { properties = {} }) =>
    isObject(value)
      ? Object.keys(value).filter((name) => !Object.hasOwn(properties as object, name)).flatMap((
        name,
      ) => violations(value[name], argument as Schema, `${at}.${name}`))
      : [],
  anyOf: (value, argument, at) => {
    const each = (argument as Schema[]).map((schema) => violations(value, schema, at));
    // What is wrong by the alternative that fits best says most.
    return each.reduce((best, other) => other.length < best.length ? other : best);
  },
};

function definition(reference: string): Schema {
  const [root, folder, name = ""] = reference.split("/");
  const { $defs } = SCHEMA as { $defs: Record<string, Schema> };
  const found = root === "#" && folder === "$defs" ? $defs[name] : undefined;
  if (found === undefined) throw new Error(`the schema has no ${reference}`);
  return found;
}
