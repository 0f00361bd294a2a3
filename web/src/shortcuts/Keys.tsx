// A combination as keys to be pressed.
import { Kbd } from "@mantine/core";
import type { ReactNode } from "react";

import type { ActionId } from "./actions";
import { caps } from "./keys";
import { useKeys } from "./listen";

export function Keys({ keys }: { keys: string }): ReactNode {
  return (
    <span className="keys">
      {caps(keys).map((cap) => (
        <Kbd key={cap} size="xs">
          {cap}
        </Kbd>
      ))}
    </span>
  );
}

/** What an action is called, and the keys for it, if it has some: for tooltips. */
export function Hint({ label, of }: { label: ReactNode; of: ActionId }): ReactNode {
  const keys = useKeys(of);
  return (
    <>
      {label} {keys === null ? null : <Keys keys={keys} />}
    </>
  );
}
