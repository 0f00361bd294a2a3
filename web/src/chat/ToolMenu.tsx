// Which tools the model may call in this chat: those that the gateway allows, by where they come from.
import { Checkbox, Group, Popover, Stack, Text } from "@mantine/core";
import { IconTool } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";

import { useTools } from "../api/queries";
import type { ChatSettings, Model, Tool } from "../api/types";
import { strings } from "../i18n/strings";

const NO_TOOLS: Tool[] = [];

function rule(tool: Tool): string {
  if (tool.each) return strings.chat.toolAsksEach;
  return tool.approval === "ask" ? strings.chat.toolAsksYou : "";
}

function Choice({ tool, checked, onChange }: { tool: Tool; checked: boolean; onChange: () => void }): ReactNode {
  const asks = rule(tool);
  return (
    <Checkbox
      checked={checked}
      onChange={onChange}
      label={
        <Group gap={8} wrap="nowrap" align="baseline">
          <Text span size="sm" fw={550}>
            {tool.name}
          </Text>
          {asks ? (
            <Text span size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>
              {asks}
            </Text>
          ) : null}
        </Group>
      }
      description={tool.description ? <span className="lines-2">{tool.description}</span> : null}
    />
  );
}

export function ToolMenu({ settings, model, onChange }: { settings: ChatSettings; model: Model | undefined; onChange: (tools: string[]) => void }): ReactNode {
  const [opened, setOpened] = useState(false);
  const offered = useTools().data?.items ?? NO_TOOLS;
  const chosen = settings.tools ?? [];
  const known = new Set(offered.map((tool) => tool.name));
  const gone = chosen.filter((name) => !known.has(name));
  const on = chosen.length - gone.length;
  if (offered.length === 0) return null;
  const toggle = (name: string): void => onChange(chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name]);
  const sources = [...new Set(offered.map((tool) => tool.source))];
  return (
    <Popover position="top-start" width={340} shadow="md" withinPortal trapFocus returnFocus withRoles={false} opened={opened} onChange={setOpened}>
      <Popover.Target>
        <button
          type="button"
          className="pill"
          title={strings.chat.tools}
          aria-label={on > 0 ? strings.chat.toolsOn(on) : strings.chat.tools}
          aria-haspopup="dialog"
          aria-expanded={opened}
          onClick={() => setOpened(!opened)}
        >
          <IconTool size={16} stroke={1.6} aria-hidden />
          {on > 0 ? on : ""}
        </button>
      </Popover.Target>
      <Popover.Dropdown role="dialog" aria-label={strings.chat.toolsHint} mah="60vh" style={{ overflowY: "auto" }}>
        <Stack gap="sm">
          <Text size="xs" c="dimmed">
            {on > 0 && model?.capabilities["tools"] === false ? strings.chat.toolsInWords : strings.chat.toolsHint}
          </Text>
          {sources.map((source) => (
            <Stack key={source} gap={10} role="group" aria-label={source}>
              <Text size="xs" fw={650} c="dimmed">
                {source}
              </Text>
              {offered
                .filter((tool) => tool.source === source)
                .map((tool) => (
                  <Choice key={tool.name} tool={tool} checked={chosen.includes(tool.name)} onChange={() => toggle(tool.name)} />
                ))}
            </Stack>
          ))}
          {gone.map((name) => (
            <Checkbox key={name} checked onChange={() => toggle(name)} label={name} description={strings.chat.toolGone} />
          ))}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
