import { isObject, type Json } from "./json";

/** One fault of a request, by JSON Pointer into its body. */
export interface Fault {
  pointer: string;
  detail: string;
}

/** A request that was refused or failed. */
export class Problem extends Error {
  /** The HTTP status; 0 where no answer came. */
  readonly status: number;
  /** The API's stable code; "" in answers of the gateway itself. */
  readonly code: string;
  readonly detail: string;
  readonly requestId: string;
  readonly faults: readonly Fault[];
  /** Seconds to wait, if the answer says so. */
  readonly retryAfter: number | undefined;
  /** The method and path of the request, for support; "" where no answer came. */
  readonly call: string;
  /** When it happened, in ms since 1970. */
  readonly at = Date.now();

  constructor(status: number, body: Json | undefined, headers: Headers, call = "") {
    const problem = isObject(body) ? body : {};
    // The gateway's own answers are {"message": "…"}.
    const title = text(problem["title"]) || text(problem["message"]);
    super(title);
    this.status = status;
    this.code = text(problem["code"]);
    this.detail = text(problem["detail"]);
    this.requestId = text(problem["requestId"]) || (headers.get("apigw-requestid") ?? "");
    this.faults = Array.isArray(problem["errors"]) ? problem["errors"].flatMap(readFault) : [];
    this.call = call;
    this.retryAfter = readRetryAfter(headers.get("Retry-After"));
  }
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function readFault(value: Json): Fault[] {
  return isObject(value) ? [{ pointer: text(value["pointer"]), detail: text(value["detail"]) }] : [];
}

function readRetryAfter(header: string | null): number | undefined {
  const seconds = Number(header);
  return header === null || !Number.isFinite(seconds) || seconds < 0 ? undefined : seconds;
}

/** Whether an error is a problem with this status. */
export function hasStatus(error: unknown, ...statuses: number[]): error is Problem {
  return error instanceof Problem && statuses.includes(error.status);
}
