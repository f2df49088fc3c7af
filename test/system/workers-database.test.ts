import { afterAll, beforeAll, expect, test } from "bun:test";
import { createAlbum, sha256, upload } from "../support/album.ts";
import { startFakeProvider, type FakeProvider } from "../support/fake-provider.ts";
import { openMariadb, type TestMariadb } from "../support/mariadb.ts";
import { createDataDir, startServer } from "../support/server-process.ts";
import { readMysqlRows, readSqliteRows } from "../support/stored-rows.ts";
import { waitFor } from "../support/wait-for.ts";

const UPLOADS = 400;
const AT_ONCE = 40;
const newPhoto = await createAlbum();

let provider: FakeProvider;
let mariadb: TestMariadb;

beforeAll(async () => {
  provider = startFakeProvider({ keepRequests: 0 });
  mariadb = await openMariadb();
}, 60_000);
afterAll(async () => {
  await provider.stop();
  await mariadb.stop();
}, 60_000);

for (const kind of ["SQLite", "MariaDB"] as const) {
  test(`${kind}: what four workers classify at once is all in one database`, async () => {
    await using dir = await createDataDir();
    const url = kind === "MariaDB" ? await mariadb.createDatabase() : null;
    await using server = await startServer(dir.path, {
      LLM_BASE_URL: provider.baseUrl,
      LOCAL_MODEL: "none",
      WORKERS: "4",
      ...(url && { DATABASE_URL: url }),
    });
    await waitFor("all workers listen", () =>
      server.log.some(({ msg }) => msg === "all workers listen"),
    );

    const photos = Array.from({ length: UPLOADS }, newPhoto);
    for (let sent = 0; sent < UPLOADS; sent += AT_ONCE) {
      const batch = photos.slice(sent, sent + AT_ONCE);
      const answers = await Promise.all(
        // Each with a claim of its own, and on a connection of its own, so that all workers write.
        batch.map((photo) =>
          upload(server.url, photo, {
            "X-Image-Hash": sha256(Buffer.from(`original of ${sha256(photo)}`)),
            Connection: "close",
          }),
        ),
      );
      expect(answers.map(({ status }) => status)).toEqual(batch.map(() => 200));
    }
    expect(await server.stop()).toBe(0);

    const { digests, claims, requests } = await (url
      ? readMysqlRows(url)
      : readSqliteRows(dir.path));
    expect(photos.filter((photo) => !digests.has(sha256(photo)))).toEqual([]);
    expect(claims).toHaveLength(UPLOADS);
    expect(requests).toBe(UPLOADS);
    expect(server.log.filter(({ level }) => level === "error" || level === "warn")).toEqual([]);
  });
}
