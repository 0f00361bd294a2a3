// Opens the panel of calls by voice; shown where the gateway knows a LiveKit server.
import { ActionIcon, Tooltip } from "@mantine/core";
import { IconHeadset } from "@tabler/icons-react";
import type { ReactNode } from "react";

import { strings } from "../i18n/strings";
import { useSession } from "../state/session";
import { inCall, useVoice, voice } from "./state";

export function VoiceButton(): ReactNode {
  const { session } = useSession();
  const { opened, phase } = useVoice();
  if (!session?.features.voice) return null;
  const calling = inCall(phase);
  const label = calling ? strings.voice.inCall(strings.voice.phases[phase]) : strings.voice.open;
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant={calling ? "light" : "subtle"}
        color={calling ? undefined : "gray"}
        size="lg"
        aria-label={label}
        aria-expanded={opened}
        onClick={() => voice.change({ opened: !opened })}
      >
        <IconHeadset size={20} stroke={1.6} />
      </ActionIcon>
    </Tooltip>
  );
}
