// Providers and their keys, local models, defaults, appearance, shortcuts, data. A secret goes in and never comes out.
import {
  Alert, Button, Group, List, Loader, Paper, PasswordInput, Progress, SegmentedControl, Select, Skeleton, Stack, Tabs, Text, TextInput, Title, useMantineColorScheme,
} from "@mantine/core";
import { modals } from "@mantine/modals";
import { notifications } from "@mantine/notifications";
import { IconDownload, IconKey, IconPlugConnected, IconSearch, IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { useSearchParams } from "react-router";

import { api, events } from "../api/client";
import { keys, useModels, useProviders } from "../api/queries";
import type { Credential, LocalModel, Page, Provider } from "../api/types";
import { complain, download } from "../components/ChatMenu";
import { Failure } from "../components/Failure";
import { Monogram } from "../components/Monogram";
import { Section } from "../components/Section";
import { StateMark } from "../components/StateMark";
import { tabOf } from "../components/tab";
import { PageFrame } from "../components/TopBar";
import { ago, bytes, seconds } from "../format";
import { strings } from "../i18n/strings";
import { ExportChats } from "../importing/ExportChats";
import { ImportChats } from "../importing/ImportChats";
import { PresetList } from "../presets/PresetList";
import { OllamaServers } from "../settings/OllamaServers";
import { ShortcutTable } from "../shortcuts/ShortcutTable";
import { useSession } from "../state/session";

const OPEN_TABS = ["appearance", "presets", "shortcuts", "data"];

export function Settings(): ReactNode {
  const { session } = useSession();
  const [query, setQuery] = useSearchParams();
  const admin = session?.admin ?? false;
  const tab = tabOf(query.get("tab"), admin ? ["providers", "local", "defaults", ...OPEN_TABS] : OPEN_TABS);
  return (
    <PageFrame title={strings.nav.settings}>
      <Tabs value={tab} onChange={(value) => setQuery({ tab: value ?? "providers" }, { replace: true })} keepMounted={false}>
        <Tabs.List mb="xl">
          {admin ? <Tabs.Tab value="providers">{strings.providers.title}</Tabs.Tab> : null}
          {admin ? <Tabs.Tab value="local">{strings.providers.local}</Tabs.Tab> : null}
          {admin ? <Tabs.Tab value="defaults">{strings.providers.defaults}</Tabs.Tab> : null}
          <Tabs.Tab value="presets">{strings.templates.tab}</Tabs.Tab>
          <Tabs.Tab value="appearance">{strings.providers.appearance}</Tabs.Tab>
          <Tabs.Tab value="shortcuts">{strings.providers.shortcuts}</Tabs.Tab>
          <Tabs.Tab value="data">{strings.providers.data}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="providers">
          <Providers wanted={query.get("provider")} />
        </Tabs.Panel>
        <Tabs.Panel value="local">
          <Local />
        </Tabs.Panel>
        <Tabs.Panel value="defaults">
          <Defaults />
        </Tabs.Panel>
        <Tabs.Panel value="appearance">
          <Appearance />
        </Tabs.Panel>
        <Tabs.Panel value="shortcuts">
          <ShortcutTable editable />
        </Tabs.Panel>
        <Tabs.Panel value="presets">
          <PresetList />
        </Tabs.Panel>
        <Tabs.Panel value="data">
          <Data admin={admin} />
        </Tabs.Panel>
      </Tabs>
    </PageFrame>
  );
}

const isSetUp = (provider: Provider): boolean => provider.state !== "missing";
/** A server that a key is not needed for, or this process: it may run, or not. */
const isNearby = (provider: Provider): boolean => provider.local || (!provider.needs_credential && LOOPBACK.test(provider.base_url));
const LOOPBACK = /^https?:\/\/(127\.|localhost|\[::1\])/;

function Providers({ wanted }: { wanted: string | null }): ReactNode {
  const { data, error, refetch } = useProviders();
  const credentials = useQuery({ queryKey: ["credentials"], queryFn: ({ signal }) => api.get<Page<Credential>>("/api/credentials", signal) });
  const active = useQuery({ queryKey: ["active"], queryFn: ({ signal }) => api.get<{ provider: string; model: string }>("/api/providers/active", signal) });
  const [text, setText] = useState(wanted ?? "");
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton h={300} />;
  const words = text.trim().toLowerCase();
  const found = data.items.filter((provider) => `${provider.id} ${provider.name} ${provider.aliases.join(" ")}`.toLowerCase().includes(words));
  const group = (title: string, items: Provider[], hint?: string): ReactNode =>
    items.length === 0 ? null : (
      <Section title={title}>
        {hint ? (
          <Text size="sm" c="dimmed" mt={-8} mb="sm">
            {hint}
          </Text>
        ) : null}
        <div style={{ display: "grid", gap: 12, gridTemplateColumns: "repeat(auto-fill, minmax(min(100%, 330px), 1fr))" }}>
          {items.map((provider) => (
            <ProviderCard
              key={provider.id}
              provider={provider}
              credentials={(credentials.data?.items ?? []).filter((one) => one.provider === provider.id)}
              isDefault={active.data?.provider === provider.id}
              opened={provider.id === wanted}
            />
          ))}
        </div>
      </Section>
    );
  // Who talks with the small model of this process has not begun yet; who set up a server of their own has.
  const none = active.data !== undefined && data.items.every((provider) => !isSetUp(provider) || isNearby(provider)) && data.items.every((provider) => provider.local || provider.id !== active.data?.provider);
  const nearby = group(strings.providers.nearby, found.filter((provider) => isSetUp(provider) && isNearby(provider)), strings.providers.nearbyHint);
  return (
    <>
      {none ? (
        <Alert variant="outline" mb="xl" title={strings.providers.begin}>
          <List type="ordered" size="sm">
            {strings.providers.steps.map((step) => (
              <List.Item key={step}>{step}</List.Item>
            ))}
          </List>
        </Alert>
      ) : null}
      <TextInput value={text} onChange={(event) => setText(event.currentTarget.value)} placeholder={strings.providers.search} aria-label={strings.providers.search} leftSection={<IconSearch size={15} />} maw={360} mb="xl" />
      {group(strings.providers.ready, found.filter((provider) => isSetUp(provider) && !isNearby(provider)))}
      {none ? null : nearby}
      {group(strings.providers.notSetUp, found.filter((provider) => !isSetUp(provider)))}
      {none ? nearby : null}
    </>
  );
}

interface Tested {
  state: Provider["state"];
  seconds: number | null;
  models: number | null;
  error: { message: string; remedy?: string | null } | null;
}

function ProviderCard({ provider, credentials, isDefault, opened }: { provider: Provider; credentials: Credential[]; isDefault: boolean; opened: boolean }): ReactNode {
  const queries = useQueryClient();
  const refresh = (): void => {
    for (const key of [keys.providers, keys.models, ["credentials"], ["active"]]) void queries.invalidateQueries({ queryKey: key });
  };
  const test = useMutation({
    mutationFn: () => api.post<Tested>(`/api/providers/${encodeURIComponent(provider.id)}/test`),
    onSettled: refresh,
  });
  const makeDefault = useMutation({
    mutationFn: () => api.put("/api/providers/active", { provider: provider.id, model: provider.default_model }),
    onSuccess: () => {
      refresh();
      void queries.invalidateQueries({ queryKey: ["session"] });
    },
    onError: complain,
  });
  const remove = useMutation({
    mutationFn: (credential: Credential) => api.delete(`/api/credentials/${encodeURIComponent(credential.provider)}/${encodeURIComponent(credential.profile)}`),
    onSuccess: refresh,
    onError: complain,
  });
  const edit = (profile: string): void => {
    modals.open({ title: `${provider.name}: ${strings.providers.addKey}`, children: <KeyForm provider={provider} profile={profile} onDone={refresh} /> });
  };
  return (
    <Paper withBorder p="lg" component="section" aria-label={provider.name} style={opened ? { borderColor: "var(--mantine-primary-color-filled)" } : {}}>
      <Group gap="sm" wrap="nowrap" mb="sm">
        <Monogram name={provider.id} size={28} />
        <div style={{ flex: 1, minWidth: 0 }}>
          <Text fw={600} truncate>
            {provider.name}
            {isDefault ? (
              <Text span size="xs" c="dimmed">
                {" "}
                · {strings.providers.isDefault}
              </Text>
            ) : null}
          </Text>
          <Text size="xs" c="dimmed" truncate title={provider.base_url}>
            {provider.base_url}
          </Text>
        </div>
        <StateMark state={provider.state} />
      </Group>
      <Text size="xs" c="dimmed" mb="sm">
        {[
          provider.tail,
          provider.source ? strings.providers.source(provider.source) : null,
          provider.checked ? strings.providers.lastCheck(ago(provider.checked)) : null,
          provider.models === null ? null : strings.providers.modelCount(provider.models),
        ]
          .filter(Boolean)
          .join(" · ") || " "}
      </Text>
      {credentials
        .filter((one) => one.writable)
        .map((one) => (
          <Group key={one.profile} gap="sm" justify="space-between">
            <Text size="sm">
              {one.profile} <Text span c="dimmed" className="figure">{one.tail}</Text>
            </Text>
            <Button
              size="compact-xs"
              variant="subtle"
              color="red"
              leftSection={<IconTrash size={13} />}
              onClick={() =>
                modals.openConfirmModal({
                  title: strings.providers.removeKey,
                  children: <Text size="sm">{strings.providers.removeSure(`${one.provider}/${one.profile}`)}</Text>,
                  labels: { confirm: strings.remove, cancel: strings.cancel },
                  confirmProps: { color: "red" },
                  onConfirm: () => remove.mutate(one),
                })
              }
            >
              {strings.remove}
            </Button>
          </Group>
        ))}
      {test.data ? (
        test.data.error ? (
          <Text size="sm" c="red" role="alert" my="sm">
            {test.data.error.message} {test.data.error.remedy}
          </Text>
        ) : (
          <Text size="sm" my="sm" role="status">
            {strings.providers.tested(seconds(test.data.seconds), strings.providers.modelCount(test.data.models ?? 0))}
          </Text>
        )
      ) : null}
      {test.error ? <Failure error={test.error} /> : null}
      <Group gap="sm" mt="sm">
        {provider.needs_credential || credentials.length > 0 ? (
          <Button size="xs" variant={provider.state === "missing" ? "filled" : "default"} leftSection={<IconKey size={14} />} onClick={() => edit("default")}>
            {provider.state === "missing" ? strings.providers.addKey : strings.providers.replaceKey}
          </Button>
        ) : null}
        {isSetUp(provider) ? (
          <Button size="xs" variant="default" leftSection={<IconPlugConnected size={14} />} loading={test.isPending} onClick={() => test.mutate()}>
            {strings.providers.test}
          </Button>
        ) : null}
        {isDefault || !provider.default_model || provider.state === "missing" ? null : (
          <Button size="xs" variant="subtle" loading={makeDefault.isPending} onClick={() => makeDefault.mutate()}>
            {strings.providers.makeDefault}
          </Button>
        )}
      </Group>
    </Paper>
  );
}

function KeyForm({ provider, profile, onDone }: { provider: Provider; profile: string; onDone: () => void }): ReactNode {
  const [secret, setSecret] = useState("");
  const [name, setName] = useState(profile);
  const save = useMutation({
    mutationFn: () => api.put<Credential>(`/api/credentials/${encodeURIComponent(provider.id)}/${encodeURIComponent(name.trim() || "default")}`, { secret: secret.trim() }),
    onSuccess: (kept) => {
      modals.closeAll();
      notifications.show({ message: `${strings.saved}: ${kept.provider}/${kept.profile} ${kept.tail}, ${strings.providers.source(kept.source)}` });
      onDone();
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <PasswordInput label={strings.providers.secret} description={strings.providers.secretHint} value={secret} onChange={(event) => setSecret(event.currentTarget.value)} autoComplete="off" data-autofocus required />
        <TextInput label={strings.providers.profile} description={strings.providers.profileHint} value={name} onChange={(event) => setName(event.currentTarget.value)} maxLength={64} />
        {save.error ? <Failure error={save.error} /> : null}
        <Group justify="flex-end">
          <Button variant="default" onClick={() => modals.closeAll()}>
            {strings.cancel}
          </Button>
          <Button type="submit" loading={save.isPending} disabled={!secret.trim()}>
            {strings.save}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Local(): ReactNode {
  const queries = useQueryClient();
  const { data, error, refetch } = useQuery({ queryKey: ["local"], queryFn: ({ signal }) => api.get<Page<LocalModel>>("/api/local/models", signal) });
  const [pulling, setPulling] = useState<Record<string, number | null>>({});
  const refresh = (): void => {
    void refetch();
    void queries.invalidateQueries({ queryKey: keys.models });
  };
  const pull = async (name: string): Promise<void> => {
    setPulling((before) => ({ ...before, [name]: null }));
    try {
      for await (const event of events("/api/local/pull", { method: "POST", body: { name } })) {
        const said = JSON.parse(event.data) as { done?: number; total?: number | null; error?: { message: string } };
        if (event.name === "progress" && said.total) setPulling((before) => ({ ...before, [name]: ((said.done ?? 0) / (said.total ?? 1)) * 100 }));
        else if (event.name === "error" && said.error) throw new Error(said.error.message);
      }
    } catch (failure) {
      complain(failure);
    } finally {
      setPulling((before) => Object.fromEntries(Object.entries(before).filter(([one]) => one !== name)));
      refresh();
    }
  };
  const remove = (model: LocalModel): void => {
    modals.openConfirmModal({
      title: model.name,
      children: <Text size="sm">{strings.providers.removeModel(model.name)}</Text>,
      labels: { confirm: strings.remove, cancel: strings.cancel },
      confirmProps: { color: "red" },
      onConfirm: () => void api.delete(`/api/local/models/${encodeURIComponent(model.name)}`).then(refresh, complain),
    });
  };
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton h={160} />;
  return (
    <Stack gap="md" maw={640}>
      <Title order={2} fz="lg">
        {strings.ollama.here}
      </Title>
      {data.items.map((model) => (
        <Paper withBorder p="lg" key={model.name}>
          <Group justify="space-between" gap="md">
            <div>
              <Text fw={600}>{model.name}</Text>
              <Text size="xs" c="dimmed" className="figure">
                {model.size === null ? "" : `${bytes(model.size)} · `}
                {model.loaded ? strings.providers.loaded : model.present ? strings.providers.present : strings.providers.absent}
              </Text>
            </div>
            {model.name in pulling ? (
              pulling[model.name] === null ? <Loader size="sm" aria-label={strings.providers.pulling} /> : <Progress value={pulling[model.name] ?? 0} w={160} aria-label={strings.providers.pulling} />
            ) : model.present ? (
              <Button size="xs" variant="default" color="red" leftSection={<IconTrash size={14} />} onClick={() => remove(model)}>
                {strings.remove}
              </Button>
            ) : (
              <Button size="xs" leftSection={<IconDownload size={14} />} onClick={() => void pull(model.name)}>
                {strings.providers.pull}
              </Button>
            )}
          </Group>
        </Paper>
      ))}
      <div style={{ marginTop: 20 }}>
        <OllamaServers />
      </div>
    </Stack>
  );
}

function Defaults(): ReactNode {
  const queries = useQueryClient();
  const models = useModels();
  const active = useQuery({ queryKey: ["active"], queryFn: ({ signal }) => api.get<{ provider: string; model: string }>("/api/providers/active", signal) });
  const change = useMutation({
    mutationFn: (id: string) => {
      const model = models.data?.items.find((one) => one.id === id);
      return api.put("/api/providers/active", { provider: model?.provider ?? "", model: model?.name ?? id });
    },
    onSuccess: () => {
      notifications.show({ message: strings.saved });
      void queries.invalidateQueries({ queryKey: ["active"] });
      void queries.invalidateQueries({ queryKey: ["session"] });
    },
    onError: complain,
  });
  if (active.error) return <Failure error={active.error} retry={() => void active.refetch()} />;
  if (!active.data || !models.data) return <Skeleton h={80} />;
  return (
    <Select
      maw={420}
      label={strings.providers.defaultModel}
      description={strings.providers.defaultModelHint}
      searchable
      limit={60}
      allowDeselect={false}
      value={`${active.data.provider}/${active.data.model}`}
      onChange={(id) => id && change.mutate(id)}
      data={models.data.items.filter((model) => !model.alias && model.state !== "missing").map((model) => model.id)}
      disabled={change.isPending}
    />
  );
}

function Appearance(): ReactNode {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Stack gap={6}>
      <Text size="sm" fw={500} id="scheme">
        {strings.providers.scheme}
      </Text>
      <SegmentedControl
        aria-labelledby="scheme"
        style={{ alignSelf: "flex-start" }}
        value={colorScheme}
        onChange={(value) => setColorScheme(value as "auto" | "light" | "dark")}
        data={Object.entries(strings.providers.schemes).map(([value, label]) => ({ value, label }))}
      />
    </Stack>
  );
}

function Data({ admin }: { admin: boolean }): ReactNode {
  return (
    <Stack gap="xl" align="flex-start">
      <ImportChats />
      <ExportChats />
      {admin ? (
        <Button variant="default" leftSection={<IconDownload size={15} />} onClick={() => void api.blob("/api/settings/export").then((blob) => download(blob, "interlingua-settings.toml"), complain)}>
          {strings.providers.exportSettings}
        </Button>
      ) : null}
    </Stack>
  );
}

