import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The first page comes in few files: what every page needs is one, what only forms and tables need is another, and
// what shows Markdown a third. Left to itself, the bundler makes some thirty of them.
const LATER = /@mantine\/core\/.*\/(NumberInput|JsonInput|Table|TableScrollContainer|Tabs|MultiSelect|Autocomplete|Progress|SegmentedControl|FloatingIndicator|PasswordInput|Switch|List|Code)\//;
const EVERYWHERE = /node_modules\/(react|react-dom|scheduler|react-router|cookie|set-cookie-parser|@tanstack|@floating-ui|tabbable|clsx|react-remove-scroll|react-remove-scroll-bar|react-style-singleton|use-callback-ref|use-sidecar|react-transition-group|dom-helpers|@babel|@mantine\/(core|hooks|store|modals|notifications))\//;

// The gateway serves what is built here; while developing, its API is asked for at its usual address.
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../src/interlingua/gateway/static",
    emptyOutDir: true,
    assetsDir: "assets",
    // As old as `light-dark()`, which must reach the browser as it is: rewritten, it no longer follows our switch.
    target: ["chrome123", "edge123", "firefox120", "safari17.5"],
    chunkSizeWarningLimit: 700,
    // The licences of what is bundled travel with it.
    license: { fileName: "licenses.md" },
    rolldownOptions: {
      output: {
        codeSplitting: {
            includeDependenciesRecursively: false,
          groups: [
            { name: "forms", test: (id: string) => LATER.test(id) || id.includes("react-number-format"), priority: 3 },
            { name: "base", test: (id: string) => EVERYWHERE.test(id) && !LATER.test(id), priority: 2 },
            { name: "icons", test: /@tabler\/icons-react/, priority: 2 },
            { name: "own", test: /web\/src\/(api|state|runs|i18n|format|shortcuts\/(Keys|actions|keys|listen)|presets\/(templates|Slash)|components\/(Failure|Figure|Monogram|StateMark|Capabilities|TopBar|ChatMenu|Section|Shell|Sidebar|Boundary)|chat\/(models|tree|ModelPicker|Parts|attachments))/, priority: 1 },
          ],
        },
      },
    },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8100", "/v1": "http://127.0.0.1:8100" } },
});
