import { sql } from "drizzle-orm";
import { MySqlDialect } from "drizzle-orm/mysql-core";
import { createBinder } from "../bind-values.ts";
import { encodeUnsigned } from "../codecs.ts";
import type { ReadDialect } from "../reads.ts";
import type { ConnectionPool } from "./connection-pool.ts";
import * as tables from "./schema.ts";

/** Reads by server-side prepared statements on the pool's connections. */
export function createMysqlReadDialect(connections: ConnectionPool): ReadDialect {
  const syntax = new MySqlDialect();
  return {
    tables,
    prepare(statement) {
      const { sql: text, params } = syntax.sqlToQuery(statement);
      const bind = createBinder(params);
      return async (values) => {
        const bound = { sql: text, values: bind(values), rowsAsArray: true };
        return (await connections.runOnce("execute", bound)) as unknown[][];
      };
    },
    encodeFingerprint: encodeUnsigned,
    // A bare string would be compared with an integer column as a floating-point number.
    fingerprintSlot: (placeholder) => sql`cast(${placeholder} as unsigned)`,
  };
}
