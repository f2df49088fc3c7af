/** The least that an upload costs: reads the body as bytes and answers every request with the same text. */
const [text = ""] = Bun.argv.slice(2);

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(Bun.env["PORT"]),
  async fetch(request) {
    await request.bytes();
    return new Response(text, { headers: { "Content-Type": "application/json" } });
  },
});
