export interface OutageReportOptions {
  report: (isAvailable: boolean, detail: string) => void;
  /** Milliseconds; only differences count. */
  clock?: () => number;
}

/** After a report, what comes and goes is not worth another one for so long, */
const QUIET_MS = 60_000;
/** unless it stays away for so long. */
const LASTING_MS = 5_000;

/**
 * Passes on that something went and came back, the first time at once. What comes and goes all the
 * time, such as a database that takes reads and refuses writes, is reported once a minute.
 */
export function createOutageReport({
  report,
  clock = () => performance.now(),
}: OutageReportOptions): (isAvailable: boolean, detail: string) => void {
  let reportedAt = -Infinity;
  let isReported = false;
  let lasting: Timer | undefined;

  function reportOutage(detail: string): void {
    reportedAt = clock();
    isReported = true;
    report(false, detail);
  }

  return (isAvailable, detail) => {
    clearTimeout(lasting);
    if (!isAvailable) {
      if (clock() - reportedAt >= QUIET_MS) reportOutage(detail);
      else lasting = setTimeout(reportOutage, LASTING_MS, detail).unref();
    } else if (isReported) {
      isReported = false;
      report(true, detail);
    }
  };
}
