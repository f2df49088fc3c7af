import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { LogPosition } from "../../src/invalidations/log-position.ts";

const PATIENCE_MS = 1_000;

test("every id that becomes visible within the patience is new exactly once", () => {
  const visibleAt = fc.array(fc.option(fc.nat(PATIENCE_MS - 1), { nil: null }), { maxLength: 30 });
  fc.assert(
    fc.property(visibleAt, fc.array(fc.nat(400), { maxLength: 20 }), (ids, pauses) => {
      const position = new LogPosition(0, PATIENCE_MS);
      const applied: number[] = [];
      let now = 0;
      for (const pause of [...pauses, PATIENCE_MS, PATIENCE_MS]) {
        now += pause;
        const news = ids.flatMap((at, index) => (at !== null && at <= now ? [index + 1] : []));
        const fresh = news.filter((id) => position.isNew(id));
        applied.push(...fresh);
        position.noteApplied(fresh, now);
      }
      const visible = ids.flatMap((at, index) => (at === null ? [] : [index + 1]));
      expect(applied.toSorted((a, b) => a - b)).toEqual(visible);
      expect(position.settled).toBe(visible.at(-1) ?? 0);
    }),
  );
});
