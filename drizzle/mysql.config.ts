import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "mysql",
  schema: "./src/storage/mysql/schema.ts",
  out: "./drizzle/mysql",
});
