import createClient from "openapi-fetch";
import type { components, paths } from "#api";
import { type Json, parse } from "./json";
import { Problem } from "./problem";
import { send } from "./send";

/** The types of openapi.yaml. */
export type Schemas = components["schemas"];

const answers = new WeakMap<Response, { body: Json | undefined; call: string }>();

/** The API, typed by openapi.yaml. Its requests go through `call`. */
export const api = createClient<paths>({
  baseUrl: "/api/v1",
  fetch: async (request) => {
    const response = await send(request);
    const text = await response.text();
    // openapi-fetch would parse the body with JSON.parse and round its integers.
    const answer = new Response(null, { status: response.status, headers: withoutLength(response.headers) });
    const { pathname, search } = new URL(request.url);
    answers.set(answer, { body: readBody(text), call: `${request.method} ${pathname}${search}` });
    return answer;
  },
});

function withoutLength(headers: Headers): Headers {
  const copy = new Headers(headers);
  copy.delete("Content-Length");
  return copy;
}

function readBody(text: string): Json | undefined {
  if (text === "") return undefined;
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // not from the API: a proxy's page
    throw error;
  }
}

/** The answer of a call. */
export interface Answer<T> {
  data: T;
  etag: string;
  status: number;
}

type DataOf<R> = R extends { data: infer D } ? D : never;

/**
 * Waits for a request of `api` and returns its answer. It throws a Problem for a status of 400 or more,
 * and one of status 0 where no answer came. 304 is an answer, whose data is undefined.
 */
export async function call<R extends { response: Response }>(
  request: Promise<R>,
): Promise<Answer<NonNullable<DataOf<R>>>> {
  const { response } = await request.catch((error: unknown) => {
    if (error instanceof TypeError) throw new Problem(0, undefined, new Headers());
    throw error;
  });
  const { body, call: sent } = answers.get(response) ?? { body: undefined, call: "" };
  if (response.status >= 400) throw new Problem(response.status, body, response.headers, sent);
  return {
    data: body as NonNullable<DataOf<R>>,
    etag: response.headers.get("ETag") ?? "",
    status: response.status,
  };
}

/**
 * Writes an id as a segment of a path: as it is, or as `~` and base64url where the gateway would change it.
 */
export function pathId(id: string): string {
  if (/^[A-Za-z0-9._@:+-]+$/.test(id) && id !== "." && id !== "..") return id;
  const bytes = new TextEncoder().encode(id);
  const base64 = btoa(String.fromCharCode(...bytes));
  return `~${base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

/** A key for `Idempotency-Key`. */
export function newKey(): string {
  return crypto.randomUUID();
}
