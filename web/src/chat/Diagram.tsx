// A Mermaid diagram, drawn in strict mode (no scripts, no links), with its source at hand.
import { useMantineColorScheme } from "@mantine/core";
import mermaid from "mermaid";
import { type ReactNode, useEffect, useId, useState } from "react";

import { strings } from "../i18n/strings";

export function Diagram({ source }: { source: string }): ReactNode {
  const id = `d${useId().replace(/\W/g, "")}`;
  const { colorScheme } = useMantineColorScheme();
  const [svg, setSvg] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    let here = true;
    const dark = document.documentElement.getAttribute("data-mantine-color-scheme") === "dark";
    mermaid.initialize({ startOnLoad: false, securityLevel: "strict", theme: dark ? "dark" : "neutral", fontFamily: getComputedStyle(document.body).fontFamily, htmlLabels: false, flowchart: { htmlLabels: false } });
    mermaid
      .render(id, source)
      .then((drawn) => {
        if (!here) return;
        setSvg(drawn.svg);
        setProblem(null);
      })
      .catch((error: unknown) => {
        if (here) setProblem(error instanceof Error ? error.message : String(error));
      });
    return () => {
      here = false;
    };
  }, [id, source, colorScheme]);

  return (
    <figure className="code" style={{ margin: "0 0 12px", padding: 12 }}>
      {svg === null ? null : <div role="img" aria-label={strings.chat.diagram} style={{ overflowX: "auto" }} dangerouslySetInnerHTML={{ __html: svg }} />}
      {problem === null ? null : <p style={{ margin: 0, color: "var(--quiet)", fontSize: 13 }}>{problem}</p>}
      {svg === null ? <pre tabIndex={0}>{source}</pre> : null}
    </figure>
  );
}
