import { expect, test } from "bun:test";
import { describeShortage } from "./connection-budget.ts";

const server = "db:3306";

test("a machine that leaves a fifth of the connections to others says nothing", () => {
  expect(describeShortage({ server, limit: 68, processes: 4, poolSize: 10 })).toBeNull();
  expect(describeShortage({ server, limit: 151, processes: 1, poolSize: 10 })).toBeNull();
});

test("one that does not is told the numbers and what to change", () => {
  const shortage = describeShortage({ server, limit: 67, processes: 4, poolSize: 10 });
  expect(shortage).toContain("db:3306 allows 67 connections, and this machine may want 54");
  for (const name of ["DATABASE_POOL_SIZE", "WORKERS", "max_connections"])
    expect(shortage).toContain(name);
});
