// Charts, loaded with the pages that have them. Each is named for who cannot see it; the table below holds the figures.
import "@mantine/core/styles/ColorSwatch.css";
import "@mantine/charts/styles.css";
import { BarChart, LineChart } from "@mantine/charts";
import { type ReactNode, useMemo } from "react";

import type { Performance, UsageRow } from "../api/types";
import { money, short } from "../format";
import { strings } from "../i18n/strings";

const COLOURS = ["ink.6", "indigo.5", "orange.5", "grape.5", "lime.6", "pink.5", "gray.5"];
const MOST = 6;
const OTHERS = "…";

const amountOf = (row: UsageRow, of: "cost" | "tokens"): number =>
  of === "cost" ? Number(row.cost ?? 0) : (row.input_tokens ?? 0) + (row.output_tokens ?? 0);

/** Cost, or tokens where no cost is known, by day, stacked by model: the dearest ones by name, the rest together. */
export function DayChart({ rows, days, of }: { rows: UsageRow[]; days: number; of: "cost" | "tokens" }): ReactNode {
  const { data, series } = useMemo(() => {
    const sums = new Map<string, number>();
    for (const row of rows) sums.set(row.model ?? strings.usage.allModels, (sums.get(row.model ?? strings.usage.allModels) ?? 0) + amountOf(row, of));
    const named = [...sums].toSorted((one, other) => other[1] - one[1]).map(([model]) => model);
    const shown = named.slice(0, MOST);
    const byDay = new Map<string, Record<string, number | string>>();
    const today = new Date();
    for (let back = days - 1; back >= 0; back -= 1) {
      const day = new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth(), today.getUTCDate() - back)).toISOString().slice(0, 10);
      byDay.set(day, { day: day.slice(5) });
    }
    for (const row of rows) {
      const point = byDay.get(row.day ?? "");
      if (!point) continue;
      const model = row.model ?? strings.usage.allModels;
      const name = shown.includes(model) ? model || strings.usage.other : OTHERS;
      point[name] = Number(point[name] ?? 0) + amountOf(row, of);
    }
    const names = [...shown.map((model) => model || strings.usage.other), ...(named.length > MOST ? [OTHERS] : [])];
    for (const point of byDay.values()) for (const name of names) point[name] ??= 0;
    return { data: [...byDay.values()], series: names.map((name, at) => ({ name, color: COLOURS[at % COLOURS.length] ?? "gray.5" })) };
  }, [rows, days, of]);
  return (
    <div role="img" aria-label={of === "cost" ? strings.usage.byDay : strings.usage.tokensByDay}>
      <BarChart h={260} data={data} dataKey="day" type="stacked" series={series} withLegend valueFormatter={of === "cost" ? money : short} gridAxis="x" tickLine="none" barProps={{ isAnimationActive: false, maxBarSize: 48 }} yAxisProps={{ width: 64 }} />
    </div>
  );
}

type Figure = "first_p50" | "first_p95" | "tps_p50" | "tps_p95";

/** One model's figure day by day: the middle as a line, the slowest twentieth, or the fastest, as a thinner one. */
export function Small({ series, middle, high, name, show }: { series: Performance["series"]; middle: Figure; high: Figure; name: string; show: (value: number | null) => string }): ReactNode {
  const data = series.map((point) => ({
    time: new Date(point.time).toLocaleDateString(undefined, { day: "numeric", month: "short", timeZone: "UTC" }),
    [strings.perf.middle]: point[middle],
    [strings.perf.high]: point[high],
  }));
  return (
    <div role="img" aria-label={strings.perf.trend(name, show(series[0]?.[middle] ?? null), show(series.at(-1)?.[middle] ?? null))} style={{ margin: "4px 0 12px" }}>
      <LineChart
        h={64}
        data={data}
        dataKey="time"
        series={[
          { name: strings.perf.middle, color: "ink.6" },
          { name: strings.perf.high, color: "orange.5" },
        ]}
        strokeWidth={1.5}
        withDots={data.length < 4}
        withXAxis={false}
        withYAxis={false}
        gridAxis="none"
        connectNulls
        valueFormatter={(value) => show(value)}
        lineProps={{ isAnimationActive: false }}
        lineChartProps={{ margin: { top: 6, bottom: 6, left: 6, right: 6 } }}
      />
    </div>
  );
}
