import { api, call } from "../../api";
import type { Person } from "./csv";
import type { EnrollCalls, Meaning } from "./enroll-run";

function bodyOf(people: readonly Person[], meaning: Meaning) {
  return meaning === "properties"
    ? { entries: people.map(({ id, values }) => ({ customerId: id, properties: values })) }
    : { customerIds: people.map(({ id }) => id) };
}

/** The calls that enroll people in a journey. */
export function enrollCalls(id: string): EnrollCalls {
  return {
    async store(people) {
      const customers = people.map((person) => ({ customerId: person.id, attributes: person.values }));
      return (await call(api.POST("/customers", { body: { customers } }))).data.results;
    },
    async enroll(key, people, meaning) {
      const { data } = await call(
        api.POST("/journeys/{id}/enroll", {
          params: { path: { id }, query: { details: true }, header: { "Idempotency-Key": key } },
          body: bodyOf(people, meaning),
        }),
      );
      return data.results ?? [];
    },
  };
}
