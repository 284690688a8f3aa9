import type { Client } from "openapi-fetch";
import type { components, paths } from "#api";
import { type Json, parse } from "./json";
import { Problem } from "./problem";
import { send } from "./send";

/** The types of openapi.yaml. */
export type Schemas = components["schemas"];

interface Options {
  params?: Partial<Record<"path" | "query" | "header", Record<string, unknown>>>;
  body?: unknown;
  bodySerializer?: (body: unknown) => string;
  signal?: AbortSignal;
}

interface Received {
  response: Response;
  content: Json | undefined;
  call: string;
}

/** Sends a request as openapi-fetch would, and reads the body with exact numbers: its own JSON.parse rounds integers. */
async function request(method: string, template: string, options: Options = {}): Promise<Received> {
  const { params = {}, body, bodySerializer = JSON.stringify, signal = null } = options;
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params.path?.[name])));
  const query = new URLSearchParams(texts(params.query));
  const target = `/api/v1${path}${query.size > 0 ? `?${query}` : ""}`;
  const headers = new Headers(texts(params.header));
  if (body !== undefined) headers.set("Content-Type", "application/json");
  const init = { method, headers, body: body === undefined ? null : bodySerializer(body), signal };
  const response = await send(new Request(target, init));
  return { response, content: readBody(await response.text()), call: `${method} ${target}` };
}

function texts(values: Record<string, unknown> = {}): [string, string][] {
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined || value === null ? [] : [[name, String(value)]],
  );
}

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

/** The API, typed by openapi.yaml. Its requests go through `call`. */
export const api = Object.fromEntries(
  methods.map((method) => [method, (path: string, options?: Options) => request(method, path, options)]),
) as unknown as Pick<Client<paths>, (typeof methods)[number]>;

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
  const received = (await request.catch((error: unknown) => {
    if (error instanceof TypeError) throw new Problem(0, undefined, new Headers());
    throw error;
  })) as unknown as Received;
  const { response, content } = received;
  if (response.status >= 400) throw new Problem(response.status, content, response.headers, received.call);
  return {
    data: content as NonNullable<DataOf<R>>,
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
