// Whether the content of calls is kept: off unless the administrator says of which.
import "@mantine/core/styles/Radio.css";
import { Alert, Button, Group, Modal, MultiSelect, Radio, Stack, Text } from "@mantine/core";
import { IconFileText } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";

import { api } from "../api/client";
import type { Page, SettingItem, VirtualKey } from "../api/types";
import { Failure } from "../components/Failure";
import { strings } from "../i18n/strings";

const NAME = "ledger.content.keys";
interface Settings {
  version: number;
  items: SettingItem[];
}

export function KeepContent(): ReactNode {
  const [open, setOpen] = useState(false);
  const { data } = useQuery({ queryKey: ["settings"], queryFn: ({ signal }) => api.get<Settings>("/api/settings", signal) });
  const item = data?.items.find((one) => one.path === NAME);
  if (!item) return null;
  const keys = item.value as string[];
  const said = keys.length === 0 ? strings.request.keptNone : keys.includes("*") ? strings.request.keptAll : strings.request.keptSome(keys.length);
  return (
    <>
      <Button size="xs" variant="default" onClick={() => setOpen(true)} leftSection={<IconFileText size={14} />} aria-label={`${strings.request.keepTitle}: ${said}`}>
        {said.charAt(0).toUpperCase() + said.slice(1)}
      </Button>
      <Modal opened={open} onClose={() => setOpen(false)} title={strings.request.keepTitle}>
        <Form keys={keys} editable={item.editable} onDone={() => setOpen(false)} />
      </Modal>
    </>
  );
}

function Form({ keys, editable, onDone }: { keys: string[]; editable: boolean; onDone: () => void }): ReactNode {
  const queries = useQueryClient();
  const [choice, setChoice] = useState(keys.length === 0 ? "none" : keys.includes("*") ? "all" : "some");
  const [some, setSome] = useState(keys.filter((one) => one !== "*"));
  const known = useQuery({ queryKey: ["virtual-keys"], queryFn: ({ signal }) => api.get<Page<VirtualKey>>("/api/virtual-keys", signal) });
  const save = useMutation({
    mutationFn: () => api.put(`/api/settings/${NAME}`, { value: choice === "all" ? ["*"] : choice === "some" ? some : [] }),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ["settings"] });
      void queries.invalidateQueries({ queryKey: ["content"] });
      onDone();
    },
  });
  const names = [...new Set([...(known.data?.items.map((one) => one.name) ?? []), ...some])];
  return (
    <Stack>
      <Text size="sm">{strings.request.keepLead}</Text>
      {editable ? null : <Alert variant="outline">{strings.gateway.fromFile}</Alert>}
      <Radio.Group value={choice} onChange={setChoice} aria-label={strings.request.keepTitle}>
        <Stack gap="sm">
          <Radio value="none" label={strings.request.keepNone} disabled={!editable} />
          <Radio value="all" label={strings.request.keepAll} disabled={!editable} />
          <Radio value="some" label={strings.request.keepSome} disabled={!editable || names.length === 0} />
        </Stack>
      </Radio.Group>
      {choice === "some" ? <MultiSelect label={strings.request.keepKeys} value={some} onChange={setSome} data={names} searchable disabled={!editable} /> : null}
      {save.error ? <Failure error={save.error} /> : null}
      <Group justify="flex-end">
        <Button variant="default" onClick={onDone}>
          {strings.cancel}
        </Button>
        <Button onClick={() => save.mutate()} loading={save.isPending} disabled={!editable || (choice === "some" && some.length === 0)}>
          {strings.save}
        </Button>
      </Group>
    </Stack>
  );
}
