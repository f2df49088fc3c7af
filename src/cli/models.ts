/** `bun run models`: lists, downloads and measures local models. */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Config, hasLocalModel, parseConfig } from "../config.ts";
import { type CatalogueEntry, CATALOGUE_FILE, readCatalogue } from "../inference/catalogue.ts";
import { listModels } from "../inference/installed-models.ts";
import { downloadedModels, modelFolders } from "../open-models.ts";
import { loadProfile } from "../profiles/load-profile.ts";
import { findSamples, judgeSamples, readViews } from "./check-model.ts";
import { renderModels } from "./list-models.ts";
import { openClassifier } from "./open-classifier.ts";
import { pullModel } from "./pull-model.ts";
import { renderJudgements } from "./render-judgements.ts";
import { showProgress } from "./show-progress.ts";

const USAGE = `Usage: bun run models                          what is installed, and what can be had
       bun run models pull NAME                 download a model of the catalogue
       bun run models check NAME --data DIR     classify DIR/<category>/<picture>, print how well;
                                                NAME,NAME... checks an ensemble

Options:
  --catalogue FILE  another catalogue than models/catalogue.json
  --views LIST      for check, instead of those in the manifest: mirror, middle, zoom, or none

Models are looked for in MODELS_DIR and in the folder models of DATA_DIR, where downloads go.
The server uses those that LOCAL_MODEL names (docs/local-models.md).
`;

const SHIPPED_CATALOGUE = join(import.meta.dir, "../../models", CATALOGUE_FILE);

async function list(config: Config, catalogue: readonly CatalogueEntry[]): Promise<number> {
  const installed = await listModels(modelFolders(config));
  const inUse = hasLocalModel(config) ? config.LOCAL_MODEL : [];
  process.stdout.write(renderModels(installed, inUse, catalogue));
  return installed.every(({ problem }) => problem === null) ? 0 : 1;
}

async function pull(
  config: Config,
  catalogue: readonly CatalogueEntry[],
  name: string,
): Promise<number> {
  const entry = catalogue.find(({ manifest }) => manifest.name === name);
  if (!entry) {
    const names = catalogue.map(({ manifest }) => manifest.name).join(", ");
    process.stderr.write(`The catalogue has no model ${name}; it has ${names}.\n`);
    return 1;
  }
  const folder = resolve(downloadedModels(config));
  const result = await pullModel(
    entry,
    folder,
    showProgress({
      name,
      size: entry.size,
      write: (text) => process.stderr.write(text),
      isTerminal: process.stderr.isTTY,
    }),
  );
  if (!result.ok) {
    process.stderr.write(`${result.detail}\n`);
    return 1;
  }
  const what = result.isNew ? "is installed" : "was installed already";
  process.stdout.write(`${name} ${what} in ${folder}; LOCAL_MODEL=${name} uses it.\n`);
  return 0;
}

async function check(
  config: Config,
  { names, data, views }: { names: string[]; data: string; views: string | undefined },
): Promise<number> {
  const profile = await loadProfile(config.PROFILE_FILE);
  const samples = await findSamples(data, profile);
  const model = await openClassifier({
    folders: modelFolders(config),
    names,
    ...(views !== undefined && { views: readViews(views) }),
    workers: config.LOCAL_WORKERS,
    maxQueued: config.LOCAL_WORKERS,
    taskTimeoutMs: config.LOCAL_TIMEOUT_MS,
    maxPixels: config.MAX_IMAGE_MEGAPIXELS * 1_000_000,
  });
  try {
    const parallel = config.LOCAL_WORKERS;
    const judgements = await judgeSamples(model, samples, { profile, parallel });
    process.stdout.write(renderJudgements(judgements, model.card.unsure));
  } finally {
    await model.close();
  }
  return 0;
}

/** Exit status: 0 done, 1 failed, 2 not understood. */
async function run(): Promise<number> {
  const { values, positionals } = parseArgs({
    args: Bun.argv.slice(2),
    allowPositionals: true,
    options: {
      data: { type: "string" },
      catalogue: { type: "string" },
      views: { type: "string" },
    },
  });
  const [command = "list", name] = positionals;
  const config = parseConfig(Bun.env);
  const readEntries = () => readCatalogue(values.catalogue ?? SHIPPED_CATALOGUE);
  if (command === "list" && name === undefined) return list(config, await readEntries());
  if (command === "pull" && name !== undefined) return pull(config, await readEntries(), name);
  if (command === "check" && name !== undefined && values.data !== undefined)
    return check(config, { names: name.split(","), data: values.data, views: values.views });
  process.stderr.write(USAGE);
  return 2;
}

const EXPECTED = ["ConfigError", "ProfileError", "ModelLoadError", "CheckError"];
try {
  process.exit(await run());
} catch (error) {
  if (!(error instanceof Error)) throw error;
  const isArgument = "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
  if (!isArgument && !EXPECTED.includes(error.name)) throw error;
  process.stderr.write(isArgument ? `${error.message}\n\n${USAGE}` : `${error.message}\n`);
  process.exit(isArgument ? 2 : 1);
}
