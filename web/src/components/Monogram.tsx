// A provider's sign: two letters on a ground of its own hue. Providers have no logos here.
import type { ReactNode } from "react";

function hue(name: string): number {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 360;
  return sum;
}

export function monogramOf(name: string): string {
  const words = name.split(/[\s_\-.]+/).filter(Boolean);
  const letters = words.length > 1 ? words.map((word) => word[0]).join("") : (words[0] ?? "?");
  return letters.slice(0, 2).toLowerCase();
}

export function Monogram({ name, size = 20 }: { name: string; size?: number }): ReactNode {
  return (
    <span
      className="monogram"
      aria-hidden
      data-letters={monogramOf(name)}
      style={{ width: size, height: size, fontSize: size * 0.48, ["--hue" as string]: hue(name) }}
    />
  );
}
