const FIRST_MS = 200;
const LONGEST_MS = 30_000;

/**
 * Pause before a worker is started again, in milliseconds: twice as long after each failure in a row
 * (`failures`, from 1), less up to half by chance, so that workers that died together do not come back together.
 */
export function restartDelayMs(failures: number, random: () => number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1));
  return full * (0.5 + random() / 2);
}
