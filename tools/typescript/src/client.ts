// A client that is built from openapi.yaml alone: it creates, simulates, activates
// and deletes a journey, and enrolls customers. Requests and responses have the
// types generated from the document, so a mismatch does not compile.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "../generated/api.js";

type Graph = components["schemas"]["Definition"];

function setting(name: string): string {
  const value = process.env[name];
  assert(value, `${name} must be set, as make client-test does`);
  return value;
}

const client = createClient<paths>({
  baseUrl: setting("JOURNEYS_URL") + "/api/v1",
  headers: { Authorization: `Bearer ${setting("JOURNEYS_TOKEN")}` },
});

const graph: Graph = {
  nodes: [
    { id: "start", type: "entry_trigger", position: { x: 0, y: 0 } },
    { id: "pause", type: "wait", config: { delayHours: 48 } },
    {
      id: "split",
      type: "condition_split",
      config: {
        condition: {
          all: [
            { field: "visits", operator: "gt", value: 5 },
            { any: [{ field: "plan", operator: "in", value: ["free", "trial"] }, { field: "vip", operator: "exists" }] },
          ],
        },
      },
    },
    { id: "thanks", type: "channel_action", config: { channel: "email", templateId: "thanks" } },
    { id: "converted", type: "exit", config: { reason: "converted" } },
    { id: "quiet", type: "exit", config: { reason: "no_interest" } },
  ],
  edges: [
    { source: "start", target: "pause" },
    { source: "pause", target: "split" },
    { source: "split", target: "thanks", sourceHandle: "true" },
    { source: "split", target: "quiet", sourceHandle: "false" },
    { source: "thanks", target: "converted" },
  ],
};

async function create(): Promise<{ id: string; etag: string }> {
  const { data, response } = await client.POST("/journeys", { body: { name: "Typed", definition: graph } });
  assert.equal(response.status, 201);
  assert(data);
  assert.equal(response.headers.get("Location"), `/api/v1/journeys/${data.id}`);
  assert.equal(data.status, "draft");
  assert.deepEqual(data.definition, graph, "the graph is returned unchanged");
  return { id: data.id, etag: response.headers.get("ETag") ?? "" };
}

async function simulate(id: string): Promise<void> {
  const path = { id };
  const { data } = await client.POST("/journeys/{id}/test", {
    params: { path },
    body: { customerAttributes: { visits: 7, plan: "free" } },
  });
  assert.equal(data?.outcome, "exited");
  assert.equal(data.exitReason, "converted");
  assert.equal(data.durationHours, 48);
  assert.deepEqual(data.trace.map((s) => s.nodeId), ["start", "pause", "split", "thanks", "converted"]);
  const seen = data.trace[2]?.detail?.condition;
  assert(seen && "all" in seen && seen.result);

  const other = await client.POST("/journeys/{id}/test", { params: { path } });
  assert.equal(other.data?.exitReason, "no_interest");
}

async function activate(id: string, etag: string): Promise<void> {
  const path = { id };
  const early = await client.POST("/journeys/{id}/enroll", { params: { path }, body: { customerId: "c-1" } });
  assert.equal(early.response.status, 400);
  assert(early.error && "code" in early.error && early.error.code === "journey-not-active");

  const body = { status: "active" as const };
  const { data } = await client.PUT("/journeys/{id}", { params: { path, header: { "If-Match": etag } }, body });
  assert.equal(data?.status, "active");
  const stale = await client.PUT("/journeys/{id}", { params: { path, header: { "If-Match": etag } }, body });
  assert.equal(stale.response.status, 412);
}

async function enroll(id: string): Promise<void> {
  const path = { id };
  const counts = async (body: components["schemas"]["EnrollRequest"], key?: string): Promise<number[]> => {
    const header = key === undefined ? {} : { "Idempotency-Key": key };
    const { data, error } = await client.POST("/journeys/{id}/enroll", { params: { path, header }, body });
    assert(data, JSON.stringify(error));
    return [data.enrolled, data.skipped, data.errors, data.total];
  };
  assert.deepEqual(await counts({ customerId: "c-1" }), [1, 0, 0, 1]);
  assert.deepEqual(await counts({ customerId: "c-1" }), [0, 1, 0, 1], "a customer is enrolled once");
  const three = { customerIds: ["c-1", "c-2", "c-3"] };
  assert.deepEqual(await counts(three, "key-1"), [2, 1, 0, 3]);
  assert.deepEqual(await counts(three, "key-1"), [2, 1, 0, 3], "a retry returns the counts of the first call");
  assert.deepEqual(await counts(three), [0, 3, 0, 3]);

  const reused = await client.POST("/journeys/{id}/enroll", {
    params: { path, header: { "Idempotency-Key": "key-1" } },
    body: { customerId: "c-4" },
  });
  assert.equal(reused.response.status, 422);
  const { data } = await client.POST("/journeys/{id}/enroll", {
    params: { path, query: { details: true } },
    body: { customerIds: ["c-3", "c-4", "c-4"] },
  });
  assert.deepEqual(data?.results?.map((r) => r.outcome), ["skipped", "enrolled", "skipped"]);
}

async function follow(id: string): Promise<void> {
  const journeys = await client.GET("/customers/{customerId}/enrollments", { params: { path: { customerId: "c-4" } } });
  assert(journeys.data?.data.some((e) => e.journeyId === id && e.journeyStatus === "active"));
  const removed = await client.POST("/journeys/{id}/enrollments/actions", {
    params: { path: { id } },
    body: { action: "remove", where: { status: "active", version: 1 } },
  });
  assert.equal(removed.data?.errors, 0);
  assert.equal(removed.data?.nextCursor, undefined);
}

async function listAndDelete(id: string): Promise<void> {
  const path = { id };
  const list = await client.GET("/journeys", { params: { query: { status: "active", limit: 200 } } });
  assert(list.data?.data.some((j) => j.id === id && j.nodeCount === 6));
  const figures = await client.GET("/analytics", { params: { query: { q: "tYPED", sort: "-updated", limit: 100 } } });
  assert(figures.data?.data.some((j) => j.id === id && j.enrollments !== null && j.asOf !== undefined));
  const read = await client.GET("/journeys/{id}", { params: { path } });
  assert.equal(read.data?.version, 1);
  const gone = await client.DELETE("/journeys/{id}", { params: { path } });
  assert.equal(gone.response.status, 204);
  const missing = await client.GET("/journeys/{id}", { params: { path } });
  assert(missing.error && "code" in missing.error && missing.error.code === "journey-not-found");
}

async function settings(): Promise<void> {
  const { data } = await client.GET("/settings");
  assert.equal(data?.limits.maxNodes, 256);
  assert(data.channels.some((channel) => channel.name === "*"));
  const names = await client.GET("/names");
  assert(Array.isArray(names.data?.attributes));
}

await settings();
const { id, etag } = await create();
await simulate(id);
await activate(id, etag);
await enroll(id);
await follow(id);
await listAndDelete(id);
console.log(`client-test: a TypeScript client of openapi-typescript created, simulated, activated and deleted ${id}, and enrolled customers`);
