// Parts of a page: a heading with its room, a figure with its name, an empty state that says what to do next.
import { Paper, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

import { Coded } from "./Coded";
import { Figure } from "./Figure";

export function Section({ title, side, children }: { title: string; side?: ReactNode; children: ReactNode }): ReactNode {
  return (
    <section style={{ marginBottom: 32 }}>
      <div style={{ display: "flex", alignItems: "center", gap: 12, marginBottom: 12, flexWrap: "wrap" }}>
        <Title order={2} fz="lg" style={{ flex: 1 }}>
          {title}
        </Title>
        {side}
      </div>
      {children}
    </section>
  );
}

export function Stat({ name, value, note }: { name: string; value: string; note?: string | undefined }): ReactNode {
  return (
    <Paper withBorder p="lg" style={{ minWidth: 150, flex: "1 1 150px" }}>
      <Text size="xs" c="dimmed">
        {name}
      </Text>
      <Text fz="lg" fw={600} className="figure">
        <Figure value={value} />
      </Text>
      {note ? (
        <Text size="xs" c="dimmed">
          {note}
        </Text>
      ) : null}
    </Paper>
  );
}

export function Empty({ children, action }: { children: ReactNode; action?: ReactNode }): ReactNode {
  return (
    <Stack align="center" gap="md" py={40} px="lg">
      <Text c="dimmed" ta="center" maw={440}>
        {typeof children === "string" ? <Coded text={children} /> : children}
      </Text>
      {action}
    </Stack>
  );
}
