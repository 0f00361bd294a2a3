// The state of a provider's credential: an icon and a word, never colour alone.
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleX,
  IconHourglass,
  IconKey,
  IconPlugConnectedX,
} from "@tabler/icons-react";
import type { ReactNode } from "react";

import type { CredentialState } from "../api/types";
import { strings } from "../i18n/strings";

const marks: Record<CredentialState, { Icon: typeof IconKey; colour: string }> = {
  missing: { Icon: IconKey, colour: "inherit" },
  present: { Icon: IconCircleDashed, colour: "inherit" },
  valid: { Icon: IconCircleCheck, colour: "light-dark(#1d6a3a, #95d5a8)" },
  none_needed: { Icon: IconCircleDashed, colour: "inherit" },
  invalid: { Icon: IconCircleX, colour: "light-dark(#a11f2b, #ffa8ae)" },
  rate_limited: { Icon: IconHourglass, colour: "light-dark(#8a4b08, #e9bd85)" },
  unreachable: { Icon: IconPlugConnectedX, colour: "light-dark(#8a4b08, #e9bd85)" },
};

export function StateMark({ state }: { state: CredentialState }): ReactNode {
  const { Icon, colour } = marks[state] ?? { Icon: IconAlertTriangle, colour: "inherit" };
  return (
    <span className="state" style={{ color: colour }}>
      <Icon size={14} aria-hidden />
      {strings.picker.states[state] ?? state}
    </span>
  );
}
