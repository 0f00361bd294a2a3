// Code with its language's name, a copy button, wrapping, and colours that are loaded when there is code.
import { ActionIcon, CopyButton, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy, IconTextWrap } from "@tabler/icons-react";
import { type ReactNode, Suspense, lazy, useEffect, useState } from "react";

import { strings } from "../i18n/strings";

const Diagram = lazy(async () => ({ default: (await import("./Diagram")).Diagram }));

type Highlighter = (code: string, language: string) => string | null;
let loaded: Highlighter | null = null;

/** Colours for code that is whole; null until they are loaded, and for languages that are not known. */
function useColours(code: string, language: string, whole: boolean): string | null {
  const [highlighter, setHighlighter] = useState<Highlighter | null>(() => loaded);
  useEffect(() => {
    if (highlighter || !language) return;
    let here = true;
    void import("./highlight").then(({ highlight }) => {
      loaded = highlight;
      if (here) setHighlighter(() => highlight);
    });
    return () => {
      here = false;
    };
  }, [highlighter, language]);
  return whole && highlighter && language && code.length < 200_000 ? highlighter(code, language) : null;
}

export function CodeBlock({ code, language, whole }: { code: string; language: string; whole: boolean }): ReactNode {
  const [wrap, setWrap] = useState(false);
  const html = useColours(code, language, whole);
  if (language === "mermaid" && whole) {
    return (
      <Suspense fallback={<pre className="code">{code}</pre>}>
        <Diagram source={code} />
      </Suspense>
    );
  }
  return (
    <div className="code">
      <div className="code-head">
        <span style={{ flex: 1 }}>{language || "text"}</span>
        <Tooltip label={strings.chat.wrap}>
          <ActionIcon variant="subtle" color="gray" size="md" aria-label={strings.chat.wrap} aria-pressed={wrap} onClick={() => setWrap(!wrap)}>
            <IconTextWrap size={15} />
          </ActionIcon>
        </Tooltip>
        <CopyButton value={code}>
          {({ copied, copy }) => (
            <Tooltip label={copied ? strings.copied : strings.chat.copyCode}>
              <ActionIcon variant="subtle" color="gray" size="md" onClick={copy} aria-label={copied ? strings.copied : strings.chat.copyCode}>
                {copied ? <IconCheck size={15} /> : <IconCopy size={15} />}
              </ActionIcon>
            </Tooltip>
          )}
        </CopyButton>
      </div>
      <pre tabIndex={0} role="group" aria-label={language || "text"} {...(wrap ? { "data-wrap": true } : {})}>
        {html === null ? <code>{code}</code> : <code className="hljs" dangerouslySetInnerHTML={{ __html: html }} />}
      </pre>
    </div>
  );
}
