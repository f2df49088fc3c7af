import { lstat } from "node:fs/promises";
import { join } from "node:path";

/** The files of a folder that `docker build` would be sent, by the rules of its .dockerignore. */
export class BuildContext {
  private constructor(
    readonly root: string,
    /** Paths of files, sorted. */
    readonly files: readonly string[],
  ) {}

  static async read(root: string): Promise<BuildContext> {
    const rules = parseRules(await Bun.file(join(root, ".dockerignore")).text());
    const files: string[] = [];
    for await (const file of new Bun.Glob("**/*").scan({ cwd: root, dot: true })) {
      if (!isIgnored(file, rules)) files.push(file);
    }
    return new BuildContext(root, files.toSorted());
  }

  /** What `COPY source destination` copies: pairs of a context path and a path below `destination`. */
  async copy(source: string, destination: string): Promise<[from: string, to: string][]> {
    const path = source.replace(/\/$/, "");
    const isFolder = (await lstat(join(this.root, path))).isDirectory();
    if (!isFolder) {
      if (!this.files.includes(path)) throw new Error(`${source} is not in the build context`);
      const name = path.split("/").at(-1)!;
      return [[path, /(^|\/)\.?$/.test(destination) ? join(destination, name) : destination]];
    }
    const below = this.files.filter((file) => file.startsWith(`${path}/`));
    if (below.length === 0) throw new Error(`${source} is not in the build context`);
    return below.map((file) => [file, join(destination, file.slice(path.length + 1))]);
  }
}

interface Rule {
  glob: Bun.Glob;
  isException: boolean;
}

/** docs.docker.com/build/concepts/context, "dockerignore files": Go's filepath.Match with `**`. */
function parseRules(text: string): Rule[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const isException = line.startsWith("!");
      const pattern = line.replace(/^!/, "").replace(/^\//, "").replace(/\/$/, "");
      return { glob: new Bun.Glob(pattern), isException };
    });
}

/** The last rule that matches the file or a folder above it decides. */
function isIgnored(file: string, rules: readonly Rule[]): boolean {
  const parts = file.split("/");
  const paths = parts.map((_, index) => parts.slice(0, index + 1).join("/"));
  const last = rules.findLast(({ glob }) => paths.some((path) => glob.match(path)));
  return last !== undefined && !last.isException;
}
