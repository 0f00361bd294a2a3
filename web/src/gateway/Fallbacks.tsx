// What steps in by the kind of error: rows of an error and the models that are asked then.
import { ActionIcon, Button, Group, Select, Stack, TagsInput, Text } from "@mantine/core";
import { IconPlus, IconX } from "@tabler/icons-react";
import type { ReactNode } from "react";

import { strings } from "../i18n/strings";

export interface Fallback {
  code: string;
  targets: string[];
}

export const asRows = (fallbacks: Record<string, string[]>): Fallback[] => Object.entries(fallbacks).map(([code, targets]) => ({ code, targets }));

/** What is not whole is left out. */
export const asTable = (rows: Fallback[]): Record<string, string[]> => Object.fromEntries(rows.filter((row) => row.code && row.targets.length > 0).map((row) => [row.code, row.targets]));

export function Fallbacks({ rows, onChange, codes, models }: { rows: Fallback[]; onChange: (rows: Fallback[]) => void; codes: string[]; models: string[] }): ReactNode {
  const taken = new Set(rows.map((row) => row.code));
  const choices = (own: string): { value: string; label: string }[] =>
    [...new Set([...codes, ...(own ? [own] : [])])].filter((code) => code === own || !taken.has(code)).map((code) => ({ value: code, label: strings.fallback.errors[code] ?? code }));
  const change = (at: number, what: Partial<Fallback>): void => onChange(rows.map((row, index) => (index === at ? { ...row, ...what } : row)));
  return (
    <Stack gap="sm" component="fieldset" style={{ border: 0, margin: 0, padding: 0 }}>
      <Text component="legend" size="sm" fw={500} p={0} mb={8}>
        {strings.fallback.title}
      </Text>
      <Text size="xs" c="dimmed" mt={-4}>
        {strings.fallback.hint}
      </Text>
      {rows.map((row, at) => (
        <Group key={at} gap="sm" align="start" wrap="nowrap">
          <div style={{ flex: 1, minWidth: 0, display: "flex", flexWrap: "wrap", gap: 8 }}>
            <Select value={row.code || null} onChange={(code) => change(at, { code: code ?? "" })} data={choices(row.code)} searchable placeholder={strings.fallback.error} aria-label={`${strings.fallback.error} ${at + 1}`} style={{ flex: "1 1 180px" }} />
            <TagsInput value={row.targets} onChange={(targets) => change(at, { targets })} data={models} limit={30} placeholder={row.targets.length > 0 ? "" : strings.fallback.targets} aria-label={`${strings.fallback.targets} ${at + 1}`} acceptValueOnBlur style={{ flex: "2 1 220px" }} />
          </div>
          <ActionIcon variant="subtle" color="gray" mt={4} aria-label={strings.fallback.remove(strings.fallback.errors[row.code] ?? String(at + 1))} onClick={() => onChange(rows.filter((_, index) => index !== at))}>
            <IconX size={16} />
          </ActionIcon>
        </Group>
      ))}
      <Button variant="default" size="xs" leftSection={<IconPlus size={14} />} style={{ alignSelf: "flex-start" }} disabled={rows.some((row) => !row.code) || choices("").length === 0} onClick={() => onChange([...rows, { code: "", targets: [] }])}>
        {strings.fallback.add}
      </Button>
    </Stack>
  );
}
