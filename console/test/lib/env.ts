import { fileURLToPath } from "node:url";

/** The server of the API: JOURNEYS_URL, which internal/dev/cmd/withrun sets, or the default of `make run`. */
export const apiURL: string = trim(process.env["JOURNEYS_URL"] ?? "http://127.0.0.1:8080");

/** The server of the console's page: BASE for a development server, otherwise that of the API. */
export const pageURL: string = trim(process.env["BASE"] ?? apiURL);

/** The directory of the module. */
export const root: string = fileURLToPath(new URL("../../..", import.meta.url));

function trim(url: string): string {
  return url.replace(/\/+$/, "");
}
