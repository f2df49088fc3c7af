import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { only, parseDockerfile } from "./dockerfile.ts";
import { readSettings } from "./read-settings.ts";

interface Service {
  image: string;
  build?: string;
  environment?: Record<string, string>;
  env_file?: { path: string; required: boolean }[];
  volumes?: string[];
  ports?: string[];
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
  stop_grace_period?: string;
}

interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
}

const ROOT = join(import.meta.dir, "../..");
const text = await Bun.file(join(ROOT, "compose.yaml")).text();
const SECRETS = { MYSQL_PASSWORD: "5ecret", ADMIN_TOKEN: "5ecret-of-all-instances" };
const { services, volumes } = interpolate(Bun.YAML.parse(text), SECRETS) as Compose;
const instances = Object.entries(services).filter(([, { build }]) => build !== undefined);
const dockerfile = parseDockerfile(await Bun.file(join(ROOT, "Dockerfile")).text());
const image = dockerfile.stages.at(-1)!;

/** `${NAME}`, `${NAME:-default}` and `${NAME:?message}` in texts (Compose file reference, "Interpolation"). */
function interpolate(value: unknown, variables: Record<string, string>): unknown {
  if (typeof value === "string")
    return value.replaceAll(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name, kind, words) => {
      const found = variables[name] ?? (kind === "-" ? words : undefined);
      if (found === undefined) throw new Error(`${name} has no value`);
      return found;
    });
  if (Array.isArray(value)) return value.map((item) => interpolate(item, variables));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, interpolate(item, variables)]),
  );
}

const seconds = (duration: string) => Number(/^(\d+)s$/.exec(duration)![1]);

describe.each(instances)("%s", (name, service) => {
  const config = readSettings(service.environment!, { mayHoldSecrets: true });

  test("is built here, speaks to the database and Redis beside it, and writes to its own volume", () => {
    expect(existsSync(join(ROOT, service.build!, "Dockerfile"))).toBe(true);
    const { DATABASE_URL, REDIS_URL, DATA_DIR, PORT } = config;
    for (const url of [DATABASE_URL, REDIS_URL])
      expect(Object.keys(services)).toContain(new URL(url!).hostname);
    expect(DATABASE_URL).toContain(":5ecret@");
    expect(config.ADMIN_TOKEN).toBe(SECRETS.ADMIN_TOKEN);
    expect(service.volumes).toEqual([`${name}:${DATA_DIR}`]);
    expect(DATA_DIR).toBe(only(image, "VOLUME"));
    expect(PORT).toBe(Number(only(image, "EXPOSE")));
  });

  test("has longer to stop than it takes, and starts when what it needs answers", () => {
    const { SHUTDOWN_DEADLINE_MS } = config;
    expect(seconds(service.stop_grace_period!) * 1_000).toBeGreaterThan(SHUTDOWN_DEADLINE_MS);
    expect(Object.keys(service.depends_on!).toSorted()).toEqual(["mysql", "redis"]);
  });

  test("believes the load balancer's header", () => {
    expect(config.CLIENT_IP_HEADER).toBe("X-Forwarded-For");
  });
});

test("there are two instances, and the load balancer knows both by name and port", async () => {
  expect(instances).toHaveLength(2);
  const [source, target] = services["haproxy"]!.volumes![0]!.split(":");
  expect(target).toBe("/usr/local/etc/haproxy/haproxy.cfg");
  const haproxy = await Bun.file(join(ROOT, source!)).text();
  const servers = [...haproxy.matchAll(/^ {2}server \S+ (\S+)$/gm)].map(([, address]) => address);
  expect(servers).toEqual(instances.map(([name]) => `${name}:${only(image, "EXPOSE")}`));
  const published = services["haproxy"]!.ports![0]!.split(":")[1]!;
  expect(haproxy).toContain(`bind :${published}`);
  expect(Object.keys(services["haproxy"]!.depends_on!)).toEqual(instances.map(([name]) => name));
});

test("whoever is waited for says when it is healthy", () => {
  for (const { depends_on = {} } of Object.values(services)) {
    for (const [name, { condition }] of Object.entries(depends_on)) {
      expect(condition).toBe("service_healthy");
      const isBuilt = services[name]!.build !== undefined;
      if (!isBuilt) expect(services[name]!.healthcheck?.test[0]).toBe("CMD");
    }
  }
  expect(only(image, "HEALTHCHECK")).toContain("/livez");
});

test("every volume is declared, every mounted file exists, every image has a version", () => {
  for (const { image: name, volumes: mounts = [], build } of Object.values(services)) {
    if (build === undefined) expect(name).toMatch(/:\d/);
    for (const mount of mounts) {
      const [source = ""] = mount.split(":");
      if (source.startsWith("./")) expect(existsSync(join(ROOT, source))).toBe(true);
      else expect(Object.keys(volumes)).toContain(source);
    }
  }
});

test.each(Object.keys(SECRETS))("without %s nothing starts", (name) => {
  const others = Object.fromEntries(Object.entries(SECRETS).filter(([each]) => each !== name));
  expect(() => interpolate(Bun.YAML.parse(text), others)).toThrow(name);
});
