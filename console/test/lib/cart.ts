// The abandoned cart of the pictures.
import type { Graph, GraphNode } from "../../src/graph/types";

/** Two hours to buy; for large carts an offer by chance or none, for others a reminder. `wait` is the first wait's config. */
export function cart(wait: object): Graph {
  const mail = (id: string, label: string, templateId: string, more: object = {}): GraphNode => ({
    id,
    type: "channel_action",
    label,
    config: { channel: "email", templateId, ...more },
  });
  return {
    nodes: [
      { id: "enter", type: "entry_trigger", label: "Cart updated", config: { eventType: "cart_updated" } },
      mail("saved", "We saved your cart", "cart-saved", {
        payload: {
          subject: "We saved your cart, {{attributes.firstName | default: 'there'}}",
          html: "<h1>Your cart is safe</h1><p>Hi {{attributes.firstName | default: 'there'}}, your <b>{{event.items}}</b> items are still here. We keep them for two days.</p>",
        },
      }),
      {
        id: "buy",
        type: "wait",
        label: "Time to buy",
        config: {
          ...wait,
          waitForEvent: {
            any: [{ id: "purchase", eventType: "purchase", match: { event: "cartId", entry: "cartId" } }],
          },
        },
      },
      { id: "bought", type: "exit", label: "Bought", config: { reason: "bought" } },
      {
        id: "worth",
        type: "condition_split",
        label: "Worth an offer?",
        config: {
          condition: {
            all: [
              { field: "event.total", operator: "gte", value: 80 },
              { field: "event.currency", operator: "in", value: ["EUR", "GBP"] },
              {
                any: [
                  { field: "lastOrderAt", operator: "older_than", value: { value: 30, unit: "days" } },
                  { field: "tags", operator: "contains", value: "vip" },
                ],
              },
            ],
          },
        },
      },
      {
        id: "offer",
        type: "random_split",
        label: "Offer test",
        config: {
          branches: [
            { id: "ten", weight: 50 },
            { id: "delivery", weight: 40 },
            { id: "holdout", weight: 10 },
          ],
        },
      },
      mail("ten-off", "10 % off", "cart-offer-10"),
      {
        id: "free",
        type: "channel_action",
        label: "Free delivery",
        config: { channel: "sms", templateId: "cart-free-ship" },
      },
      { id: "held", type: "exit", label: "Holdout", config: { reason: "holdout" } },
      {
        id: "note",
        type: "update_customer",
        label: "Note the offer",
        config: { set: { offered: true }, add: { offers: 1 } },
      },
      { id: "sent", type: "exit", label: "Offer sent", config: { reason: "offer_sent" } },
      mail("still", "Still thinking it over?", "cart-reminder"),
      { id: "reminded", type: "exit", label: "Reminded", config: { reason: "reminded" } },
    ],
    edges: [
      { source: "enter", target: "saved" },
      { source: "saved", target: "buy" },
      { source: "buy", sourceHandle: "purchase", target: "bought" },
      { source: "buy", sourceHandle: "timeout", target: "worth" },
      { source: "worth", sourceHandle: "true", target: "offer" },
      { source: "worth", sourceHandle: "false", target: "still" },
      { source: "offer", sourceHandle: "ten", target: "ten-off" },
      { source: "offer", sourceHandle: "delivery", target: "free" },
      { source: "offer", sourceHandle: "holdout", target: "held" },
      { source: "ten-off", target: "note" },
      { source: "free", target: "note" },
      { source: "note", target: "sent" },
      { source: "still", target: "reminded" },
    ],
  };
}

/** Three customers to try it with. */
export const personas = [
  {
    id: "p1",
    name: "Mara",
    note: "A large cart, no order for a while",
    test: {
      customerAttributes: {
        firstName: "Mara",
        email: "mara@example.com",
        phone: "+46701234567",
        lastOrderAt: "2026-08-02",
      },
      entryEvent: { type: "cart_updated", properties: { cartId: "c7", total: 129.9, currency: "EUR", items: 3 } },
      branches: { offer: "delivery" },
    },
  },
  {
    id: "p2",
    name: "Jonas",
    note: "Buys after 20 minutes",
    test: {
      customerAttributes: { firstName: "Jonas", email: "jonas@example.com" },
      entryEvent: { type: "cart_updated", properties: { cartId: "c8", total: 54, currency: "EUR", items: 1 } },
      events: [{ type: "purchase", afterHours: 0.3333, properties: { cartId: "c8" } }],
    },
  },
  {
    id: "p3",
    name: "Lea",
    note: "24.00 in the cart",
    test: {
      customerAttributes: { firstName: "Lea", email: "lea@example.com" },
      entryEvent: { type: "cart_updated", properties: { cartId: "c9", total: 24, currency: "EUR", items: 2 } },
    },
  },
];

/** Returns a graph with the personas of a simulation. */
export function withPersonas(graph: Graph): Graph {
  return {
    ...graph,
    nodes: graph.nodes.map((node) => (node.type === "entry_trigger" ? { ...node, data: { personas } } : node)),
  };
}
