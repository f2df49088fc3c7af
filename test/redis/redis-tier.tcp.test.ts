import { describeRedisTier } from "./redis-tier.ts";

describeRedisTier("TCP", ({ url }) => ({
  address: { transport: "tcp", url },
  stop: () => Promise.resolve(),
}));
