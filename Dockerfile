# syntax=docker/dockerfile:1
ARG BUN_VERSION=1.4.5

# Packages, less what only development or another platform needs.
FROM oven/bun:${BUN_VERSION} AS packages
WORKDIR /app
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile --production --ignore-scripts
RUN find node_modules/onnxruntime-node/bin -mindepth 3 -maxdepth 3 -type d \
      ! -path "*/linux/$(bun -p process.arch)" -exec rm -rf {} + \
 && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete \
 && rm -rf node_modules/openai/src node_modules/bun-types node_modules/.cache

FROM oven/bun:${BUN_VERSION}-slim
WORKDIR /app
ENV NODE_ENV=production PORT=8000 DATA_DIR=/data
# A new volume takes over the owner of the folder it covers.
RUN mkdir /data && chown bun:bun /data
COPY --from=packages /app/node_modules ./node_modules
COPY package.json bunfig.toml ./
COPY drizzle ./drizzle
COPY models ./models
COPY src ./src
USER bun
VOLUME /data
EXPOSE 8000
# Every second while it starts, so that what waits for it does not wait longer.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --start-interval=1s --retries=3 \
  CMD ["bun", "-e", "const { ok } = await fetch(`http://127.0.0.1:${process.env.PORT}/livez`); process.exit(ok ? 0 : 1)"]
# No shell in between: it would swallow SIGTERM.
ENTRYPOINT ["bun", "src/main.ts"]
