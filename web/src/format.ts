// How figures are written: tabular, in the reader's locale, with as many digits as they need. Unknown is never zero.
import { strings } from "./i18n/strings";

const whole = new Intl.NumberFormat();
const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });

/** Dollars with two digits, or with three that matter where there is less than a cent. */
export function money(value: string | number | null | undefined): string {
  if (value === null || value === undefined || value === "") return strings.unknown;
  const amount = Number(value);
  if (!Number.isFinite(amount)) return strings.unknown;
  if (amount === 0) return "$0";
  const digits = Math.abs(amount) >= 1 ? 2 : Math.min(10, Math.max(2, 1 - Math.floor(Math.log10(Math.abs(amount)))));
  return new Intl.NumberFormat(undefined, {
    style: "currency",
    currency: "USD",
    currencyDisplay: "narrowSymbol",
    minimumFractionDigits: 2,
    maximumFractionDigits: digits,
  }).format(amount);
}

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? strings.unknown : whole.format(value);
}

export function short(value: number | null | undefined): string {
  return value === null || value === undefined ? strings.unknown : compact.format(value);
}

export function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return strings.unknown;
  if (value < 0.1) return value < 0.001 ? "< 1 ms" : `${Math.round(value * 1000)} ms`;
  if (value < 10) return `${value.toFixed(2)} s`;
  if (value < 90) return `${value.toFixed(1)} s`;
  return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
}

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return strings.unknown;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

const steps: [number, Intl.RelativeTimeFormatUnit][] = [
  [60, "second"],
  [3600, "minute"],
  [86400, "hour"],
  [86400 * 7, "day"],
];
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });

/** How long ago, for a week; the date after that. */
export function ago(time: string, now = Date.now()): string {
  const gone = (now - Date.parse(time)) / 1000;
  if (Number.isNaN(gone)) return "";
  if (gone < 45) return strings.justNow;
  let size = 1;
  for (const [limit, unit] of steps) {
    if (gone < limit) return relative.format(-Math.round(gone / size), unit);
    size = limit;
  }
  return new Date(time).toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
}

export function moment(time: string): string {
  return new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}
