import { address, addresses, integer, secret, text } from "./setting-kinds.ts";

/** Where results are kept and shared. */
export const STORE_SETTINGS = {
  DATABASE_URL: address(
    ["mysql"],
    {
      about:
        "MySQL 8 or MariaDB 10.11: `mysql://user:password@host:3306/name`. Empty: SQLite in `DATA_DIR`.",
    },
    true,
  ),
  DATABASE_REPLICA_URLS: addresses(
    ["mysql"],
    {
      about:
        "Read replicas of that database; those that answer and are up to date take lookups off it (docs/deploy.md).",
    },
    true,
  ),
  DATABASE_POOL_SIZE: integer(1, 500, {
    fallback: "10",
    about: "MySQL connections of one process, to the database and to each replica.",
  }),
  DATABASE_ACQUIRE_TIMEOUT_MS: integer(10, 60_000, {
    fallback: "1000",
    about: "Longest wait for a free MySQL connection, in milliseconds.",
  }),
  DATABASE_STATEMENT_TIMEOUT_MS: integer(10, 600_000, {
    fallback: "2000",
    about: "Longest time for one MySQL statement, in milliseconds.",
  }),
  REDIS_URL: address(
    ["redis", "rediss"],
    {
      about:
        "Redis that instances share: `redis://user:password@host:6379/0`, `rediss://` with TLS. Empty: none.",
    },
    true,
  ),
  UPSTASH_REDIS_REST_URL: address(["https", "http"], {
    about: "In its place: a Redis of Upstash, by its REST interface.",
  }),
  UPSTASH_REDIS_REST_TOKEN: secret({ about: "Token of that interface." }),
  REDIS_TIMEOUT_MS: integer(10, 10_000, {
    fallback: "250",
    about: "Longest wait for Redis before a request goes on without it, in milliseconds.",
  }),
  REDIS_KEY_PREFIX: text(
    {
      fallback: "onceover",
      about:
        "What all keys in Redis begin with. Services with databases of their own need different ones.",
    },
    "up to 64 letters, digits and . _ : -",
    /^[\w.:-]{1,64}$/,
  ),
};
