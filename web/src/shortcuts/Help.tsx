// `?`: what every key does, as it is set in this browser.
import { Button, Group, Modal } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";

import { strings } from "../i18n/strings";
import { ShortcutTable } from "./ShortcutTable";

export function Help({ onClose }: { onClose: () => void }): ReactNode {
  return (
    <Modal opened onClose={onClose} title={strings.shortcuts.title} size="lg">
      <ShortcutTable editable={false} />
      <Group justify="flex-end" mt="lg">
        <Button component={Link} to="/settings?tab=shortcuts" variant="default" size="xs" onClick={onClose}>
          {strings.shortcuts.changeAll}
        </Button>
      </Group>
    </Modal>
  );
}
