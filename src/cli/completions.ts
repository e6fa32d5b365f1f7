/**
 * The `completions` command: what makes a shell complete the commands, options and values of this program.
 *
 * @module
 */
import { command } from "./command.ts";
import {
  type Command,
  declarations,
  type Declared,
  type OperandKind,
  operandsOf,
  type Option,
  typed,
} from "./declaration.ts";
import { parsedWord } from "./arguments.ts";
import { printLine } from "./streams.ts";

const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

const completions: Command = command({
  about:
    "Prints a script that makes a shell complete commands, options and values after `virtdisk`, be that an " +
    "installed program, an alias or a function. SHELL is bash, zsh, fish or powershell.",
  operands: "SHELL",
  words: { SHELL: SHELLS },
  options: {},
  permissions: [],
  notes:
    "For bash: `source <(virtdisk completions bash)` in ~/.bashrc. For zsh: `source <(virtdisk completions " +
    "zsh)` in ~/.zshrc after compinit, and `setopt complete_aliases` if virtdisk is an alias. For fish: " +
    "`virtdisk completions fish | source` in config.fish. For PowerShell: `virtdisk completions powershell | " +
    "Out-String | Invoke-Expression` in $PROFILE.",
  examples: [
    ["completions bash > virtdisk.bash", "A script to be sourced by bash"],
    ["completions powershell > virtdisk.ps1", "A script to be run by the profile of PowerShell"],
  ],
  async run({ operands: [given], commands }) {
    const shell = parsedWord("SHELL", given, SHELLS);
    printLine(SCRIPTS[shell](await declarations(commands)));
    return 0;
  },
});

export default completions;

const SCRIPTS: Readonly<Record<typeof SHELLS[number], (all: readonly Declared[]) => string>> = {
  bash,
  zsh,
  fish,
  powershell,
};

/** An option as a shell is told of it. */
interface ShellOption {
  /** As it is typed. */
  readonly option: string;
  readonly brief: string;
  /** What its value is called; absent if it takes none. */
  readonly value?: string;
  readonly words: readonly string[];
  readonly isPath: boolean;
}

function optionsOf([, , { options }]: Declared): ShellOption[] {
  const given = Object.entries<Option>(options).map(([name, option]) => ({
    option: typed(name),
    brief: brief(option.about),
    ...(option.value === undefined ? { words: [], isPath: false } : {
      value: option.value,
      words: option.words ?? [],
      isPath: option.isPath === true,
    }),
  }));
  return [...given, { option: "--help", brief: "print the help", words: [], isPath: false }];
}

/** Beside the commands. */
const HELP = "print the help of a command";
const GENERAL = [["--help", "print the list of commands"], ["--version", "print the version"]];

