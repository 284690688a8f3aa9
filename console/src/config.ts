import type { OidcMetadata } from "oidc-client-ts";

/** What /config.json says about this installation. */
export interface Config {
  issuer: string;
  clientId: string;
  scope: string;
  token: "access" | "id";
  tenantClaim: string;
  roleClaim: string;
  metadata: Partial<OidcMetadata>;
  version: string;
}

/** Reads /config.json. */
export async function readConfig(): Promise<Config> {
  const response = await fetch("/config.json");
  if (!response.ok) throw new Error(`/config.json: ${response.status}`);
  return (await response.json()) as Config;
}
