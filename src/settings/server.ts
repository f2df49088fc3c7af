import { integer, integerOr, list, oneOf, secret, text } from "./setting-kinds.ts";

/** The process, its port, who may call and administer it, and what it writes down. */
export const SERVER_SETTINGS = {
  PORT: integer(0, 65_535, {
    fallback: "8000",
    about: "TCP port to listen on; 0 picks a free one.",
  }),
  HOST: text({ fallback: "0.0.0.0", about: "Address to listen on." }, "a host name or address"),
  WORKERS: integerOr("auto", 1, 256, {
    fallback: "1",
    about:
      "Server processes on that port, restarted when they crash and replaced one by one at SIGHUP (docs/processes.md). `auto`: one per core.",
  }),
  DATA_DIR: text({
    fallback: "./data",
    about:
      "Folder for the SQLite file, the journal of results not yet in the database and pictures that wait for a better answer.",
  }),
  REQUEST_DEADLINE_MS: integer(1_000, 240_000, {
    fallback: "25000",
    about: "Longest time for a classification, in milliseconds; apps give up after 30 s.",
  }),
  SHUTDOWN_DEADLINE_MS: integer(100, 600_000, {
    fallback: "25000",
    about: "Longest time for an orderly stop, in milliseconds.",
  }),
  ADMIN_TOKEN: secret(
    {
      about:
        "Token for the administration endpoints. Empty: one is made at the first start and printed once; its hash stays in `DATA_DIR`.",
    },
    "at least 16 letters, digits or other visible characters",
    /^[!-~]{16,}$/,
  ),
  CORS_ORIGINS: list(
    { about: "Web origins that may call the API, separated by commas, or `*`. Empty: none." },
    "* or origins like https://album.example, separated by commas",
    /^(\*|https?:\/\/[^/\s,]+)$/,
  ),
  CLIENT_IP_HEADER: text(
    {
      about:
        "Header in which your own proxy says who asks: `X-Forwarded-For` (its last entry counts), `Fly-Client-IP` … Empty: the connection's address.",
    },
    "a header's name",
    /^[A-Za-z0-9-]+$/,
  ),
  LOG_LEVEL: oneOf(["debug", "info", "warn", "error", "silent"], {
    fallback: "info",
    about: "Least serious log line that is written.",
  }),
  LOG_RETENTION_DAYS: integer(1, 3_650, {
    fallback: "30",
    about: "Days that the request log is kept.",
  }),
};
