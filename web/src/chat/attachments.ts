// Files become parts: pictures, sound and documents inline, text as text. What the model cannot take is told before.
import type { Model, Part } from "../api/types";
import { bytes } from "../format";
import { strings } from "../i18n/strings";

export interface Attachment {
  key: string;
  name: string;
  part: Part;
  /** for a small picture of it */
  preview: string | null;
}

const LARGEST = 20_000_000;
const LARGEST_TEXT = 1_000_000;
export const LONG_PASTE = 4000;

const TEXT = /^(text\/|application\/(json|xml|javascript|x-(sh|yaml|toml|sql|httpd-php)|yaml|toml|sql|typescript)$)/;
const TEXT_NAME = /\.(txt|md|rst|csv|tsv|json|jsonl|xml|ya?ml|toml|ini|cfg|conf|log|py|pyi|js|mjs|cjs|ts|tsx|jsx|java|kt|c|h|cc|cpp|hpp|cs|go|rs|rb|php|pl|sh|bash|zsh|sql|html?|css|scss|tex|lua|r|jl|swift|scala|dart|vue|svelte|dockerfile|makefile|diff|patch)$/i;

let made = 0;

function base64(data: ArrayBuffer): string {
  const view = new Uint8Array(data);
  let text = "";
  for (let at = 0; at < view.length; at += 0x8000) text += String.fromCharCode(...view.subarray(at, at + 0x8000));
  return btoa(text);
}

export function textAttachment(name: string, text: string): Attachment {
  made += 1;
  const fence = "`".repeat(Math.max(3, ...[...text.matchAll(/`{3,}/g)].map((found) => found[0].length + 1)));
  return { key: `a${made}`, name, part: { type: "text", text: `${name}:\n${fence}\n${text}\n${fence}` }, preview: null };
}

/** A file as a part.
 *
 * Throws an Error that says why where it cannot be one. */
export async function attachment(file: File): Promise<Attachment> {
  if (file.size > LARGEST) throw new Error(strings.chat.tooLarge(file.name, bytes(LARGEST)));
  if (TEXT.test(file.type) || (!file.type && TEXT_NAME.test(file.name)) || TEXT_NAME.test(file.name)) {
    if (file.size > LARGEST_TEXT) throw new Error(strings.chat.tooLarge(file.name, bytes(LARGEST_TEXT)));
    return textAttachment(file.name, await file.text());
  }
  made += 1;
  const kind = file.type.split("/")[0];
  const modality = kind === "image" || kind === "audio" || kind === "video" ? kind : "document";
  const content = base64(await file.arrayBuffer());
  return {
    key: `a${made}`,
    name: file.name,
    part: { type: "blob", modality, mime_type: file.type || "application/octet-stream", content, name: file.name },
    preview: modality === "image" ? `data:${file.type};base64,${content}` : null,
  };
}

const NEEDS: Record<string, string> = { image: "vision", audio: "audio", document: "documents" };

/** The first attachment that the model is known not to take, and models that do. */
export function refused(model: Model | undefined, attached: Attachment[], all: Model[]): { what: string; instead: Model[] } | null {
  if (!model) return null;
  for (const { part } of attached) {
    const need = part.type === "blob" ? NEEDS[part.modality ?? "document"] : undefined;
    if (need && model.capabilities[need] === false) {
      const instead = all.filter((other) => other.capabilities[need] && other.state !== "missing" && other.state !== "invalid");
      return { what: (strings.capabilities[need] ?? need).toLowerCase(), instead: instead.slice(0, 3) };
    }
  }
  return null;
}
