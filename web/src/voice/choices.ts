// Who talks and who works: what may be chosen, what was, and what the agent says of it.

export interface Choice {
  llm_model: string;
  task_agent_provider: string;
  task_agent_model: string;
}

/** What the gateway offers: the defaults, and what callers may choose instead. */
export interface Offer extends Choice {
  llm_models: string[];
  task_agents: { provider: string; model: string }[];
  agent_name: string;
}

/** What the agent says is in force, and the wishes that this answers. */
export interface InForce extends Choice {
  refused: string[];
  wishes: Partial<Choice>;
}

const NAMES = ["llm_model", "task_agent_provider", "task_agent_model"] as const;

export function names(choice: Choice): Choice {
  return { llm_model: choice.llm_model, task_agent_provider: choice.task_agent_provider, task_agent_model: choice.task_agent_model };
}

export function same(one: Partial<Choice>, other: Partial<Choice>): boolean {
  return NAMES.every((name) => (one[name] ?? "") === (other[name] ?? ""));
}

/** What was chosen the last time, where it is still offered. */
export function remembered(kept: Choice | null, offer: Offer): Choice {
  const choice = names(offer);
  if (!kept) return choice;
  if (offer.llm_models.includes(kept.llm_model)) choice.llm_model = kept.llm_model;
  if (offer.task_agents.some((one) => one.provider === kept.task_agent_provider && one.model === kept.task_agent_model)) {
    choice.task_agent_provider = kept.task_agent_provider;
    choice.task_agent_model = kept.task_agent_model;
  }
  return choice;
}

/** The agent's attribute; null where it holds something else. */
export function parseInForce(text: string | undefined): InForce | null {
  if (!text) return null;
  try {
    const found = JSON.parse(text) as Partial<InForce> | null;
    if (!found || NAMES.some((name) => typeof found[name] !== "string")) return null;
    const refused = Array.isArray(found.refused) ? found.refused.filter((one) => typeof one === "string") : [];
    return { ...names(found as Choice), refused, wishes: found.wishes ?? {} };
  } catch {
    return null; // another program's attribute of that name
  }
}

export interface Line {
  id: string;
  mine: boolean;
  text: string;
}

const MOST_LINES = 400;

/** The transcript with a piece of it as it now stands: what is heard is corrected, what is said grows. */
export function written(lines: Line[], line: Line): Line[] {
  const at = lines.findLastIndex((one) => one.id === line.id && one.mine === line.mine);
  if (at < 0) return line.text.trim() ? [...lines, line].slice(-MOST_LINES) : lines;
  return lines.map((one, place) => (place === at ? line : one));
}
