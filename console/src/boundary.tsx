import { Component, type ReactNode } from "react";
import words from "#words/states";
import { Button } from "./ui/button";
import { Failure } from "./ui/states";

/** Shows what broke a place. The bars and the other places go on. */
export class Boundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: undefined };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === undefined) return this.props.children;
    return (
      <main id="main" className="center" tabIndex={-1}>
        <Failure error={this.state.error}>
          <Button look="primary" icon="refresh" onClick={() => location.reload()}>
            {words.reload}
          </Button>
        </Failure>
      </main>
    );
  }
}
