import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { BuildContext } from "./build-context.ts";
import { assignments, type Instruction, parseDockerfile, type Stage } from "./dockerfile.ts";

/** What a container of the image would see of the project, as far as it can be made without Docker. */
export interface BuiltImage extends AsyncDisposable {
  /** The folder that stands for `/`. */
  root: string;
  workdir: string;
  env: Record<string, string>;
  /** Program and arguments. */
  entrypoint: string[];
  stage: Stage;
}

/**
 * Makes the file tree of the Dockerfile's last stage: the same files copied by the same rules, the
 * commands of earlier stages run for real. The last stage's own commands are for a container's root
 * user and are left out, as is what the base image brings.
 */
export async function buildImage(project: string): Promise<BuiltImage> {
  const { stages } = parseDockerfile(await Bun.file(join(project, "Dockerfile")).text());
  const context = await BuildContext.read(project);
  const folder = await mkdtemp(join(tmpdir(), "onceover-image-"));
  const roots = new Map<string, string>();
  const env: Record<string, string> = {};
  let workdir = "/";
  for (const [index, stage] of stages.entries()) {
    const root = join(folder, String(index));
    await mkdir(root);
    roots.set(stage.name ?? String(index), root);
    workdir = "/";
    for (const instruction of stage.instructions) {
      if (instruction.name === "WORKDIR") workdir = join("/", instruction.text);
      else if (instruction.name === "ENV") Object.assign(env, assignments(instruction.words));
      else if (instruction.name === "COPY") await copy(instruction, root, workdir, context, roots);
      else if (instruction.name === "RUN" && index < stages.length - 1)
        await run(instruction.text, join(root, workdir));
    }
  }
  const stage = stages.at(-1)!;
  const entrypoint = stage.instructions.find(({ name }) => name === "ENTRYPOINT")!;
  return {
    root: join(folder, String(stages.length - 1)),
    workdir,
    env,
    entrypoint: JSON.parse(entrypoint.text) as string[],
    stage,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

async function copy(
  { words }: Instruction,
  root: string,
  workdir: string,
  context: BuildContext,
  roots: ReadonlyMap<string, string>,
): Promise<void> {
  const destination = words.at(-1)!;
  const [first = "", ...others] = words.slice(0, -1);
  const place = (path: string) => join(root, path.startsWith("/") ? path : join(workdir, path));
  const stage = /^--from=(.+)$/.exec(first)?.[1];
  if (stage !== undefined) {
    for (const source of others)
      await cp(join(roots.get(stage)!, source), place(destination), {
        recursive: true,
        verbatimSymlinks: true,
      });
    return;
  }
  for (const source of [first, ...others]) {
    for (const [from, to] of await context.copy(source, destination)) {
      await mkdir(dirname(place(to)), { recursive: true });
      await cp(join(context.root, from), place(to));
    }
  }
}

/** Docker runs commands by `/bin/sh -c`. */
async function run(command: string, cwd: string): Promise<void> {
  await mkdir(cwd, { recursive: true });
  const path = `${dirname(process.execPath)}:${process.env["PATH"]}`;
  const child = Bun.spawn(["/bin/sh", "-c", command], {
    cwd,
    env: { ...process.env, PATH: path },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const complaints = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`RUN ${command}: ${complaints}`);
}
