import { expect, test } from "bun:test";
import pino from "pino";
import { AppError } from "../errors.ts";
import { createErrorHandler } from "./errors.ts";
import { openExchange } from "./exchange.ts";

interface Line {
  level: number;
  msg: string;
  requestId: string;
}

/** What is logged of an error while the log takes everything. */
function linesOf(error: Error): Line[] {
  const lines: Line[] = [];
  const log = pino(
    { level: "debug" },
    { write: (line) => void lines.push(JSON.parse(line) as Line) },
  );
  const exchange = openExchange(new Request("http://localhost/"), undefined, 0);
  const response = createErrorHandler({ log })(error, { env: exchange });
  for (const { requestId } of lines) expect(response.headers.get("X-Request-ID")).toBe(requestId);
  return lines;
}

const { debug, warn, error } = pino.levels.values;
const cause = new Error("the socket is gone");

test("what a caller did wrong is no operator's business", () => {
  expect(linesOf(new AppError("malformed_request", "broke off", { cause }))).toMatchObject([
    { level: debug, msg: "broke off" },
  ]);
  expect(linesOf(new AppError("validation_failed", "not valid"))).toEqual([]);
});

test("what we could not do is a warning, what nobody foresaw an error", () => {
  expect(linesOf(new AppError("database_unavailable", "no answer", { cause }))).toMatchObject([
    { level: warn, msg: "no answer" },
  ]);
  expect(linesOf(cause)).toMatchObject([{ level: error, msg: "unexpected error" }]);
});
