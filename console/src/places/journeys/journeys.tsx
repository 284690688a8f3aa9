/** The place journeys. */
export default function Journeys() {
  return <p>journeys </p>;
}
