// Presets and templates in Settings: what there is, and where it is made, changed and taken away.
import { Badge, Button, Group, Paper, Skeleton, Stack, Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import { IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";

import { api } from "../api/client";
import { keys, usePresets } from "../api/queries";
import type { Preset } from "../api/types";
import { complain } from "../components/ChatMenu";
import { Failure } from "../components/Failure";
import { Empty } from "../components/Section";
import { strings } from "../i18n/strings";
import { PresetForm, emptyPreset } from "./PresetForm";
import { variablesOf } from "./templates";

export function PresetList(): ReactNode {
  const { data, error, refetch } = usePresets();
  const [editing, setEditing] = useState<Preset | null>(null);
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton h={160} />;
  const create = (
    <Button leftSection={<IconPlus size={15} />} onClick={() => setEditing(emptyPreset)}>
      {strings.templates.new}
    </Button>
  );
  return (
    <Stack maw={760}>
      {data.items.length === 0 ? <Empty action={create}>{strings.templates.empty}</Empty> : <Group>{create}</Group>}
      {data.items.map((preset) => (
        <PresetCard key={preset.name} preset={preset} onEdit={() => setEditing(preset)} />
      ))}
      {editing ? <PresetForm preset={editing} taken={data.items.map((one) => one.name)} onClose={() => setEditing(null)} /> : null}
    </Stack>
  );
}

function PresetCard({ preset, onEdit }: { preset: Preset; onEdit: () => void }): ReactNode {
  const queries = useQueryClient();
  const remove = useMutation({
    mutationFn: () => api.delete(`/api/presets/${encodeURIComponent(preset.name)}`),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.presets }),
    onError: complain,
  });
  const ask = (): void => {
    modals.openConfirmModal({
      title: strings.templates.remove,
      children: <Text size="sm">{strings.templates.removeSure(preset.name)}</Text>,
      labels: { confirm: strings.delete, cancel: strings.cancel },
      confirmProps: { color: "red" },
      onConfirm: () => remove.mutate(),
    });
  };
  return (
    <Paper withBorder p="lg" component="section" aria-label={preset.name}>
      <Group justify="space-between" gap="sm" wrap="nowrap" align="flex-start">
        <div style={{ minWidth: 0 }}>
          <Group gap={6}>
            <Text fw={600}>{preset.name}</Text>
            {variablesOf(preset.template ?? "").map((one) => (
              <Badge key={one} size="sm" variant="default" tt="none">
                {one}
              </Badge>
            ))}
          </Group>
          {preset.model ? (
            <Text size="xs" c="dimmed">
              {preset.model}
            </Text>
          ) : null}
        </div>
        <Group gap={4} wrap="nowrap">
          <Button size="compact-sm" variant="default" leftSection={<IconPencil size={14} />} onClick={onEdit} aria-label={strings.templates.editOf(preset.name)}>
            {strings.edit}
          </Button>
          <Button size="compact-sm" variant="subtle" color="red" leftSection={<IconTrash size={14} />} loading={remove.isPending} onClick={ask} aria-label={strings.templates.removeOf(preset.name)}>
            {strings.delete}
          </Button>
        </Group>
      </Group>
      {preset.system ? (
        <Text size="sm" c="dimmed" lineClamp={2} mt={6}>
          {preset.system}
        </Text>
      ) : null}
      {preset.template ? (
        <Text size="sm" lineClamp={3} mt={6} style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
          {preset.template}
        </Text>
      ) : null}
    </Paper>
  );
}
