// A sentence with `commands` in it: what stands between back-ticks is set as code. Pages that come first have it, so it
// takes no component that they could do without.
import { Fragment, type ReactNode } from "react";

export function Coded({ text }: { text: string }): ReactNode {
  return text.split("`").map((piece, at) =>
    at % 2 === 1 ? (
      <code className="coded" key={at}>
        {piece}
      </code>
    ) : (
      <Fragment key={at}>{piece}</Fragment>
    ),
  );
}
