import { afterAll, beforeAll } from "bun:test";
import { openMysqlStore } from "../../src/storage/mysql/open-mysql-store.ts";
import { startReplicatedMariadb, type ReplicatedMariadb } from "../support/mariadb-replication.ts";
import { MYSQL_OPTIONS } from "./migrate-in-processes.ts";
import { describeResultStore } from "./result-store.ts";

let servers: ReplicatedMariadb;
beforeAll(async () => {
  servers = await startReplicatedMariadb();
}, 60_000);
afterAll(() => servers.stop(), 60_000);

/** Every write waits for the replica, so that what the suite reads from there is what it wrote. */
describeResultStore(
  "MariaDB with a replica",
  async () => {
    const url = await servers.primary.createDatabase();
    const replicaUrls = [servers.replicaUrl(url)];
    const store = openMysqlStore({ ...MYSQL_OPTIONS, url, replicaUrls });

    async function replicated<Value>(write: Promise<Value>): Promise<Value> {
      const value = await write;
      await servers.catchUp();
      await store.replicas.check();
      if (store.replicas.countUsable() !== 1) throw new Error("the replica is not used");
      return value;
    }
    return {
      store: {
        ...store,
        migrate: () => replicated(store.migrate()),
        saveResults: (results) => replicated(store.saveResults(results)),
        recordClaim: (claim, policy) => replicated(store.recordClaim(claim, policy)),
        addHits: (hits) => replicated(store.addHits(hits)),
        purge: (query) => replicated(store.purge(query)),
      },
      close: () => store.close(),
    };
  },
  false,
);
