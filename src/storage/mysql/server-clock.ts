import { sql } from "drizzle-orm";

/**
 * The server's clock in milliseconds since the epoch. Not `unix_timestamp(now())`, which goes by way of
 * the session's time zone, where an hour comes twice a year.
 */
export const NOW = sql<number>`(timestampdiff(microsecond, '1970-01-01', utc_timestamp(3)) div 1000)`;
