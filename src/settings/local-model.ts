import { integer, list, text } from "./setting-kinds.ts";

/** The local model and its threads. */
export const LOCAL_MODEL_SETTINGS = {
  LOCAL_MODEL: list(
    {
      fallback: "album-v1",
      about:
        "Local model: the name of a manifest in `MODELS_DIR` or in `models` of `DATA_DIR`; the answers of several are averaged (docs/local-models.md).",
    },
    "names, separated by commas, or none",
    /^\w[\w.-]*$/,
  ),
  MODELS_DIR: text({ fallback: "./models", about: "Folder of local models and their manifests." }),
  LOCAL_WORKERS: integer(1, 64, {
    fallback: "2",
    about:
      "Worker threads of the local model; each keeps a core busy, decoding included; two or more decode one picture ahead.",
  }),
  LOCAL_MAX_QUEUED: integer(0, 100_000, {
    fallback: "2000",
    about: "Pictures that may wait for a worker; beyond, they are refused.",
  }),
  LOCAL_TIMEOUT_MS: integer(100, 60_000, {
    fallback: "5000",
    about: "Longest time for one picture in a worker, in milliseconds.",
  }),
};
