/** A Bun Worker with an inference session for each model; the only file that imports onnxruntime-node. */
import { setPriority } from "node:os";
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { activate } from "./activation.ts";
import { type ModelManifest, readModel } from "./manifest.ts";
import { CondemnedError, runNative } from "./native-guard.ts";
import { fillTensor, inputShape } from "./preprocess.ts";
import type { FromWorker, InferMessage, ModelPlace, OpenMessage, ToWorker } from "./protocol.ts";
import { returnFreedMemory } from "./return-freed-memory.ts";

declare const self: Worker;

/** Of 0 to 19; at 10 a thread gets a tenth of the time of one at 0 that wants the same core. */
const THREAD_NICENESS = 10;

interface Model {
  manifest: ModelManifest;
  guard: SharedArrayBuffer;
  session: InferenceSession;
  /** Refilled for every picture. */
  input: Tensor;
}

yieldToRequests();

/** Empty until all are open. */
let models: readonly Model[] = [];

self.addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  void (data.type === "open" ? open(data) : infer(data));
});

/**
 * Lets the kernel run other threads first: a known photo's answer takes microseconds and is not to wait
 * behind inferences, which take all cores there are. Only Linux has priorities of single threads.
 */
function yieldToRequests(): void {
  if (process.platform !== "linux") return;
  try {
    setPriority(THREAD_NICENESS);
  } catch {
    // A sandbox that forbids it: all threads are equal then.
  }
}

async function open({ models: places, guard }: OpenMessage): Promise<void> {
  try {
    const opened: Model[] = [];
    for (const place of places) {
      const model = await runNative(guard, () => openSession(place, guard));
      // A first run proves names and shapes, and makes the runtime allocate what it needs.
      await predict(model);
      opened.push(model);
    }
    await runNative(guard, async () => returnFreedMemory());
    models = opened;
    reply({ type: "ready" });
  } catch (error) {
    replyError(error, (detail) => ({ type: "broken", detail }));
  }
}

async function infer({ taskId, views }: InferMessage): Promise<void> {
  try {
    const probabilities: number[][] = [];
    for (const { model: index, pixels } of views) {
      const model = models[index];
      if (model === undefined) throw new Error(`No model ${index} is open.`);
      fillTensor(model.input.data as Float32Array, pixels, model.manifest.input);
      probabilities.push(await predict(model));
    }
    reply({ type: "answer", taskId, probabilities });
  } catch (error) {
    replyError(error, (detail) => ({ type: "failed", taskId, detail }));
  }
}

/** Native from its first line: even loading the file and the add-on must not be interrupted. */
async function openSession(
  { modelsDir, manifest }: ModelPlace,
  guard: SharedArrayBuffer,
): Promise<Model> {
  const bytes = await readModel(modelsDir, manifest);
  const { InferenceSession, Tensor } = await import("onnxruntime-node");
  // One thread: the pool has a worker for each core that may be used. Weights stay out of the arena, and
  // no plan of its use is kept: two workers under load would hold 40 MB more, and be no faster.
  const session = await InferenceSession.create(bytes, {
    executionProviders: ["cpu"],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    enableMemPattern: false,
    extra: { session: { use_device_allocator_for_initializers: "1" } },
    logSeverityLevel: 3,
  });
  const { width, height } = manifest.input;
  const values = new Float32Array(width * height * 3);
  const input = new Tensor("float32", values, inputShape(manifest.input));
  return { manifest, guard, session, input };
}

async function predict({ manifest, guard, session, input }: Model): Promise<number[]> {
  const { output, labels } = manifest;
  const feeds = { [manifest.input.name]: input };
  const results = await runNative(guard, () => session.run(feeds, [output.name]));
  const logits = results[output.name]?.data;
  if (!(logits instanceof Float32Array) || logits.length !== labels.length)
    throw new Error(
      `The model's output is ${logits?.length ?? 0} values, the manifest has ${labels.length} labels.`,
    );
  return activate(logits, output);
}

function replyError(error: unknown, toMessage: (detail: string) => FromWorker): void {
  if (!(error instanceof CondemnedError))
    reply(toMessage(error instanceof Error ? error.message : String(error)));
  else if (error.wasInside) reply({ type: "yielded" });
}

function reply(message: FromWorker): void {
  self.postMessage(message, []);
}
