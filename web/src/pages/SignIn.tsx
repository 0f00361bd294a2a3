// Shown where the gateway does not know us: a token or key is traded for a session.
import { Alert, Button, PasswordInput, Stack, Text, Title } from "@mantine/core";
import { type FormEvent, type ReactNode, useState } from "react";

import { Coded } from "../components/Coded";
import { Failure } from "../components/Failure";
import { strings } from "../i18n/strings";
import { useSession } from "../state/session";

export function SignIn(): ReactNode {
  const { signIn, notice, problem } = useSession();
  const [key, setKey] = useState("");
  const [error, setError] = useState<unknown>(problem);
  const [working, setWorking] = useState(false);

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setWorking(true);
    setError(null);
    try {
      await signIn(key.trim());
    } catch (failure) {
      setError(failure);
    } finally {
      setWorking(false);
    }
  };

  return (
    <Stack component="main" h="100dvh" align="center" justify="center" p="lg">
      <form onSubmit={(event) => void submit(event)} style={{ width: "100%", maxWidth: 420 }}>
        <Stack gap="lg">
          <Stack gap={4}>
            <Text size="sm" c="dimmed">
              {strings.app}
            </Text>
            <Title order={1}>{strings.signIn.title}</Title>
          </Stack>
          {notice ? (
            <Alert color="yellow" variant="outline" role="status">
              <Coded text={strings.signIn[notice]} />
            </Alert>
          ) : null}
          <Text>
            <Coded text={strings.signIn.lead} />
          </Text>
          <PasswordInput
            label={strings.signIn.field}
            value={key}
            onChange={(event) => setKey(event.currentTarget.value)}
            autoComplete="current-password"
            size="md"
            autoFocus
            required
          />
          {error ? <Failure error={error} /> : null}
          <Button type="submit" size="md" loading={working} disabled={!key.trim()}>
            {strings.signIn.submit}
          </Button>
        </Stack>
      </form>
    </Stack>
  );
}
