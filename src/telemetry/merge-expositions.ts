/**
 * Several processes' metrics as one text in the exposition format, which wants the samples of a metric
 * under one heading. They must tell themselves apart by a label.
 */
export function mergeExpositions(texts: readonly string[]): string {
  const families = new Map<string, { heading: string[]; samples: string[] }>();
  for (const text of texts) {
    let family = { heading: [] as string[], samples: [] as string[] };
    for (const line of text.split("\n")) {
      const [, keyword, name] = /^# (HELP|TYPE) (\S+)/.exec(line) ?? [];
      if (name !== undefined) {
        family = families.get(name) ?? { heading: [], samples: [] };
        families.set(name, family);
        const isTold = family.heading.some((told) => told.startsWith(`# ${keyword} `));
        if (!isTold) family.heading.push(line);
      } else if (line !== "") family.samples.push(line);
    }
  }
  const blocks = families
    .values()
    .map(({ heading, samples }) => heading.concat(samples).join("\n"));
  return `${[...blocks].join("\n")}\n`;
}
