// The gateway itself: what is being asked right now, where names lead, who may ask, and how clients are pointed here.
import { Code, CopyButton, Button, Group, Tabs, Text, Select, Stack, TextInput } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { useSearchParams } from "react-router";

import { tabOf } from "../components/tab";
import { PageFrame } from "../components/TopBar";
import { Keys } from "../gateway/Keys";
import { LiveLog } from "../gateway/LiveLog";
import { Routes } from "../gateway/Routes";
import { snippets } from "../gateway/snippets";
import { strings } from "../i18n/strings";
import { useSession } from "../state/session";

export function Gateway(): ReactNode {
  const { session } = useSession();
  const [query, setQuery] = useSearchParams();
  const admin = session?.admin ?? false;
  const tab = tabOf(query.get("tab"), admin ? ["log", "routes", "keys", "connect"] : ["log", "connect"]);
  return (
    <PageFrame title={strings.nav.gateway}>
      <Tabs value={tab} onChange={(value) => setQuery({ tab: value ?? "log" }, { replace: true })} keepMounted={false}>
        <Tabs.List mb="xl">
          <Tabs.Tab value="log">{strings.gateway.log}</Tabs.Tab>
          {admin ? <Tabs.Tab value="routes">{strings.gateway.routes}</Tabs.Tab> : null}
          {admin ? <Tabs.Tab value="keys">{strings.gateway.keys}</Tabs.Tab> : null}
          <Tabs.Tab value="connect">{strings.gateway.connect}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="log">
          <LiveLog admin={admin} />
        </Tabs.Panel>
        <Tabs.Panel value="routes">
          <Routes />
        </Tabs.Panel>
        <Tabs.Panel value="keys">
          <Keys />
        </Tabs.Panel>
        <Tabs.Panel value="connect">
          <Connect model={session?.default_model ?? ""} needsKey={session?.needs_key ?? false} />
        </Tabs.Panel>
      </Tabs>
    </PageFrame>
  );
}

function Connect({ model, needsKey }: { model: string; needsKey: boolean }): ReactNode {
  const [chosen, setChosen] = useState("curl");
  const [name, setName] = useState(model);
  const found = snippets(location.origin, needsKey ? strings.gateway.yourKey : "none", name || model);
  const text = found.find((one) => one.name === chosen)?.text ?? "";
  return (
    <Stack gap="lg" maw={720}>
      <Text>{strings.gateway.lead(location.origin)}</Text>
      <Text size="sm" c="dimmed">
        {needsKey ? strings.gateway.oneKey : strings.gateway.anyKey}
      </Text>
      <Group grow preventGrowOverflow={false} gap="md">
        <Select label={strings.gateway.client} value={chosen} onChange={(value) => setChosen(value ?? "curl")} data={found.map((one) => one.name)} allowDeselect={false} miw={200} />
        <TextInput label={strings.gateway.columns.model} value={name} onChange={(event) => setName(event.currentTarget.value)} miw={200} />
      </Group>
      <div>
        <CopyButton value={text}>
          {({ copied, copy }) => (
            <Button size="xs" variant="default" onClick={copy} leftSection={copied ? <IconCheck size={14} /> : <IconCopy size={14} />} style={{ display: "block", margin: "0 0 8px auto" }}>
              {copied ? strings.copied : strings.copy}
            </Button>
          )}
        </CopyButton>
        <Code block style={{ fontSize: 13, padding: 16 }} tabIndex={0}>
          {text}
        </Code>
      </div>
    </Stack>
  );
}
