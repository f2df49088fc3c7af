/** Answers everything with the same text; prints its address. */
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: () => Response.json({ success: true }),
});
process.stdout.write(`${server.url.href}\n`);
