import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The gateway serves what is built here; while developing, its API is asked for at its usual address.
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../src/interlingua/gateway/static",
    emptyOutDir: true,
    assetsDir: "assets",
    target: "es2022",
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { "/api": "http://127.0.0.1:8100", "/v1": "http://127.0.0.1:8100" } },
});
