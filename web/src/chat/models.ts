// What a model can and costs, in few words, and what changes when a chat goes on with another.
import type { Model } from "../api/types";
import { money, short } from "../format";
import { strings } from "../i18n/strings";

export const usable = (model: Model): boolean => model.state !== "missing" && model.state !== "invalid";

/** The provider that an id names; its alias or bare name where it names none. */
export const providerOf = (id: string): string => id.split("/")[0] ?? id;

export function priceOf(model: Model): string {
  if (model.local) return strings.picker.local;
  const price = model.price;
  if (!price) return strings.picker.priceUnknown;
  if (Number(price.input) === 0 && Number(price.output) === 0) return strings.picker.free;
  return strings.picker.price(money(price.input), money(price.output));
}

/** Words that a model is found by, beside its name. */
export function wordsOf(model: Model): string {
  const words = [model.id, model.name, model.provider];
  for (const [name, can] of Object.entries(model.capabilities)) if (can) words.push(name);
  if (model.local) words.push("local", "free");
  if (model.price && Number(model.price.input) === 0 && Number(model.price.output) === 0) words.push("free");
  if (usable(model)) words.push("ready");
  return words.join(" ").toLowerCase();
}

/** Every word must be found; a name that begins with the first one goes first. */
export function filter(models: Model[], query: string): Model[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return models;
  const first = words[0] ?? "";
  return models
    .filter((model) => {
      const all = wordsOf(model);
      return words.every((word) => all.includes(word));
    })
    .sort((one, other) => Number(other.name.toLowerCase().startsWith(first)) - Number(one.name.toLowerCase().startsWith(first)));
}

/** What a reader should know when the model changes in mid-talk. */
export function changes(from: Model | undefined, to: Model | undefined, hadReasoning: boolean): string[] {
  const told: string[] = [];
  if (!to) return told;
  const differs = (name: string): boolean => from?.capabilities[name] !== to.capabilities[name];
  const vision = to.capabilities["vision"];
  if (differs("vision") && vision !== null && vision !== undefined) told.push(vision ? strings.chat.sees : strings.chat.blind);
  const audio = to.capabilities["audio"];
  if (differs("audio") && audio !== null && audio !== undefined) told.push(audio ? strings.chat.hears : strings.chat.deaf);
  const tools = to.capabilities["tools"];
  if (differs("tools") && tools !== null && tools !== undefined) told.push(tools ? strings.chat.hasTools : strings.chat.noTools);
  if (to.context !== null && from?.context !== to.context) told.push(strings.chat.smaller(short(to.context)));
  if (hadReasoning) told.push(strings.chat.reasoningDropped);
  return told;
}
