// What a chat has taken so far: all its answers, those of other branches too, for they were paid for as well.
import type { Message } from "../api/types";
import { money } from "../format";
import { strings } from "../i18n/strings";

export interface Totals {
  answers: number;
  input: number;
  output: number;
  /** Of answers whose tokens nobody told. */
  uncounted: number;
  /** Dollars of those answers whose cost is known. */
  cost: number;
  unpriced: number;
}

export function totalsOf(messages: readonly Message[]): Totals {
  const sums: Totals = { answers: 0, input: 0, output: 0, uncounted: 0, cost: 0, unpriced: 0 };
  for (const { answer } of messages) {
    if (!answer) continue;
    sums.answers += 1;
    sums.input += answer.usage?.input_tokens ?? 0;
    sums.output += answer.usage?.output_tokens ?? 0;
    if (!answer.usage) sums.uncounted += 1;
    if (answer.cost === null) sums.unpriced += 1;
    else sums.cost += Number(answer.cost);
  }
  return sums;
}

/** A sum that lacks answers whose cost nobody knows says so; one of nothing else is unknown. */
export function costOf({ cost, unpriced }: Totals): string {
  if (unpriced === 0) return money(cost);
  return cost > 0 ? `≥ ${money(cost)}` : strings.unknown;
}
