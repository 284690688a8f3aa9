/** The place launch. */
export default function Launch({ id }: { id: string }) {
  return <p>launch {id}</p>;
}
