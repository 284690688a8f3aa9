import { expect } from "@playwright/test";
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "#api";
import { apiURL } from "./env";
import { fetchTokens } from "./issuer";

type Schemas = components["schemas"];

/** A journey to make. Its graph is any JSON, so that a test may write it down. */
export type NewJourney = Omit<Schemas["JourneyDraft"], "definition"> & { definition?: object };

/** Calls the API to arrange what a test needs. A call that is refused throws. */
export class Backend {
  readonly tenant: string;
  /** The API itself, for calls that have no method here; `must` unpacks the answer. */
  readonly api: Client<paths>;

  private constructor(tenant: string, token: string) {
    this.tenant = tenant;
    this.api = createClient<paths>({
      baseUrl: `${apiURL}/api/v1`,
      headers: { Authorization: `Bearer ${token}` },
      fetch: patientFetch,
    });
  }

  /** Signs in to a tenant as an admin. */
  static async open(tenant: string): Promise<Backend> {
    const tokens = await fetchTokens({ tenant, role: "admin", name: "Test Admin" });
    return new Backend(tenant, tokens.access_token);
  }

  /** Creates a journey in status draft. */
  async create(journey: NewJourney): Promise<Schemas["Journey"]> {
    return must(await this.api.POST("/journeys", { body: journey as Schemas["JourneyDraft"] }));
  }

  /** Creates a journey and launches it. */
  async launch(journey: NewJourney): Promise<Schemas["Journey"]> {
    const { id } = await this.create(journey);
    return this.change(id, { status: "active" });
  }

  /** Changes a journey whatever its tag. */
  async change(id: string, body: object): Promise<Schemas["Journey"]> {
    return must(
      await this.api.PUT("/journeys/{id}", { params: { path: { id } }, body: body as Schemas["JourneyChange"] }),
    );
  }

  /** Enrolls customers. */
  async enroll(id: string, ...customerIds: string[]): Promise<void> {
    const result = must(
      await this.api.POST("/journeys/{id}/enroll", { params: { path: { id } }, body: { customerIds } }),
    );
    expect(result).toMatchObject({ enrolled: customerIds.length });
  }

  /** Sets the attributes of a customer. */
  async customer(customerId: string, attributes: Record<string, unknown>): Promise<void> {
    const params = { path: { customerId } };
    must(
      await this.api.PUT("/customers/{customerId}", { params, body: { attributes } as Schemas["CustomerAttributes"] }),
    );
  }

  /** Reports an event. */
  async event(eventType: string, customerId: string, properties: Record<string, unknown> = {}): Promise<void> {
    must(await this.api.POST("/events", { body: { eventType, customerId, properties } as Schemas["EventRequest"] }));
  }

  /** The figures of a journey. */
  async figures(id: string): Promise<Schemas["Analytics"]> {
    return must(await this.api.GET("/journeys/{id}/analytics", { params: { path: { id } } }));
  }

  /** Waits until the figures hold these values: `{enrollments: {total: 3}}`, `{steps: …}`. */
  async untilFigures(id: string, wanted: Record<string, unknown>): Promise<void> {
    await expect.poll(() => this.figures(id), { timeout: 40_000, intervals: [250] }).toMatchObject(wanted);
  }
}

/** Returns the body of an answer, or throws what was wrong. */
export function must<T>({ data, error, response }: { data?: T; error?: unknown; response: Response }): T {
  if (!response.ok) throw new Error(`${response.status} ${response.url}: ${JSON.stringify(error)}`);
  return data as T;
}

const busy = [429, 502, 503, 504];

/** Like fetch, but asks a throttled API again. Every call is safe to repeat. */
async function patientFetch(request: Request): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const answer = await fetch(request.clone());
    if (!busy.includes(answer.status) || attempt === 8) return answer;
    const seconds = Number(answer.headers.get("Retry-After") ?? 1);
    await new Promise((resolve) => setTimeout(resolve, Math.max(seconds, 0.2) * 1000));
  }
}
