// A small line of figures over time, as one picture: who cannot see it hears its first and last figure.
import { type ReactNode, useMemo } from "react";

import { strings } from "../i18n/strings";

const WIDTH = 96;
const HEIGHT = 24;

export function Sparkline({ values, name, show }: { values: number[]; name: string; show: (value: number) => string }): ReactNode {
  const { line, area, end } = useMemo(() => {
    const most = Math.max(...values, 0);
    const step = values.length > 1 ? WIDTH / (values.length - 1) : 0;
    const places = values.map((value, at) => [at * step, most === 0 ? HEIGHT - 1.5 : HEIGHT - 1.5 - (value / most) * (HEIGHT - 4)] as const);
    const points = places.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`);
    return { line: points.join(" "), area: `0,${HEIGHT} ${points.join(" ")} ${WIDTH},${HEIGHT}`, end: places.at(-1) };
  }, [values]);
  if (values.length < 2) return null;
  return (
    <svg width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={strings.spark(name, show(values[0] ?? 0), show(values.at(-1) ?? 0))} style={{ display: "block", marginLeft: "auto", overflow: "visible", color: "light-dark(#0a6669, #4cacae)" }}>
      <polygon points={area} fill="currentColor" opacity={0.12} />
      <polyline points={line} fill="none" stroke="currentColor" strokeWidth={1.5} strokeLinejoin="round" />
      {end ? <circle cx={end[0]} cy={end[1]} r={2} fill="currentColor" /> : null}
    </svg>
  );
}
