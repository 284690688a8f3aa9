import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { readConfig } from "./config";
import { queries } from "./queries";
import { startSession } from "./session";
import "./style/tokens.css";
import "./style/console.css";
import "./style/extra.css";

// After a deployment an open page may ask for chunks that are gone. Drafts are kept locally.
window.addEventListener("vite:preloadError", (event) => {
  event.preventDefault();
  location.reload();
});

async function start() {
  const root = createRoot(document.getElementById("root") as HTMLElement);
  let failure: unknown;
  try {
    const config = await readConfig();
    await startSession(config);
  } catch (error) {
    failure = error;
  }
  root.render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <App failure={failure} />
      </QueryClientProvider>
    </StrictMode>,
  );
}

void start();
