/** The place people. */
export default function People({ id, customer }: { id: string; customer?: string | undefined }) {
  return (
    <p>
      people {id} {customer}
    </p>
  );
}
