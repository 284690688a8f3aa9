import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const port = process.env["PORT"] ?? "8080";
const backend = { target: `http://127.0.0.1:${port}`, changeOrigin: false };

const canvas =
  /console\/(src\/graph\/|generated\/words\/graph\.|node_modules\/(@xyflow|d3-|zustand|classcat|use-sync-external-store))/;

/**
 * Drops the parts of @xyflow/react that are not used: its small map, its buttons, its handles for sizes. Its bundle keeps
 * them all, because the names it gives them for React's tools, and the calls around them, could do anything.
 */
const drawsOnly: Plugin = {
  name: "draws-only",
  apply: "build",
  transform: {
    filter: { id: /@xyflow\/react\/dist\/esm\/index\.js$/ },
    handler: (code) => ({
      code: code
        .replace(/^\w+\.displayName = '\w+';$/gm, "")
        .replace(/^((?:const|var) [\w$]+ = )((?:memo|forwardRef|create\w+Edge)\()/gm, "$1/*#__PURE__*/ $2"),
      map: null,
    }),
  },
};

/** What is called of d3's selections and transitions: by its zoom and drag, and by @xyflow/system. */
const called = {
  selection: ["constructor", "selection", "call", "node", "each", "filter", "datum", "property", "style", "on"],
  transition: ["constructor", "selection", "call", "node", "each", "on", "tween", "duration", "ease"],
};

/** Drops d3's methods that are not called. They are properties of two objects, which bundlers keep whole. */
const movesOnly: Plugin = {
  name: "moves-only",
  apply: "build",
  transform: {
    filter: { id: /d3-(selection|transition)\/dist\/[\w-]+\.mjs$/ },
    handler: (code) => ({
      code: code.replace(
        /^ {2}(\S+): (selection|transition)_\w+,?$/gm,
        (line, name: string, of: keyof typeof called) => (called[of].includes(name) ? line : ""),
      ),
      map: null,
    }),
  },
};

// What several places load with their own files.
const common =
  /console\/(src\/(queries|duration|channels|ui\/(dialog|field|download)|places\/journeys\/(draft|post)|places\/graph\/(bar|not-there|selected|save-as-new))\.|generated\/words\/(journey|diff)\.|node_modules\/@tanstack\/.*(useMutation|useInfiniteQuery|mutationObserver|infiniteQueryObserver)\.)/;

// What a row of the list of journeys does.
const verbs = /console\/(src\/places\/journeys\/(row-menu|verbs|ask)|generated\/words\/(verbs|ask))\./;

export default defineConfig({
  plugins: [react(), drawsOnly, movesOnly],
  resolve: {
    alias: {
      "#words": fileURLToPath(new URL("./generated/words", import.meta.url)),
      // Only places and sizes are moved, never colors.
      "d3-color": fileURLToPath(new URL("./src/graph/no-colors.ts", import.meta.url)),
    },
  },
  build: {
    target: "es2023",
    // The first with light-dark(), which would otherwise be written out at length.
    cssTarget: ["chrome123", "edge123", "firefox120", "safari17.5"],
    outDir: "build",
    // The page's policy allows no inline scripts, styles or data: fonts.
    assetsInlineLimit: 0,
    // Who loads a chunk has loaded the first.
    modulePreload: {
      polyfill: false,
      resolveDependencies: (_, names, { hostType }) =>
        hostType === "js" ? names.filter((name) => !/assets\/index-[^/]*js$/.test(name)) : names,
    },
    reportCompressedSize: false,
    // React and what all chunks share are one file, and what draws graphs is another. They are alike in most builds,
    // and small files compress badly.
    rolldownOptions: {
      // No part of a package does anything by a property that is read, or needs a global that may be missing.
      treeshake: { propertyReadSideEffects: false, unknownGlobalSideEffects: false },
      output: {
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [
            { name: "index", tags: ["$initial"] },
            { name: "canvas", test: canvas },
            { name: "common", test: common },
            { name: "verbs", test: verbs },
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
    proxy: { "/api": backend, "/_local": backend, "/config.json": backend, "/preview": backend, "^/u/": backend },
  },
  test: { include: ["test/**/*.test.ts"], environment: "node", testTimeout: 60_000 },
});
