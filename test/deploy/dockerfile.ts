/** One instruction, line continuations joined. */
export interface Instruction {
  name: string;
  /** What follows the name. */
  text: string;
  words: string[];
}

export interface Stage {
  image: string;
  /** Of `FROM … AS name`. */
  name: string | null;
  instructions: Instruction[];
}

export interface Dockerfile {
  /** `ARG NAME=value` before the first stage. */
  args: Record<string, string>;
  stages: Stage[];
}

/** Reads as much of the format as this project's file uses (docs.docker.com/reference/dockerfile). */
export function parseDockerfile(source: string): Dockerfile {
  const args: Record<string, string> = {};
  const stages: Stage[] = [];
  for (const { name, text, words } of instructionsOf(source)) {
    if (name === "FROM") {
      const [image = "", as, stageName = null] = words;
      stages.push({ image, name: as?.toUpperCase() === "AS" ? stageName : null, instructions: [] });
      continue;
    }
    const stage = stages.at(-1);
    if (stage) stage.instructions.push({ name, text, words });
    else if (name === "ARG") Object.assign(args, assignments(words));
    else throw new Error(`${name} before the first FROM`);
  }
  return { args, stages };
}

/** `NAME=value` words of ENV and ARG. */
export function assignments(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]),
  );
}

/** The text of an instruction that a stage has exactly once. */
export function only(stage: Stage, name: string): string {
  const found = stage.instructions.filter((instruction) => instruction.name === name);
  if (found.length !== 1) throw new Error(`${found.length} times ${name}, not once`);
  return found[0]!.text;
}

function instructionsOf(source: string): Instruction[] {
  const lines = source.split("\n").filter((line) => !/^\s*#/.test(line));
  return lines
    .join("\n")
    .replaceAll(/\\\n/g, " ")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [, name = "", text = ""] = /^\s*(\S+)\s*(.*?)\s*$/s.exec(line) ?? [];
      return { name: name.toUpperCase(), text, words: text.split(/\s+/) };
    });
}
