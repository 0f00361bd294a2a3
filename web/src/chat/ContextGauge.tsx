// How much of the model's context this chat takes, by what the last answer's prompt and answer counted.
import { Tooltip } from "@mantine/core";
import type { ReactNode } from "react";

import type { Message, Model } from "../api/types";
import { count, short } from "../format";
import { strings } from "../i18n/strings";
import { costOf, totalsOf } from "./totals";
import type { Turn } from "./tree";

export function usedTokens(turns: Turn[]): number | null {
  const usage = turns.findLast((turn) => turn.message.answer?.usage)?.message.answer?.usage;
  if (!usage || usage.input_tokens === null || usage.output_tokens === null) return null;
  return usage.input_tokens + usage.output_tokens;
}

export function ContextGauge({ turns, all: messages, model }: { turns: Turn[]; all: Message[]; model: Model | undefined }): ReactNode {
  const used = usedTokens(turns);
  if (used === null || turns.length === 0) return null;
  const all = model?.context ?? null;
  const share = all === null ? 0 : Math.min(1, used / all);
  const label = `${all === null ? strings.chat.contextUnknown : strings.chat.context(count(used), count(all))} ${strings.chat.costSoFar(costOf(totalsOf(messages)))}`;
  return (
    <Tooltip label={label} multiline maw={280}>
      <span role="meter" aria-label={label} aria-valuenow={used} aria-valuemin={0} aria-valuemax={all ?? used} tabIndex={0} style={{ display: "inline-flex", alignItems: "center", gap: 6 }}>
        <span className="gauge" {...(share > 0.9 ? { "data-full": true } : {})}>
          <i style={{ width: `${Math.max(2, share * 100)}%` }} />
        </span>
        <span className="figure state">{short(used)}</span>
      </span>
    </Tooltip>
  );
}