/** The first clause: shells have little room. */
function brief(about: string): string {
  return about.split(/[;:(]/)[0]!.trim();
}

/** Text in single quotes for bash and zsh. */
function single(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function bash(all: readonly Declared[]): string {
  const names = all.map(([name]) => name);
  const values = all.flatMap((each) =>
    optionsOf(each).filter(({ value }) => value !== undefined)
      .map(({ option, words, isPath }) =>
        `    '${each[0]} ${option}') ` +
        (isPath ? "return ;;" : `values=${single(words.join(" "))} ;;`)
      )
  );
  const operands = all.map((each) => {
    const kinds = operandsOf(each[2]);
    const words = kinds.flatMap(({ words = [] }) => words);
    return `    ${each[0]}) options=${
      single(optionsOf(each).map(({ option }) => option).join(" "))
    }` +
      ` words=${single(words.join(" "))} files=${kinds.some(({ isFile }) => isFile) ? 1 : 0} ;;`;
  });
  return `# Completions of virtdisk for bash.
_virtdisk() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]}
  local values options words files
  COMPREPLY=()
  # An equals sign is a word of its own.
  if [[ $word == = ]]; then
    word=
  elif [[ $before == = ]]; then
    before=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  if ((COMP_CWORD == 1)); then
    compopt +o default 2>/dev/null
    COMPREPLY=($(compgen -W '${
    [...names, "help", ...GENERAL.map(([option]) => option)].join(" ")
  }' -- "$word"))
    return
  fi
  case "$command $before" in
${values.join("\n")}
  esac
  if [[ -n \${values+set} ]]; then
    compopt +o default 2>/dev/null
    COMPREPLY=($(compgen -W "$values" -- "$word"))
    return
  fi
  case $command in
${operands.join("\n")}
    help) options= words='${names.join(" ")}' files=0 ;;
    *) return ;;
  esac
  ((files)) || compopt +o default 2>/dev/null
  if [[ $word == -* ]]; then words=$options; fi
  # Without a word that fits, files are completed.
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _virtdisk virtdisk`;
}

function zsh(all: readonly Declared[]): string {
  const commands = [...all.map(([name, summary]) => [name, summary]), ["help", HELP], ...GENERAL]
    .map(([name = "", summary = ""]) => `    ${single(`${name}:${summary}`)}`);
  const text = (each: string) => each.replaceAll(/[[\]:\\]/g, "\\$&");
  const option = ({ option, brief, value, words, isPath }: ShellOption) => {
    if (value === undefined) return single(`${option}[${text(brief)}]`);
    const action = isPath ? "_files" : words.length > 0 ? `(${words.join(" ")})` : " ";
    return single(`${option}=[${text(brief)}]:${value}:${action}`);
  };
  const operand = ({ name, words, isFile, isOptional, isRepeated }: OperandKind, index: number) => {
    const action = words !== undefined ? `(${words.join(" ")})` : isFile ? "_files" : " ";
    const place = isRepeated ? "*" : `${index + 1}`;
    return single(`${place}:${isOptional ? ":" : ""}${name}:${action}`);
  };
  const cases = all.map((each) =>
    `    ${each[0]})
      _arguments -S ${
      [...optionsOf(each).map(option), ...operandsOf(each[2]).map(operand)].join(" \\\n        ")
    } ;;`
  );
  return `#compdef virtdisk
# Completions of virtdisk for zsh.
_virtdisk() {
  local -a commands
  commands=(
${commands.join("\n")}
  )
  if ((CURRENT == 2)); then
    _describe -t commands command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
${cases.join("\n")}
    help) ((CURRENT == 2)) && _describe -t commands command commands ;;
  esac
}
if [[ $funcstack[1] == _virtdisk ]]; then
  _virtdisk "$@"
else
  compdef _virtdisk virtdisk
fi`;
}

function fish(all: readonly Declared[]): string {
  const text = (each: string) => `'${each.replaceAll(/['\\]/g, "\\$&")}'`;
  const of = (name: string) => `complete -c virtdisk -n '__virtdisk_command ${name}'`;
  const first = (name: string, summary: string) =>
    `complete -c virtdisk -n __virtdisk_no_command -a ${name} -d ${text(summary)}`;
  const lines = all.flatMap((each) => {
    const [name, summary, declaration] = each;
    const options = optionsOf(each).map(({ option, brief, value, words, isPath }) => {
      const needs = value === undefined ? "" : isPath ? " -r -F" : ` -x -a '${words.join(" ")}'`;
      return `${of(name)} -l ${option.slice(2)}${needs} -d ${text(brief)}`;
    });
    const kinds = operandsOf(declaration);
    const words = kinds.flatMap(({ words = [] }) => words);
    return [
      first(name, summary),
      ...options,
      ...(kinds.some(({ isFile }) => isFile) ? [`${of(name)} -F`] : []),
      ...(words.length > 0 ? [`${of(name)} -a '${words.join(" ")}'`] : []),
    ];
  });
  return `# Completions of virtdisk for fish.
function __virtdisk_command
    set -l words (commandline -opc)
    test "$words[2]" = $argv[1]
end
function __virtdisk_no_command
    set -l words (commandline -opc)
    test (count $words) -eq 1
end
complete -c virtdisk -f
${lines.join("\n")}
${first("help", HELP)}
${of("help")} -a '${all.map(([name]) => name).join(" ")}'
${
    GENERAL.map(([option, summary]) =>
      `complete -c virtdisk -n __virtdisk_no_command -l ${option!.slice(2)} -d ${text(summary!)}`
    ).join("\n")
  }`;
}

function powershell(all: readonly Declared[]): string {
  const text = (each: string) => `'${each.replaceAll(/['\u2018-\u201b]/g, "$&$&")}'`;
  const table = (rows: readonly (readonly [string, string])[], indent: string) =>
    rows.map(([name, value]) => `${indent}${text(name)} = ${value}`).join("\n");
  const commands = [...all.map(([name, summary]) => [name, summary] as const), ["help", HELP]];
  const options = all.map((each): [string, string] => [
    each[0],
    `[ordered]@{\n${
      table(optionsOf(each).map(({ option, brief }) => [option, text(brief)]), "      ")
    }\n    }`,
  ]);
  const list = (words: readonly string[]) => `@(${words.map(text).join(", ")})`;
  const values = all.flatMap((each) =>
    optionsOf(each).filter(({ words }) => words.length > 0)
      .map(({ option, words }): [string, string] => [`${each[0]} ${option}`, list(words)])
  );
  const operands = [
    ...all.flatMap(([name, , declaration]): [string, string][] => {
      const words = operandsOf(declaration).flatMap(({ words = [] }) => words);
      return words.length === 0 ? [] : [[name, list(words)]];
    }),
    ["help", list(all.map(([name]) => name))] as const,
  ];
  return `# Completions of virtdisk for PowerShell. Where it offers nothing, PowerShell completes files.
Register-ArgumentCompleter -Native -CommandName virtdisk -ScriptBlock {
  param($word, $ast, $position)
  $commands = [ordered]@{
${table(commands.map(([name, summary]) => [name!, text(summary!)]), "    ")}
${table(GENERAL.map(([option, summary]) => [option!, text(summary!)]), "    ")}
  }
  $options = @{
${table(options, "    ")}
  }
  $values = @{
${table(values, "    ")}
  }
  $operands = @{
${table(operands, "    ")}
  }
  $typed = @($ast.CommandElements | Where-Object { $_.Extent.EndOffset -lt $position } | ForEach-Object { "$_" })
  if ($word -ne '' -and $typed.Count -gt 0 -and $typed[-1] -eq $word) { $typed = @($typed | Select-Object -SkipLast 1) }
  $found = [ordered]@{}
  if ($typed.Count -le 1) {
    $found = $commands
  } elseif ($values.ContainsKey("$($typed[1]) $($typed[-1])")) {
    foreach ($each in $values["$($typed[1]) $($typed[-1])"]) { $found[$each] = $each }
  } elseif ($word -match '^(--[^=]+)=' -and $values.ContainsKey("$($typed[1]) $($Matches[1])")) {
    foreach ($each in $values["$($typed[1]) $($Matches[1])"]) { $found["$($Matches[1])=$each"] = $each }
  } elseif ($word.StartsWith('-') -and $options.ContainsKey($typed[1])) {
    $found = $options[$typed[1]]
  } elseif ($operands.ContainsKey($typed[1])) {
    foreach ($each in $operands[$typed[1]]) { $found[$each] = $each }
  }
  $found.GetEnumerator() | Where-Object { $_.Key.StartsWith($word, 'OrdinalIgnoreCase') } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_.Key, $_.Key, 'ParameterValue', $_.Value)
  }
}`;
}
