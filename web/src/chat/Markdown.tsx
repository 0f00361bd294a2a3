// Markdown as it streams: finished blocks keep their elements, only the last one is parsed again.
import { type ComponentProps, type ReactNode, isValidElement, memo, useEffect, useRef, useState } from "react";
import ReactMarkdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";

import { CodeBlock } from "./CodeBlock";
import { type Cut, cut, definitions, dollars, nothingCut } from "./blocks";

type Plugins = Pick<ComponentProps<typeof ReactMarkdown>, "remarkPlugins" | "rehypePlugins">;

const plain: Plugins = { remarkPlugins: [remarkGfm] };
let withMath: Plugins | null = null;

/** The plug-ins that a text needs; formulas bring theirs when the first one is seen. */
function usePlugins(hasMath: boolean): Plugins {
  const [plugins, setPlugins] = useState<Plugins>(() => (hasMath && withMath ? withMath : plain));
  useEffect(() => {
    if (!hasMath || plugins !== plain) return;
    let here = true;
    void import("./math").then(({ remarkMath, rehypeKatex }) => {
      withMath = { remarkPlugins: [remarkGfm, remarkMath], rehypePlugins: [[rehypeKatex, { strict: "ignore", throwOnError: false }]] };
      if (here) setPlugins(withMath);
    });
    return () => {
      here = false;
    };
  }, [hasMath, plugins]);
  return hasMath ? plugins : plain;
}

function textOf(node: ReactNode): string {
  if (typeof node === "string" || typeof node === "number") return String(node);
  if (Array.isArray(node)) return node.map(textOf).join("");
  if (isValidElement<{ children?: ReactNode }>(node)) return textOf(node.props.children);
  return "";
}

function componentsFor(whole: boolean): Components {
  return {
    pre({ children }) {
      const code = isValidElement<{ className?: string; children?: ReactNode }>(children) ? children : null;
      const language = /language-([\w+#.-]+)/.exec(code?.props.className ?? "")?.[1] ?? "";
      return <CodeBlock code={textOf(code ?? children).replace(/\n$/, "")} language={language.toLowerCase()} whole={whole} />;
    },
    a({ href, children }) {
      return (
        <a href={href} target="_blank" rel="noopener noreferrer nofollow">
          {children}
        </a>
      );
    },
    // A picture from elsewhere would tell its host who reads what: it becomes a link.
    img({ src, alt }) {
      const address = typeof src === "string" ? src : "";
      if (address.startsWith("data:image/") || address.startsWith("blob:")) return <img src={address} alt={alt ?? ""} />;
      return (
        <a href={address} target="_blank" rel="noopener noreferrer nofollow">
          {alt || address}
        </a>
      );
    },
    table({ children }) {
      return (
        <div className="scroll" tabIndex={0} role="group">
          <table>{children}</table>
        </div>
      );
    },
  };
}

const finished = componentsFor(true);
const growing = componentsFor(false);

const Block = memo(function Block({ text, plugins, whole }: { text: string; plugins: Plugins; whole: boolean }): ReactNode {
  return (
    <ReactMarkdown {...plugins} components={whole ? finished : growing}>
      {text}
    </ReactMarkdown>
  );
});

const MATH = /\$[^\s$]|\$\$|\\\(|\\\[/;

export const Markdown = memo(function Markdown({ text, streaming = false }: { text: string; streaming?: boolean }): ReactNode {
  const before = useRef<{ text: string; cut: Cut }>({ text: "", cut: nothingCut });
  const plugins = usePlugins(MATH.test(text));
  const source = dollars(text);
  const grown = source.startsWith(before.current.text) ? before.current.cut : nothingCut;
  const now = cut(source, grown);
  before.current = { text: source, cut: now };
  const links = definitions(source);
  const last = now.blocks.length - 1;
  return (
    <div className="md">
      {now.blocks.map((block, at) => (
        <Block
          key={at}
          text={links && block.includes("[") ? `${block}\n\n${links}` : block}
          plugins={plugins}
          whole={at < last || !streaming}
        />
      ))}
    </div>
  );
});
