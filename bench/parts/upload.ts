import { drawKnownPhoto, fillSqlite } from "../data/album.ts";
import { compare } from "../measure/interleave.ts";
import { atLeast, type Part, type Row } from "../part.ts";
import { describePerformance } from "../report.ts";
import { startBaseline, startCacheServer } from "../servers/start-server.ts";

const CONNECTIONS = 16;
const RATIO = 0.5;

/** An upload of a photo that is in memory, against a server that only reads the body. */
export const measureUploads: Part = async ({ effort, folder }) => {
  const photo = await drawKnownPhoto();
  await fillSqlite(folder, 0, [photo]);
  await using server = await startCacheServer(folder);
  await using baseline = await startBaseline("body-reader", "{}");
  const rows: Row[] = [];
  for (const [what, { contentType, bytes }] of Object.entries({
    "image/jpeg body": { contentType: "image/jpeg", bytes: photo },
    multipart: await encodeForm(photo),
  })) {
    const file = `${folder}/body`;
    await Bun.write(file, bytes);
    const load = {
      script: "same-body" as const,
      args: [contentType, file],
      connections: CONNECTIONS,
    };
    const {
      baseline: theirs,
      subject,
      throughputRatio,
      cpuRatio,
    } = await compare(
      { pids: [baseline.pid], load: { ...load, url: `${baseline.url}/` } },
      { pids: [server.pid], load: { ...load, url: `${server.url}/api/v1/classify` } },
      effort,
    );
    rows.push({
      what: `known upload of 400 kB, ${what}`,
      baseline: `body reader ${describePerformance(theirs)}`,
      ours: describePerformance(subject),
      ratio: throughputRatio,
      cpuRatio,
      target: atLeast(RATIO, throughputRatio.median),
    });
  }
  return rows;
};

async function encodeForm(photo: Uint8Array<ArrayBuffer>) {
  const form = new FormData();
  form.set("image", new File([photo], "photo.jpg", { type: "image/jpeg" }));
  const response = new Response(form);
  return {
    contentType: response.headers.get("content-type")!,
    bytes: await response.bytes(),
  };
}
