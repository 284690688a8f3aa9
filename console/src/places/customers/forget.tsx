import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import words from "#words/customers";
import { api, call, pathId } from "../../api";
import { keys } from "../../queries";
import { say } from "../../say";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { TextField } from "../../ui/field";
import { Failure } from "../../ui/states";

/** Asks before a customer is forgotten, which cannot be undone: their id is typed. */
export function Forget({ customer, onClose, onDone }: { customer: string; onClose: () => void; onDone: () => void }) {
  const cache = useQueryClient();
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const forget = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await call(api.DELETE("/customers/{customerId}", { params: { path: { customerId: pathId(customer) } } }));
      cache.removeQueries({ queryKey: keys.customer(customer) });
      void cache.invalidateQueries({ queryKey: ["journey"] });
      onDone();
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  return (
    <Dialog title={say(words.forgetTitle, { id: customer })} onClose={onClose}>
      <div className="col gap-2">
        <p>{words.forgetGoes}</p>
        <p>{words.forgetStays}</p>
        <p className="dim">{words.forgetTime}</p>
      </div>
      <form
        className="col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (typed === customer && !busy) void forget();
        }}
      >
        <TextField label={words.typeId} mono value={typed} onChange={(event) => setTyped(event.target.value)} />
        {error !== undefined && <Failure error={error} />}
        <div className="row">
          <span className="grow" />
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button
            type="submit"
            look="bad"
            icon="trash"
            waits={typed !== customer ? words.typeIdFirst : busy ? words.forgetting : undefined}
          >
            {words.forgetNow}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
