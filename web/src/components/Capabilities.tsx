// What a model can take and do, as icons that say their names.
import { Tooltip } from "@mantine/core";
import { IconBraces, IconBulb, IconEye, IconFileText, IconTool, IconVolume } from "@tabler/icons-react";
import type { ReactNode } from "react";

import type { Model } from "../api/types";
import { strings } from "../i18n/strings";

const icons = { vision: IconEye, documents: IconFileText, audio: IconVolume, tools: IconTool, reasoning: IconBulb, json: IconBraces };

export function Capabilities({ model, size = 14 }: { model: Model; size?: number }): ReactNode {
  return (
    <span style={{ display: "inline-flex", gap: 5, verticalAlign: "middle" }}>
      {Object.entries(icons).map(([name, Icon]) =>
        model.capabilities[name] ? (
          <Tooltip key={name} label={strings.capabilities[name]}>
            <Icon size={size} stroke={1.6} role="img" aria-label={strings.capabilities[name] ?? name} />
          </Tooltip>
        ) : null,
      )}
    </span>
  );
}
