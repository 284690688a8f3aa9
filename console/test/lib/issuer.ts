import { createHash, randomBytes } from "node:crypto";
import type { Page } from "@playwright/test";
import { apiURL, pageURL } from "./env";

/** Who signs in. */
export interface Person {
  tenant: string;
  role: "admin" | "editor" | "viewer" | "ingest";
  name: string;
  /** Seconds until the first access token expires; from -60, for a token that is expired from the start. */
  lifetime?: number;
  /** Whether the page gets a refresh token, as it does by default. */
  renewable?: boolean;
}

/** What the issuer's token endpoint answers. */
export interface Tokens {
  access_token: string;
  id_token: string;
  refresh_token: string;
  token_type: string;
  scope: string;
  expires_in: number;
}

const issuer = "journeys-local";
const client = "console";
const login = `${apiURL}/_local/login/`;

/** Returns tokens for a person, by the same calls as the page's. */
export async function fetchTokens(who: Person): Promise<Tokens> {
  const verifier = randomBytes(32).toString("base64url");
  const redirect = `${pageURL}/`;
  const query = new URLSearchParams({
    response_type: "code",
    client_id: client,
    redirect_uri: redirect,
    scope: "openid",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    ...(who.lifetime === undefined ? {} : { lifetime: String(who.lifetime) }),
  });
  const answer = await fetch(`${login}authorize?${query}`, {
    method: "POST",
    redirect: "manual",
    body: new URLSearchParams({ role: who.role, tenant: who.tenant, name: who.name, sub: subject(who) }),
  });
  const code = new URL(answer.headers.get("Location") ?? "", redirect).searchParams.get("code");
  if (code === null) throw new Error(`sign in: ${answer.status} ${await answer.text()}`);
  const tokens = await fetch(`${login}token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: client,
      redirect_uri: redirect,
      code,
      code_verifier: verifier,
    }),
  });
  if (!tokens.ok) throw new Error(`get tokens: ${tokens.status} ${await tokens.text()}`);
  const all = (await tokens.json()) as Tokens;
  return who.renewable === false ? { ...all, refresh_token: "" } : all;
}

function subject(who: Person): string {
  return `${who.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}-${who.role}`;
}

/** Stores a session in each new tab of a page, as a finished sign-in would. A tab that signs out stays signed out. */
export async function storeSession(page: Page, tokens: Tokens): Promise<void> {
  const profile: unknown = JSON.parse(Buffer.from(tokens.id_token.split(".")[1] ?? "", "base64url").toString());
  const { expires_in, ...rest } = tokens;
  const expires_at = Math.floor(Date.now() / 1000) + (expires_in ?? 0);
  const user = JSON.stringify({ ...rest, profile, expires_at });
  await page.addInitScript(
    ([key, value]) => {
      if (window !== window.top || sessionStorage.getItem("test-session") !== null) return;
      sessionStorage.setItem("test-session", "stored");
      sessionStorage.setItem(key, value);
    },
    [`oidc.user:${issuer}:${client}`, user] as const,
  );
}

/** Fills in and sends the issuer's own page. */
export async function fillLogin(page: Page, who: Person): Promise<void> {
  await page.waitForURL(`${login}authorize?**`);
  if (who.lifetime !== undefined) await page.goto(`${page.url()}&lifetime=${who.lifetime}`);
  await page.getByRole("radio", { name: who.role }).check();
  await page.getByLabel("Tenant").fill(who.tenant);
  await page.getByLabel("Name").fill(who.name);
  await page.getByLabel("Subject").fill(subject(who));
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((url) => url.origin === pageURL && !url.searchParams.has("code"));
}
