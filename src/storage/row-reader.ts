import { Column } from "drizzle-orm";

/** Turns one positional row into an object; columns begin at `offset`. */
export type RowReader<Row> = (values: readonly unknown[], offset: number) => Row;

/**
 * Decodes as Drizzle does, by each column's own decoder. Drizzle's mapper works out every column's
 * kind anew for every row, which costs more than a whole point read in SQLite.
 */
export function createRowReader<Row>(columns: Record<keyof Row & string, Column>): RowReader<Row> {
  const names = Object.keys(columns);
  const decoders = Object.values<Column>(columns).map(decoderOf);
  return (values, offset) => {
    const row: Record<string, unknown> = {};
    for (let index = 0; index < names.length; index++) {
      const value = values[offset + index];
      const decode = decoders[index];
      row[names[index]!] = value === null || !decode ? value : decode(value);
    }
    return row as Row;
  };
}

/** Undefined where a column takes the driver's value as it is. */
function decoderOf(column: Column): ((value: unknown) => unknown) | undefined {
  if (column.mapFromDriverValue === Column.prototype.mapFromDriverValue) return undefined;
  return (value) => column.mapFromDriverValue(value);
}
