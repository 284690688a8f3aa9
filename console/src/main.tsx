// First, so that the styles of places come after them.
import "./style/tokens.css";
import "./style/console.css";
import "./style/console-graph.css";
import "./style/extra.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { reloadForMissingFiles, watchBuild } from "./build";
import { queries } from "./cache";
import { readConfig } from "./config";
import { startSession } from "./session";
import { applyTheme } from "./theme";

applyTheme();
reloadForMissingFiles();

async function start() {
  const root = createRoot(document.getElementById("root") as HTMLElement);
  let failure: unknown;
  try {
    const config = await readConfig();
    watchBuild(config.version);
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
