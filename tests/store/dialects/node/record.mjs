// Records what a TypeScript library really writes: run by ../record.py, which holds the API and the collector.
//
//     node record.mjs DIALECT API_URL COLLECTOR_URL
//
// One call, one create({stream: true}), one stream(), one call that the API refuses, one that succeeds when it is tried
// again. A second dialect after a `+` is switched on beside the first (`anthropic-sdk-typescript+openinference-js`).

import { trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const MODEL = "claude-haiku-4-5";
const [name, api, collector] = process.argv.slice(2);
const dialects = name.split("+");
const SYSTEM = "SECRET system";
const PROMPT = "SECRET prompt";
const KEY = "sk-ant-SECRET";

const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": "recorded" }),
  spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter({ url: `${collector}/v1/traces` }))],
});
provider.register();

const refused = async (call) => {
  try {
    await call();
  } catch (error) {
    if (!String(error).includes("529") && !String(error).includes("verloaded")) throw error;
  }
};

async function anthropicSdk() {
  const loaded = dialects.includes("traceloop-js") ? "@anthropic-ai/sdk-0" : "@anthropic-ai/sdk";
  const module = await import(loaded);
  const { Anthropic } = module;
  if (dialects.includes("openinference-js")) {
    const { AnthropicInstrumentation } = await import("@arizeai/openinference-instrumentation-anthropic");
    const instrumentation = new AnthropicInstrumentation();
    instrumentation.setTracerProvider(provider);
    instrumentation.manuallyInstrument(Anthropic);
  }
  if (dialects.includes("traceloop-js")) {
    const { AnthropicInstrumentation } = await import("@traceloop/instrumentation-anthropic");
    const instrumentation = new AnthropicInstrumentation();
    instrumentation.setTracerProvider(provider);
    instrumentation.manuallyInstrument(module);
  }
  const traced = dialects.includes("anthropic-sdk-typescript");
  const client = new Anthropic({ baseURL: api, apiKey: KEY, maxRetries: 0, ...(traced ? {} : { openTelemetry: false }) });
  const request = {
    model: MODEL,
    max_tokens: 100,
    system: SYSTEM,
    messages: [{ role: "user", content: PROMPT }],
    tools: [{ name: "look", description: "SECRET tool", input_schema: { type: "object" } }],
    metadata: { user_id: "SECRET user" },
    stop_sequences: ["SECRET stop"],
  };
  await client.messages.create(request);
  for await (const _ of await client.messages.create({ ...request, stream: true }));
  await client.messages.stream(request).finalMessage();
  await refused(() => client.messages.create({ ...request, model: "overloaded" }));
  await client.messages.create({ ...request, model: "flaky" }, { maxRetries: 2 });
}

async function vercel(ai, createAnthropic, telemetry) {
  const { generateText, streamText, tool, jsonSchema } = ai;
  const anthropic = createAnthropic({ baseURL: `${api}/v1`, apiKey: KEY });
  const request = (model) => ({
    model: anthropic(model),
    maxOutputTokens: 100,
    maxRetries: 0,
    system: SYSTEM,
    prompt: PROMPT,
    stopSequences: ["SECRET stop"],
    tools: { look: tool({ description: "SECRET tool", inputSchema: jsonSchema({ type: "object" }) }) },
    ...telemetry,
  });
  await generateText(request(MODEL));
  await streamText(request(MODEL)).text;
  for await (const _ of streamText(request(MODEL)).textStream);
  await refused(() => generateText(request("overloaded")));
  await generateText({ ...request("flaky"), maxRetries: 2 });
}

if (dialects.includes("vercel-6")) {
  const { createAnthropic } = await import("@ai-sdk/anthropic-3");
  await vercel(await import("ai-6"), createAnthropic, { experimental_telemetry: { isEnabled: true } });
} else if (dialects.includes("vercel-7")) {
  const ai = await import("ai");
  const { OpenTelemetry } = await import("@ai-sdk/otel");
  const { createAnthropic } = await import("@ai-sdk/anthropic");
  ai.registerTelemetry(new OpenTelemetry());
  await vercel(ai, createAnthropic, {});
} else {
  await anthropicSdk();
}
await provider.forceFlush();
await provider.shutdown();
trace.disable();
