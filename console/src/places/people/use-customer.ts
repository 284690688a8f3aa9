import { useQuery } from "@tanstack/react-query";
import { api, call, pathId } from "../../api";
import { hasStatus } from "../../problem";
import { keys } from "../../queries";

/** The attributes of a customer and their tag; null if nothing is stored about them. */
export function useCustomer(customer: string, enabled = true) {
  return useQuery({
    queryKey: keys.customer(customer),
    queryFn: async ({ signal }) => {
      try {
        const params = { path: { customerId: pathId(customer) } };
        return await call(api.GET("/customers/{customerId}", { params, signal }));
      } catch (error) {
        if (hasStatus(error, 404)) return null;
        throw error;
      }
    },
    enabled,
  });
}
