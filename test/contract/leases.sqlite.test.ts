import { join } from "node:path";
import { openSqliteStore } from "../../src/storage/sqlite/open-sqlite-store.ts";
import { openTemporaryFolder } from "../support/temporary-folder.ts";
import { describeDatabaseLeases } from "./leases.ts";

describeDatabaseLeases("SQLite", async () => {
  const folder = openTemporaryFolder();
  const file = join(folder.path, "onceover.db");
  const stores = [openSqliteStore({ file }), openSqliteStore({ file })] as const;
  await stores[0].migrate();
  return {
    ledgers: [stores[0].leases, stores[1].leases],
    async close() {
      for (const store of stores) await store.close();
      folder[Symbol.dispose]();
    },
  };
});
