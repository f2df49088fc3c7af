import { join } from "node:path";
import { readMigrationFiles } from "drizzle-orm/migrator";

/** How many migrations a database of this release has had. */
export function countMigrations(dialect: "sqlite" | "mysql"): number {
  const migrationsFolder = join(import.meta.dir, "../../drizzle", dialect);
  return readMigrationFiles({ migrationsFolder }).length;
}
