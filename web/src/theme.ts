// The look, decided once: one accent, hairlines instead of shadows, a 4-px grid, a short type scale.
import { createTheme, type MantineColorsTuple } from "@mantine/core";

import { strings } from "./i18n/strings";

// A deep teal. White on shades 7 and 8 is 4.5:1 and more; on the dark ground, links are shade 4.
const ink: MantineColorsTuple = [
  "#e9f6f6",
  "#d3eaea",
  "#a5d5d5",
  "#74bfc0",
  "#4cacae",
  "#33a0a2",
  "#1f8f92",
  "#0e7477",
  "#0a6669",
  "#04494c",
];

// The dark ground and what lies on it, of the same cool hue as the style sheet's.
const dark: MantineColorsTuple = ["#d5dcde", "#b4bdc0", "#9aa5a9", "#6b767a", "#3a4245", "#2c3133", "#1f2426", "#16191b", "#121517", "#0d0f10"];

const closeButtonProps = { "aria-label": strings.close };

export const theme = createTheme({
  primaryColor: "ink",
  primaryShade: { light: 8, dark: 7 },
  autoContrast: true,
  colors: { ink, dark },
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace',
  fontSizes: { xs: "12px", sm: "14px", md: "16px", lg: "20px", xl: "28px" },
  lineHeights: { xs: "1.4", sm: "1.45", md: "1.6", lg: "1.35", xl: "1.25" },
  spacing: { xs: "4px", sm: "8px", md: "12px", lg: "16px", xl: "24px" },
  radius: { xs: "4px", sm: "6px", md: "8px", lg: "12px", xl: "16px" },
  defaultRadius: "md",
  headings: { fontWeight: "600", sizes: { h1: { fontSize: "28px" }, h2: { fontSize: "20px" }, h3: { fontSize: "16px" } } },
  respectReducedMotion: true,
  components: {
    Tooltip: { defaultProps: { openDelay: 350, withArrow: false, transitionProps: { duration: 100 } } },
    Modal: { defaultProps: { transitionProps: { duration: 120 }, overlayProps: { backgroundOpacity: 0.45 }, closeButtonProps } },
    Drawer: { defaultProps: { transitionProps: { duration: 120 }, closeButtonProps } },
    Menu: { defaultProps: { transitionProps: { duration: 80 }, shadow: "none", withArrow: false } },
    Popover: { defaultProps: { transitionProps: { duration: 80 }, shadow: "none" } },
    Paper: { defaultProps: { shadow: "none" } },
  },
});
