// A figure that may be unknown: then it says so, and why.
import { Text, Tooltip } from "@mantine/core";
import type { ReactNode } from "react";

import { strings } from "../i18n/strings";

export function Figure({ value, why = strings.unknownWhy }: { value: string; why?: string }): ReactNode {
  if (value !== strings.unknown) return <span className="figure">{value}</span>;
  return (
    <Tooltip label={why} multiline maw={280}>
      <Text span inherit c="dimmed" tabIndex={0} className="figure">
        {strings.unknown}
      </Text>
    </Tooltip>
  );
}
