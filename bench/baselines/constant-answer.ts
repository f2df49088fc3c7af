/** The least that a server can do: answers every request with the same text. Argument: the text. */
const [text = ""] = Bun.argv.slice(2);

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(Bun.env["PORT"]),
  fetch: () => new Response(text, { headers: { "Content-Type": "application/json" } }),
});
