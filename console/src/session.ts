import type { Config } from "./config";
import { setReturns } from "./kept";
import { type Store, store } from "./store";

/** The roles of the API. */
export type Role = "admin" | "editor" | "viewer";

/** Who is signed in, as the token says. The API decides what they may do; the console only hides the rest. */
export interface Session {
  token: string;
  expiresAt: number; // seconds since 1970
  tenant: string;
  role: Role | null; // null for a role that cannot use the console
  name: string;
  sub: string;
}

/** The present session; null when signed out. */
export const session: Store<Session | null> = store<Session | null>(null);

/** Whether the session ended while the page was open, so that work may be unsaved. */
export const sessionLost: Store<boolean> = store(false);

let config: Config;
const login = () => import("./login");

/** Takes the session of an earlier page, or finishes a sign-in that comes back from the issuer. */
export async function startSession(c: Config): Promise<void> {
  config = c;
  const query = new URLSearchParams(location.search);
  if (query.has("state") && (query.has("code") || query.has("error"))) {
    const { finishSignIn } = await login();
    await finishSignIn(config);
  }
  session.set(read());
}

/** Sends the browser to the issuer's sign-in page. It comes back to the present place. */
export async function signIn(): Promise<void> {
  const { beginSignIn } = await login();
  setReturns(true);
  await beginSignIn(config).catch((error: unknown) => {
    setReturns(false);
    throw error;
  });
}

/** Forgets the session here and at the issuer, if it has a page for that. The page goes away, and all that it has read. */
export async function signOut(): Promise<void> {
  const { endSession } = await login();
  await endSession(config);
}

let renewal: Promise<boolean> | undefined;

/** Gets a new token with the refresh token. Returns false, and marks the session as lost, if there is none. */
export function renew(): Promise<boolean> {
  renewal ??= login()
    .then(({ renewSession }) => renewSession(config))
    .then((renewed) => {
      if (renewed) session.set(read());
      sessionLost.set(!renewed);
      return renewed;
    })
    .finally(() => {
      renewal = undefined;
    });
  return renewal;
}

interface StoredUser {
  access_token: string;
  id_token?: string;
  expires_at?: number;
}

/** Reads what oidc-client-ts stored, so that a page with a valid token needs not load it. */
function read(): Session | null {
  const text = sessionStorage.getItem(`oidc.user:${config.issuer}:${config.clientId}`);
  if (text === null) return null;
  const user = JSON.parse(text) as StoredUser;
  const token = config.token === "id" ? (user.id_token ?? "") : user.access_token;
  const claims = readClaims(token);
  return {
    token,
    expiresAt: user.expires_at ?? 0,
    tenant: String(claim(claims, config.tenantClaim) ?? ""),
    role: highestRole(claim(claims, config.roleClaim)),
    name: String(claims["name"] ?? claims["sub"] ?? ""),
    sub: String(claims["sub"] ?? ""),
  };
}

function readClaims(token: string): Record<string, unknown> {
  try {
    const payload = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(payload), (c) => c.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** Reads a claim by its name, or by its dotted path where no claim has the whole name. */
function claim(claims: Record<string, unknown>, name: string): unknown {
  if (name in claims) return claims[name];
  let value: unknown = claims;
  for (const part of name.split(".")) {
    value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[part] : undefined;
  }
  return value;
}

function highestRole(value: unknown): Role | null {
  const roles: unknown[] = Array.isArray(value) ? value : [value];
  return (["admin", "editor", "viewer"] as const).find((role) => roles.includes(role)) ?? null;
}
