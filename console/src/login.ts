// The sign-in, a chunk of its own: a page with a valid token does not load it.
import { UserManager, WebStorageStateStore } from "oidc-client-ts";
import type { Config } from "./config";

let manager: UserManager | undefined;

function managerOf(config: Config): UserManager {
  const page = `${location.origin}/`;
  const hasMetadata = Object.keys(config.metadata).length > 0;
  manager ??= new UserManager({
    authority: config.issuer,
    client_id: config.clientId,
    redirect_uri: page,
    post_logout_redirect_uri: page,
    scope: config.scope,
    automaticSilentRenew: false, // a token is renewed when the API refuses it
    userStore: new WebStorageStateStore({ store: sessionStorage }),
    stateStore: new WebStorageStateStore({ store: sessionStorage }),
    ...(hasMetadata ? { metadata: { issuer: config.issuer, ...config.metadata } } : {}),
  });
  return manager;
}

/** Sends the browser to the issuer. */
export function beginSignIn(config: Config): Promise<void> {
  return managerOf(config).signinRedirect({ state: location.hash });
}

/** Exchanges the code in the address for tokens, and goes back to the place where the sign-in began. */
export async function finishSignIn(config: Config): Promise<void> {
  try {
    const user = await managerOf(config).signinRedirectCallback();
    const place = typeof user.state === "string" && user.state.startsWith("#") ? user.state : "";
    history.replaceState(null, "", `/${place}`);
  } catch (error) {
    history.replaceState(null, "", "/");
    throw error;
  }
}

/** Exchanges the refresh token. Returns false if there is none, or the issuer refuses it. */
export async function renewSession(config: Config): Promise<boolean> {
  const user = await managerOf(config).getUser();
  if (!user?.refresh_token) return false;
  try {
    return (await managerOf(config).signinSilent()) !== null;
  } catch {
    return false;
  }
}

/** Removes the tokens, and goes to the issuer's page that ends the session, or else to the console's first page. */
export async function endSession(config: Config): Promise<void> {
  const m = managerOf(config);
  const user = await m.getUser();
  await m.removeUser();
  const end = await m.metadataService.getEndSessionEndpoint().catch(() => undefined);
  if (end === undefined) location.replace("/");
  else await m.signoutRedirect(user?.id_token ? { id_token_hint: user.id_token } : {});
}
