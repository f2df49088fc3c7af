import { isTaskCancelledError, timeout, TimeoutStrategy } from "cockatiel";
import type { Outcome } from "../classification/ports/outcome.ts";
import type { PreparedPicture } from "../classification/ports/picture-reader.ts";
import { MAX_TIMER_MS } from "./client.ts";

/** Makes a JPEG of at most `maxSide` pixels out of a larger one; never rejects. */
export type Shrink = (jpeg: Uint8Array, maxSide: number) => Promise<Outcome<Uint8Array, string>>;

/**
 * A prepared picture in the sizes that providers want, each made when first asked for. A picture that
 * is larger than wanted is better than none: that is what one gets when shrinking fails or takes long.
 */
export function createPictureSizes(picture: PreparedPicture, preparedSide: number, shrink: Shrink) {
  const smaller = new Map<number, Promise<PreparedPicture>>();

  async function shrinkTo(maxSide: number, withinMs: number): Promise<PreparedPicture> {
    const limit = timeout(Math.min(withinMs, MAX_TIMER_MS), TimeoutStrategy.Aggressive);
    try {
      const shrunk = await limit.execute(() => shrink(picture.jpeg, maxSide));
      return shrunk.ok ? { ...picture, jpeg: shrunk.value } : picture;
    } catch (error) {
      if (!isTaskCancelledError(error)) throw error;
      return picture;
    }
  }

  return function sizeFor(maxSide: number, withinMs: number): Promise<PreparedPicture> {
    if (maxSide >= preparedSide || withinMs <= 0) return Promise.resolve(picture);
    let made = smaller.get(maxSide);
    if (made === undefined) smaller.set(maxSide, (made = shrinkTo(maxSide, withinMs)));
    return made;
  };
}
