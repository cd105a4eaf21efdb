import { readFileSync } from "node:fs";
import { gzipSync } from "fflate";
import { defineConfig, type Plugin } from "vite";

const own = (name: string) => readFileSync(new URL(name, import.meta.url), "utf8");

// licences says whose software is in the bundles.
const licences = () =>
  ["preact/LICENSE", "swagger-ui-dist/LICENSE", "swagger-ui-dist/NOTICE", "swagger-ui-dist/swagger-ui-es-bundle.js.LICENSE.txt"]
    .map((name) => `# ${name}\n\n${own(`node_modules/${name}`).trim()}\n`)
    .join("\n");

// packed leaves each file as the binary embeds it and browsers get it: packed
// once, by a packer that gives the same bytes on every machine.
const packed: Plugin = {
  name: "packed",
  generateBundle: {
    order: "post",
    handler(_, bundle) {
      this.emitFile({ type: "asset", fileName: "icon.svg.gz", source: pack(own("icon.svg")) });
      this.emitFile({ type: "asset", fileName: "licences.md.gz", source: pack(licences()) });
      for (const [name, file] of Object.entries(bundle)) {
        delete bundle[name];
        this.emitFile({
          type: "asset",
          fileName: `${name}.gz`,
          source: pack(file.type === "chunk" ? file.code : file.source),
        });
      }
    },
  },
};

function pack(content: string | Uint8Array) {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return gzipSync(bytes, { level: 9, mtime: 0 });
}

export default defineConfig({
  base: "/console/",
  publicDir: false,
  plugins: [packed],
  // While the page is worked on, a gateway at its usual address has the rest.
  server: {
    proxy: Object.fromEntries(
      ["/v1", "/emulator", "/openapi.json", "/console/config.json"].map((path) => [path, "http://127.0.0.1:8080"]),
    ),
  },
  build: {
    target: "es2022",
    modulePreload: false,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 2000,
    rollupOptions: {
      input: { console: "index.html", docs: "docs.html" },
      // Names without a hash: what is committed changes only where its content does.
      output: { entryFileNames: "[name].js", chunkFileNames: "[name].js", assetFileNames: "[name][extname]" },
    },
  },
});
