import { join } from "node:path";
import { z } from "zod";

const fileName = z.string().regex(/^[\w][\w.-]*$/, "must be a plain file name");
const threeNumbers = z.tuple([z.number(), z.number(), z.number()]);
const side = z.int().min(1).max(4096);

/**
 * mirror swaps left and right; middle is the largest square, undistorted; zoom leaves an eighth of
 * width and height out at the edges.
 */
export const FURTHER_VIEWS = ["mirror", "middle", "zoom"] as const;
const furtherView = z.enum(FURTHER_VIEWS);

/** All that a manifest says besides its labels. */
export const modelFactsSchema = z.object({
  name: fileName.max(64),
  version: z.string().min(1).max(32),
  file: fileName,
  /** Of the model file. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hex characters"),
  licence: z.string(),
  description: z.string(),
  /** How a picture becomes the input tensor: value = (pixel * scale - mean) / std, channel by channel. */
  input: z.object({
    name: z.string().min(1),
    width: side,
    height: side,
    layout: z.enum(["nchw", "nhwc"]),
    /** Order of the channels; mean and std are given in the same order. */
    channels: z.enum(["rgb", "bgr"]),
    /** cover crops to the middle, contain pads with the mean colour, fill distorts. */
    resize: z.enum(["cover", "contain", "fill"]),
    kernel: z.enum(["cubic", "lanczos3", "linear", "nearest"]),
    scale: z.number().positive(),
    mean: threeNumbers,
    std: threeNumbers.refine((std) => std.every((value) => value > 0), "must be positive"),
  }),
  output: z.object({
    name: z.string().min(1),
    activation: z.enum(["softmax", "sigmoid", "none"]),
    /** Logits are divided by it before the activation; 1 changes nothing. */
    temperature: z.number().positive().default(1),
  }),
  /** Confidence under which an answer counts as unsure, 0..1. */
  unsure: z.number().min(0).max(1),
  /** What the model is shown besides where it is unsure; the mean of all answers counts. */
  views: z.array(furtherView).max(3).default([]),
});

const manifestSchema = modelFactsSchema
  .extend({
    /** One for each value of the output, in its order. */
    labels: z
      .array(z.string().min(1))
      .min(1)
      .refine((labels) => new Set(labels).size === labels.length, "must not repeat a label"),
    /** Label to the category key of the default taxonomy that it means. */
    categories: z.record(z.string(), z.string()),
  })
  .superRefine(({ labels, categories }, context) => {
    const known = new Set(labels);
    for (const label of Object.keys(categories)) {
      if (!known.has(label))
        context.addIssue({
          code: "custom",
          path: ["categories", label],
          message: "is none of the labels",
        });
    }
  });

/** What `models/<name>.json` says of an ONNX classifier. */
export type ModelManifest = z.infer<typeof manifestSchema>;
export type FurtherView = z.infer<typeof furtherView>;
export type ModelInput = ModelManifest["input"];
export type ModelOutput = ModelManifest["output"];

/** The local model cannot be used as it is configured; one readable line, meant for the operator. */
export class ModelLoadError extends Error {
  override readonly name = "ModelLoadError";
}

/** Reads and checks `<modelsDir>/<name>.json`. Throws ModelLoadError. */
export async function readManifest(modelsDir: string, name: string): Promise<ModelManifest> {
  if (!fileName.safeParse(name).success)
    throw new ModelLoadError(`Local model ${JSON.stringify(name)}: not a model name.`);
  const path = join(modelsDir, `${name}.json`);
  const file = Bun.file(path);
  if (!(await file.exists())) throw new ModelLoadError(`Local model: ${path} does not exist.`);
  let json: unknown;
  try {
    json = await file.json();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ModelLoadError(`Local model: ${path} is not JSON: ${reason}`, { cause: error });
  }
  const parsed = manifestSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.map(
    ({ path, message }) => `${path.join(".") || "manifest"}: ${message}`,
  );
  throw new ModelLoadError(`Local model: ${path}: ${mistakes.join("; ")}`);
}

/** Reads the model file and proves it by the manifest's checksum. Throws ModelLoadError. */
export async function readModel(
  modelsDir: string,
  { file, sha256 }: Pick<ModelManifest, "file" | "sha256">,
): Promise<Uint8Array<ArrayBuffer>> {
  const path = join(modelsDir, file);
  const source = Bun.file(path);
  if (!(await source.exists())) throw new ModelLoadError(`Local model: ${path} does not exist.`);
  const bytes = await source.bytes();
  const actual = Bun.SHA256.hash(bytes, "hex");
  if (actual !== sha256)
    throw new ModelLoadError(
      `Local model: ${path} has the SHA-256 ${actual}, the manifest says ${sha256}.`,
    );
  return bytes;
}
