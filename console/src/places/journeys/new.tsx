/** Stub. */
export default function Stub(_: { onClose?: () => void; onImport?: () => void; isEditor?: boolean }) {
  return <p>new</p>;
}
