/** The place settings. */
export default function Settings() {
  return <p>settings </p>;
}
