// How clients are pointed at this gateway, with its address filled in.

export function snippets(address: string, key: string, model: string): { name: string; text: string }[] {
  return [
    {
      name: "curl",
      text: `curl ${address}/v1/chat/completions \\
  -H "Authorization: Bearer ${key}" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello"}]}'`,
    },
    {
      name: "Python (openai)",
      text: `from openai import OpenAI

client = OpenAI(base_url="${address}/v1", api_key="${key}")
answer = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)`,
    },
    {
      name: "Python (anthropic)",
      text: `from anthropic import Anthropic

client = Anthropic(base_url="${address}", api_key="${key}")
answer = client.messages.create(
    model="${model}",
    max_tokens=1024,
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.content[0].text)`,
    },
    {
      name: "Node (openai)",
      text: `import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${address}/v1", apiKey: "${key}" });
const answer = await client.chat.completions.create({
  model: "${model}",
  messages: [{ role: "user", content: "Hello" }],
});
console.log(answer.choices[0].message.content);`,
    },
    {
      name: "Claude Code",
      text: `ANTHROPIC_BASE_URL=${address} ANTHROPIC_AUTH_TOKEN=${key} \\
ANTHROPIC_MODEL="${model}" claude`,
    },
    {
      name: "Codex CLI",
      text: `# ~/.codex/config.toml
model = "${model}"
model_provider = "interlingua"

[model_providers.interlingua]
name = "Interlingua"
base_url = "${address}/v1"
env_key = "INTERLINGUA_KEY"
wire_api = "responses"

# then: INTERLINGUA_KEY=${key} codex`,
    },
    {
      name: "Ollama clients",
      text: `OLLAMA_HOST=${address} ollama run ${model}`,
    },
  ];
}
