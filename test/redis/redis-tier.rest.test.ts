import { startUpstashBridge, UPSTASH_TOKEN } from "../support/upstash-bridge.ts";
import { describeRedisTier } from "./redis-tier.ts";

describeRedisTier("Upstash's REST interface", (server) => {
  const bridge = startUpstashBridge(server.url);
  return {
    address: { transport: "rest", url: bridge.url, token: UPSTASH_TOKEN },
    stop: () => bridge.stop(),
  };
});
