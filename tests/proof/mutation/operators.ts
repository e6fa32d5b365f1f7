/**
 * What is changed in a program to see whether a test notices: a plugin of `deno lint`, whose parser says where each
 * operator, constant and statement is. What it reports are mutants, as JSON.
 */

/** A kind of change. */
export const OPERATORS = [
  "comparison",
  "boundary",
  "arithmetic",
  "boolean",
  "condition",
  "constant",
  "statement",
  "flush",
  "early return",
] as const;

/** One of them. */
export type Operator = typeof OPERATORS[number];

/** What takes the place of a piece of text; offsets count UTF-16 units. */
export interface Replacement {
  readonly operator: Operator;
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** The expression or statement that becomes another one by it: where it begins and ends. */
  readonly from: number;
  readonly to: number;
}

/** The name of the rule, in what `deno lint` prints. */
export const RULE = "mutation/mutants";

export const NEGATED: Readonly<Record<string, string>> = {
  "===": "!==",
  "!==": "===",
  "<": ">=",
  ">=": "<",
  ">": "<=",
  "<=": ">",
};
export const BOUNDARY: Readonly<Record<string, string>> = {
  "<": "<=",
  "<=": "<",
  ">": ">=",
  ">=": ">",
};
export const ARITHMETIC: Readonly<Record<string, string>> = {
  "+": "-",
  "-": "+",
  "*": "/",
  "/": "*",
  "%": "*",
  "**": "*",
  "<<": ">>",
  ">>": "<<",
  ">>>": "<<",
  "&": "|",
  "|": "&",
  "^": "&",
};
const BOOLEAN: Readonly<Record<string, string>> = { "&&": "||", "||": "&&", "??": "&&" };
const ASSIGNED: Readonly<Record<string, readonly [Operator, string]>> = {
  "+=": ["arithmetic", "-="],
  "-=": ["arithmetic", "+="],
  "*=": ["arithmetic", "/="],
  "/=": ["arithmetic", "*="],
  "|=": ["arithmetic", "&="],
  "&=": ["arithmetic", "|="],
  "<<=": ["arithmetic", ">>="],
  "&&=": ["boolean", "="],
  "||=": ["boolean", "="],
  "??=": ["boolean", "="],
};
/** By the type that a function is declared to return: what it may return at once. */
const EARLY: Readonly<Record<string, readonly string[]>> = {
  TSVoidKeyword: ["return;"],
  TSBooleanKeyword: ["return true;", "return false;"],
  TSNumberKeyword: ["return 0;"],
};

type Node = Deno.lint.Node;

/** Whether an addition joins texts. */
function isText(node: Node): boolean {
  switch (node.type) {
    case "Literal":
      return typeof node.value === "string";
    case "TemplateLiteral":
      return true;
    case "BinaryExpression":
      return node.operator === "+" && (isText(node.left) || isText(node.right));
    default:
      return false;
  }
}

const plugin: Deno.lint.Plugin = {
  name: "mutation",
  rules: {
    mutants: {
      create(context) {
        const report = (
          node: Node,
          operator: Operator,
          [start, end]: Deno.lint.Range,
          text: string,
          [from, to]: Deno.lint.Range = [start, end],
        ) => {
          const replacement: Replacement = { operator, start, end, text, from, to };
          context.report({ node, message: JSON.stringify(replacement) });
        };
        /** Replaces what stands between two operands. */
        const between = (
          node: Node & { readonly operator: string },
          [left, right]: readonly [Node, Node],
          operator: Operator,
          text: string,
        ) => {
          const from = left.range[1];
          const gap = context.sourceCode.text.slice(from, right.range[0]);
          const start = from + gap.lastIndexOf(node.operator);
          report(node, operator, [start, start + node.operator.length], text, node.range);
        };
        const condition = (test: Node | null, ...values: string[]) => {
          if (test === null || test.type === "Literal") return;
          for (const value of values) report(test, "condition", test.range, value);
        };
        const early = (node: { readonly returnType?: unknown; readonly body: unknown }) => {
          const body = node.body as Node | null;
          const type = (node.returnType as { typeAnnotation?: Node } | undefined)?.typeAnnotation;
          if (body?.type !== "BlockStatement" || type === undefined) return;
          const at = body.range[0] + 1;
          for (const text of EARLY[type.type] ?? []) {
            report(body, "early return", [at, at], ` ${text}`);
          }
        };
        return {
          BinaryExpression(node) {
            const { operator } = node;
            const sides = [node.left, node.right] as [Node, Node];
            if (operator in NEGATED) between(node, sides, "comparison", NEGATED[operator]!);
            if (operator in BOUNDARY) between(node, sides, "boundary", BOUNDARY[operator]!);
            if (operator in ARITHMETIC && !isText(node)) {
              between(node, sides, "arithmetic", ARITHMETIC[operator]!);
            }
          },
          LogicalExpression(node) {
            between(node, [node.left, node.right], "boolean", BOOLEAN[node.operator]!);
          },
          UnaryExpression(node) {
            const [start] = node.range;
            if (node.operator === "!") report(node, "boolean", [start, start + 1], "", node.range);
            if (node.operator === "-") {
              report(node, "arithmetic", [start, start + 1], "", node.range);
            }
          },
          UpdateExpression(node) {
            const [start, end] = node.range;
            const range: Deno.lint.Range = node.prefix ? [start, start + 2] : [end - 2, end];
            const other = node.operator === "++" ? "--" : "++";
            report(node, "arithmetic", range, other, node.range);
          },
          AssignmentExpression(node) {
            const other = ASSIGNED[node.operator];
            if (other && !isText(node.right)) {
              between(node, [node.left as Node, node.right], other[0], other[1]);
            }
          },
          Literal(node) {
            const { parent, value } = node as typeof node & { parent: Node };
            if (parent.type === "TSLiteralType" || parent.type === "TSEnumMember") return;
            if (parent.type === "Property" && parent.key.range[0] === node.range[0]) return;
            const text = context.sourceCode.getText(node);
            if (typeof value === "boolean") report(node, "boolean", node.range, String(!value));
            if (typeof value === "number") report(node, "constant", node.range, `(${text} + 1)`);
            if (typeof value === "bigint") report(node, "constant", node.range, `(${text} + 1n)`);
          },
          IfStatement: (node) => condition(node.test, "true", "false"),
          ConditionalExpression: (node) => condition(node.test, "true", "false"),
          WhileStatement: (node) => condition(node.test, "false"),
          ForStatement: (node) => condition(node.test, "false"),
          ThrowStatement: (node) => report(node, "statement", node.range, ";"),
          ExpressionStatement(node) {
            const { expression } = node;
            const inner = expression.type === "AwaitExpression" ? expression.argument : expression;
            const isCall = inner.type === "CallExpression";
            if (!isCall && inner.type !== "AssignmentExpression") return;
            if (isCall && (inner.callee as Node).type === "Super") return;
            const isFlush = isCall &&
              /\bflush$/.test(context.sourceCode.getText(inner.callee as Node));
            report(node, isFlush ? "flush" : "statement", node.range, ";");
          },
          FunctionDeclaration: early,
          FunctionExpression: early,
          ArrowFunctionExpression: early,
        };
      },
    },
  },
};

export default plugin;
