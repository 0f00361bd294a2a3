// Colours for code. The highlighter escapes what it is given, so its HTML holds nothing but spans of its own.
import "./highlight.css";
import hljs from "highlight.js/lib/common";

export function highlight(code: string, language: string): string | null {
  if (!hljs.getLanguage(language)) return null;
  return hljs.highlight(code, { language, ignoreIllegals: true }).value;
}
