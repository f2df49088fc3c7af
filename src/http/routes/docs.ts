import { fileURLToPath } from "node:url";
import type { HttpDeps } from "../context.ts";
import { respond, respondJson } from "../exchange.ts";
import type { App } from "../register.ts";

/** Nothing from elsewhere: no CDN, no inline script. Swagger UI sets style attributes and data: icons. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const PAGE_HEADERS = {
  "Content-Security-Policy": CONTENT_SECURITY_POLICY,
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};

const HTML = "text/html; charset=utf-8";

/** The only files of swagger-ui-dist that the page needs. */
const ASSETS = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"] as const;

const START_SCRIPT = `window.addEventListener("load", () => {
  window.ui = SwaggerUIBundle({
    url: "../openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    displayRequestDuration: true,
    tryItOutEnabled: true,
  });
});
`;

const SWAGGER_PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>onceover API</title>
    <link rel="stylesheet" href="docs/swagger-ui.css">
    <link rel="icon" type="image/png" href="docs/favicon-32x32.png">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`;

const HOME_PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>onceover</title>
    <link rel="icon" type="image/png" href="docs/favicon-32x32.png">
    <style>
      body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 15vh auto; padding: 0 1rem; }
      code { background: #8882; padding: 0.1em 0.3em; border-radius: 0.2em; }
      :root { color-scheme: light dark; }
    </style>
  </head>
  <body>
    <h1>onceover</h1>
    <p>This server looks at every photo once and says what is in it.</p>
    <ul>
      <li><a href="docs">Try the API</a> in Swagger UI</li>
      <li><a href="openapi.json">OpenAPI description</a></li>
      <li><a href="api/v1/health">Health</a></li>
    </ul>
    <p>First photo: <code>curl -F image=@photo.jpg %ORIGIN%/api/v1/classify</code></p>
  </body>
</html>
`;

/** `/`, `/docs` and `/openapi.json`. */
export function mountDocs(app: App, { version }: HttpDeps): void {
  const description = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "onceover",
      version,
      description:
        "Classifies photos for album apps and never looks at the same photo twice. " +
        "Ask `check-cache` with the photo's SHA-256 first; upload only what is unknown.",
      license: { name: "MIT" },
    },
    servers: [{ url: "/" }],
    tags: [
      { name: "classification", description: "Photos in, categories out." },
      { name: "administration", description: "For those who know the administrator's token." },
      { name: "operation", description: "For those who run the server." },
    ],
  });
  app.get("/openapi.json", ({ env }) => respondJson(env, description));
  app.get("/", ({ req, env }) => {
    const page = HOME_PAGE.replace("%ORIGIN%", () => new URL(req.url).origin);
    return respond(env, page, HTML, { headers: PAGE_HEADERS });
  });
  app.get("/docs", ({ env }) => respond(env, SWAGGER_PAGE, HTML, { headers: PAGE_HEADERS }));
  app.get("/docs/start.js", ({ env }) =>
    respond(env, START_SCRIPT, "text/javascript", { headers: PAGE_HEADERS }),
  );
  for (const asset of ASSETS) {
    const file = Bun.file(fileURLToPath(import.meta.resolve(`swagger-ui-dist/${asset}`)));
    app.get(`/docs/${asset}`, ({ env }) => {
      const headers = { ...PAGE_HEADERS, "Cache-Control": "public, max-age=86400" };
      return respond(env, file, file.type, { headers });
    });
  }
}
