import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const port = process.env["PORT"] ?? "8080";
const backend = { target: `http://127.0.0.1:${port}`, changeOrigin: false };

const base =
  /vite\/preload|rolldown\/runtime|node_modules\/(react|react-dom|scheduler)\/|console\/src\/(store|format|ui\/icon)\./;

const canvas =
  /console\/(src\/graph\/|generated\/words\/graph\.|node_modules\/(@xyflow|d3-|zustand|classcat|use-sync-external-store))/;

export default defineConfig({
  plugins: [react()],
  resolve: {
    alias: { "#words": fileURLToPath(new URL("./generated/words", import.meta.url)) },
  },
  build: {
    target: "es2023",
    // The first with light-dark(), which would otherwise be written out at length.
    cssTarget: ["chrome123", "edge123", "firefox120", "safari17.5"],
    outDir: "build",
    // The page's policy allows no inline scripts, styles or data: fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // React and what all chunks share are one file, and what draws graphs is another. They are alike in most builds,
    // and small files compress badly.
    rolldownOptions: {
      output: {
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [
            { name: "base", test: base },
            { name: "canvas", test: canvas },
          ],
        },
      },
    },
  },
  // `make console-dev`: the page from here, everything else from `make run`.
  server: {
    host: "127.0.0.1",
    port: Number(process.env["CONSOLE_PORT"] ?? "5173"),
    strictPort: true,
    fs: { allow: [".", "../examples"] }, // the examples are part of the page
    watch: { ignored: ["**/console/build/**", "**/test/**"] },
    proxy: { "/api": backend, "/_local": backend, "/config.json": backend, "/preview": backend },
  },
  test: { include: ["test/**/*.test.ts"], environment: "node", testTimeout: 60_000 },
});
