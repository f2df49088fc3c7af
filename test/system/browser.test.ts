import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { sha256, upload } from "../support/album.ts";
import { startFakeProvider, type FakeProvider } from "../support/fake-provider.ts";
import { requireProgram } from "../support/install-services.ts";
import { drawPhoto } from "../support/pictures.ts";
import { createDataDir, startServer, type ServerProcess } from "../support/server-process.ts";

const ADMIN_TOKEN = "admin-of-the-browser";
const TIMEOUT_MS = 30_000;
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** A folder to look at the pages in. */
const SCREENSHOTS = Bun.env["SCREENSHOT_DIR"];

let provider: FakeProvider;
let dir: Awaited<ReturnType<typeof createDataDir>>;
let server: ServerProcess;
let browser: Browser;

beforeAll(async () => {
  provider = startFakeProvider({ keepRequests: 0 });
  dir = await createDataDir();
  server = await startServer(dir.path, {
    ADMIN_TOKEN,
    LLM_BASE_URL: provider.baseUrl,
    LOCAL_MODEL: "none",
  });
  const executablePath = requireProgram("chromium");
  browser = await chromium.launch({ executablePath, args: FLAGS, timeout: TIMEOUT_MS });
}, 60_000);
afterAll(async () => {
  await browser.close();
  await server.stop();
  await provider.stop();
  await dir[Symbol.asyncDispose]();
}, 60_000);

/** What a page did that no page of ours should do. */
interface Misdeeds {
  complaints: string[];
  foreignRequests: string[];
}

async function openPage(
  path: string,
): Promise<{ page: Page; misdeeds: Misdeeds } & AsyncDisposable> {
  const page = await browser.newPage({ viewport: { width: 1_280, height: 1_000 } });
  page.setDefaultTimeout(TIMEOUT_MS);
  const misdeeds: Misdeeds = { complaints: [], foreignRequests: [] };
  // Violations of the Content-Security-Policy show up as console errors.
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) misdeeds.complaints.push(message.text());
  });
  page.on("pageerror", (error) => misdeeds.complaints.push(error.message));
  page.on("requestfailed", (request) => misdeeds.complaints.push(`${request.url()} failed`));
  page.on("response", (response) => {
    if (response.status() >= 400)
      misdeeds.complaints.push(`${response.url()} ${response.status()}`);
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(server.url) && !/^(data|blob):/.test(url)) {
      misdeeds.foreignRequests.push(url);
    }
  });
  await page.goto(`${server.url}${path}`, { waitUntil: "load" });
  return { page, misdeeds, [Symbol.asyncDispose]: () => page.close() };
}

async function takePicture(page: Page, name: string): Promise<void> {
  if (SCREENSHOTS)
    await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
}

const INNOCENT: Misdeeds = { complaints: [], foreignRequests: [] };

describe("in a browser", () => {
  test("/ leads to the documentation", async () => {
    await using opened = await openPage("/");
    const { page, misdeeds } = opened;
    await takePicture(page, "home");
    await page.getByRole("link", { name: /try the api/i }).click();
    await page
      .getByRole("heading", { name: /onceover/ })
      .first()
      .waitFor();
    expect(new URL(page.url()).pathname).toBe("/docs");
    expect(misdeeds).toEqual(INNOCENT);
  });

  test("/docs: 'Try it out' uploads a photo and shows the answer", async () => {
    await using opened = await openPage("/docs");
    const { page, misdeeds } = opened;
    const photo = await drawPhoto({ seed: 77 });
    await page.locator(".opblock").first().waitFor();
    await takePicture(page, "docs");

    const operation = page.locator("#operations-classification-classify");
    await operation.locator(".opblock-summary").click();
    await operation
      .locator("input[type=file]")
      .setInputFiles({ name: "photo.jpg", mimeType: "image/jpeg", buffer: Buffer.from(photo) });
    await operation.getByRole("button", { name: "Execute" }).click();
    const answer = operation.locator(".live-responses-table");
    await answer.getByText("200", { exact: true }).first().waitFor();
    await takePicture(page, "docs-answer");
    const text = await answer.innerText();
    expect(text).toContain('"category": "foods"');
    expect(text).toContain(sha256(photo));
    // Nothing was filled in by Swagger UI that would claim a hash for this photo.
    expect(await operation.locator(".curl-command").innerText()).not.toMatch(/hash(=|: )\w/i);
    expect(misdeeds).toEqual(INNOCENT);
  });

  test("/docs: 'Try it out' asks check-cache with the example", async () => {
    await using opened = await openPage("/docs");
    const { page, misdeeds } = opened;
    const operation = page.locator("#operations-classification-checkCache");
    await operation.locator(".opblock-summary").click();
    await operation.getByRole("button", { name: "Execute" }).click();
    const answer = operation.locator(".live-responses-table");
    await answer.getByText("200", { exact: true }).first().waitFor();
    await takePicture(page, "docs-check-cache");
    expect(await answer.innerText()).toContain('"cached": false');
    expect(misdeeds).toEqual(INNOCENT);
  });

  test("/docs: 'Authorize' takes the administrator's token, and purges a photo", async () => {
    const photo = Uint8Array.from(await drawPhoto({ seed: 78 }));
    await upload(server.url, photo);
    await using opened = await openPage("/docs");
    const { page, misdeeds } = opened;
    await page.locator(".auth-wrapper .authorize").click();
    const dialog = page.locator(".dialog-ux");
    await dialog.locator("input").fill(ADMIN_TOKEN);
    await takePicture(page, "docs-authorize");
    await dialog.locator("button.authorize").click();
    await dialog.locator("button.btn-done").click();

    const operation = page.locator("#operations-administration-purgePhoto");
    await operation.locator(".opblock-summary-control").click();
    await operation.locator("input[type=text]").fill(sha256(photo));
    await operation.getByRole("button", { name: "Execute" }).click();
    const answer = operation.locator(".live-responses-table");
    await answer.getByText("200", { exact: true }).first().waitFor();
    expect(await answer.innerText()).toContain('"results": 1');
    expect(misdeeds).toEqual(INNOCENT);
  });
});
