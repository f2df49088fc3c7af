import type { CallerId } from "../classification/alias.ts";
import { validationError } from "./request-body.ts";
import type { ConnectionInfo } from "./exchange.ts";

export const MAX_USER_ID_LENGTH = 64;

export interface CallerHints {
  /** Header in which our own proxy names the client's address; null: there is no proxy. */
  clientIpHeader: string | null;
  /** The older form of the user id. */
  bodyUserId: string | undefined;
}

/** Who asks, as far as the request says. What the fastest answers do without is found out when asked. */
export class Caller {
  #ip: string | null | undefined;
  #id: CallerId | undefined;

  constructor(
    readonly userId: string | null,
    private readonly findAddress: () => string | null,
  ) {}

  get ip(): string | null {
    if (this.#ip === undefined) this.#ip = this.findAddress();
    return this.#ip;
  }

  /** What claims are kept under: a one-way hash, so that the claims table names nobody. */
  get id(): CallerId {
    this.#id ??= Bun.SHA256.hash(`${this.userId ?? ""}\n${this.ip ?? ""}`, "hex").slice(
      0,
      32,
    ) as CallerId;
    return this.#id;
  }
}

/** Who asks: the user id of the header, else of the body, and the address. */
export function identifyCaller(
  request: Request,
  server: ConnectionInfo | undefined,
  { clientIpHeader, bodyUserId }: CallerHints,
): Caller {
  const userId = request.headers.get("x-user-id") || bodyUserId || null;
  if (userId !== null && userId.length > MAX_USER_ID_LENGTH) {
    const message = `must have at most ${MAX_USER_ID_LENGTH} characters`;
    throw validationError([{ path: "X-User-ID", message }]);
  }
  return new Caller(userId, () => clientAddress(request, server, clientIpHeader));
}

/** The last entry of a list is the one that our own proxy wrote; the others are hearsay. */
function clientAddress(
  request: Request,
  server: ConnectionInfo | undefined,
  header: string | null,
): string | null {
  const told = header && request.headers.get(header)?.split(",").at(-1)?.trim();
  return told || (server?.requestIP(request)?.address ?? null);
}
