/** Names the day of a moment, milliseconds since the epoch, as a date: `2026-11-20`. */
export type DayOf = (at: number) => string;

/** Days begin at midnight of the time zone, an IANA name; throws a RangeError for an unknown one. */
export function createCalendar(timeZone: string): DayOf {
  const format = new Intl.DateTimeFormat("en", {
    timeZone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
  });
  return (at) => {
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
    return `${parts.get("year")}-${parts.get("month")}-${parts.get("day")}`;
  };
}
