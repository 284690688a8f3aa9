/** The place customers. */
export default function Customers({ customer }: { customer?: string | undefined }) {
  return <p>customers {customer}</p>;
}
