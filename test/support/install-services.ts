/** Programs that tests run for real, and the Debian packages they come in. */
const PACKAGE_OF = {
  mariadbd: "mariadb-server",
  "mariadb-install-db": "mariadb-server",
  chromium: "chromium",
  haproxy: "haproxy",
  "redis-server": "redis-server",
  wrk: "wrk",
} as const;

export type Program = keyof typeof PACKAGE_OF;

/** Daemons live where an ordinary user's PATH does not look. */
const SEARCH_PATH = `${Bun.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;

export function findProgram(program: Program): string | null {
  return Bun.which(program, { PATH: SEARCH_PATH });
}

/** The program's path; throws, naming its package, where it is not installed. */
export function requireProgram(program: Program): string {
  const path = findProgram(program);
  if (path === null)
    throw new Error(`${program} is not installed (Debian: ${PACKAGE_OF[program]})`);
  return path;
}

/** Installs, by apt, the programs that are missing. Throws, naming them, where that is not possible. */
export async function installServices(programs: readonly Program[]): Promise<void> {
  const missing = programs.filter((program) => findProgram(program) === null);
  if (missing.length === 0) return;
  const packages = missing.map((program) => PACKAGE_OF[program]);
  process.stderr.write(`installing ${packages.join(", ")}\n`);
  const prefix = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
  const environment = { ...Bun.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const command of [
    ["apt-get", "update", "-q"],
    ["apt-get", "install", "-y", "-q", "--no-install-recommends", ...packages],
  ]) {
    const run = Bun.spawnSync([...prefix, ...command], {
      env: environment,
      stdout: "pipe",
      stderr: "pipe",
    });
    if (run.success) continue;
    throw new Error(
      `\`${command.join(" ")}\` failed; install ${packages.join(" and ")} by hand\n${run.stderr.toString()}`,
    );
  }
}
