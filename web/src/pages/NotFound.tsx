import { Button, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";

import { strings } from "../i18n/strings";

export function NotFound(): ReactNode {
  return (
    <Stack align="center" justify="center" h="100%" gap="lg">
      <Text c="dimmed">{strings.errors.notFound}</Text>
      <Button component={Link} to="/" variant="default">
        {strings.errors.home}
      </Button>
    </Stack>
  );
}
