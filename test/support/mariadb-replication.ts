import mysql, { type RowDataPacket } from "mysql2/promise";
import { startMariadb, type TestMariadb } from "./mariadb.ts";

/** A MariaDB and a second one that copies it, by MariaDB's own asynchronous replication. */
export interface ReplicatedMariadb {
  primary: TestMariadb;
  replica: TestMariadb;
  /** The replica's address of a database that the primary has. */
  replicaUrl(primaryUrl: string): string;
  /** Resolves when the replica has applied what the primary has committed by now. */
  catchUp(): Promise<void>;
  /** Ends and resumes copying; the replica goes on answering. */
  pauseCopying(): Promise<void>;
  resumeCopying(): Promise<void>;
  stop(): Promise<void>;
}

const CATCH_UP_WITHIN_S = 20;

export async function startReplicatedMariadb(): Promise<ReplicatedMariadb> {
  const [primary, replica] = await Promise.all([
    startMariadb(["--server-id=1", "--log-bin=binlog", "--binlog-format=row"]),
    startMariadb(["--server-id=2"]),
  ]);
  await ask(
    replica,
    `change master to master_host='127.0.0.1', master_port=${URL.parse(primary.url())!.port},
     master_user='root', master_password='', master_use_gtid=slave_pos, master_connect_retry=1`,
  );
  await ask(replica, "start slave");
  return {
    primary,
    replica,
    replicaUrl(primaryUrl) {
      return replica.url(URL.parse(primaryUrl)!.pathname.slice(1));
    },
    async catchUp() {
      const [position] = await ask(primary, "select @@gtid_binlog_pos as position");
      const [waited] = await ask(
        replica,
        `select master_gtid_wait('${position!["position"]}', ${CATCH_UP_WITHIN_S}) as outcome`,
      );
      if (waited!["outcome"] !== 0) throw new Error("the replica does not catch up");
    },
    async pauseCopying() {
      await ask(replica, "stop slave");
    },
    async resumeCopying() {
      await ask(replica, "start slave");
    },
    async stop() {
      await Promise.all([primary.stop(), replica.stop()]);
    },
  };
}

async function ask(server: TestMariadb, statement: string): Promise<RowDataPacket[]> {
  const connection = await mysql.createConnection({ uri: server.url(), connectTimeout: 5_000 });
  try {
    const [rows] = await connection.query<RowDataPacket[]>(statement);
    return rows;
  } finally {
    connection.destroy();
  }
}
