import { openMany } from "../clients/many-connections.ts";
import { fillSqlite } from "../data/album.ts";
import { residentMemoryMib } from "../measure/process-usage.ts";
import { quantile } from "../measure/statistics.ts";
import type { Part } from "../part.ts";
import { startFleet } from "../servers/start-fleet.ts";

const CONNECTIONS = 10_000;
const ACTIVE = 1_000;
const WORKERS = 2;

/** Many open connections of which some are active: whether all are answered, and what they take. */
export const measureConnections: Part = async ({ effort, folder }) => {
  const [hash] = await fillSqlite(folder, 1);
  const body = JSON.stringify({ image_hash: hash });
  const request = [
    "POST /api/v1/classify/check-cache HTTP/1.1",
    "Host: bench",
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
    "",
    body,
  ].join("\r\n");

  await using fleet = await startFleet(folder, WORKERS);
  const residentMib = () =>
    fleet.workerPids.reduce((sum, pid) => sum + residentMemoryMib(pid).now, 0);
  const beforeMib = residentMib();
  using connections = await openMany(fleet.url, CONNECTIONS, request);
  const first = await connections.askAll();
  const openMib = residentMib();
  const active = await connections.ask(ACTIVE, effort.roundS * 2);
  const afterMib = residentMib();
  const last = await connections.askAll();

  const failed = first.failed + active.failed + last.failed;
  const answered = first.answered + active.answered + last.answered;
  const kib = ((openMib - beforeMib) * 1024) / CONNECTIONS;
  return [
    {
      what: `${CONNECTIONS} open connections, all asked before and after, ${ACTIVE} all the time`,
      baseline: "",
      ours: `${answered} answered, ${failed} not`,
      target: { text: "all answered", isMet: failed === 0 },
    },
    {
      what: `requests of the ${ACTIVE}`,
      baseline: "",
      ours: `p50 ${quantile(active.latenciesMs, 0.5).toFixed(0)} ms, p99 ${quantile(active.latenciesMs, 0.99).toFixed(0)} ms`,
    },
    {
      what: `resident memory of ${WORKERS} processes: none, all open, after the load`,
      baseline: "",
      ours: `${beforeMib.toFixed(0)}, ${openMib.toFixed(0)}, ${afterMib.toFixed(0)} MiB (${kib.toFixed(1)} KiB each)`,
    },
  ];
};
