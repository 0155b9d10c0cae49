#!/usr/bin/env node
// The operators' job behind "remove feedback for privacy reasons": puts pseudonyms in the place of a
// person by POST /admin/feedback/redactions. Counts first and changes nothing without --apply.
// Runs under Node 22.18 or newer as it is; needs no package.
//
//   ML_TOKEN=… node shared/scripts/redact-model-feedback.ts --entity company-17 --reason 'request 12'
//   … the same with --apply, when the counts are right
import { parseArgs } from "node:util";

type Whose = { entityId: string } | { submittedBy: string } | { predictionIds: string[] };

interface ExportNote {
  exportId: string;
  at: string;
  actor: string;
  from: string;
  to: string;
  modelId: string | null;
}

interface Round {
  dryRun: boolean;
  auditId: string | null;
  decisions: number;
  labels: number;
  requests: number;
  altered: number;
  more: boolean;
  exports: ExportNote[];
}

interface Report {
  decisions: number;
  labels: number;
  requests: number;
  altered: number;
  auditIds: string[];
  exports: ExportNote[];
}

const MAX_ROUNDS = 100_000;
const MAX_PREDICTIONS = 500;
const TIMEOUT_MS = 30_000;
const USAGE =
  "usage: redact-model-feedback.ts (--entity E | --submitted-by S | --prediction P [--prediction …])\n" +
  "         --reason R [--apply] [--url http://127.0.0.1:9090]    token in ML_TOKEN, role compliance";

class Failure extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

function whose(entity?: string, submittedBy?: string, predictions?: string[]): Whose {
  const given: Whose[] = [];
  if (entity !== undefined) given.push({ entityId: entity });
  if (submittedBy !== undefined) given.push({ submittedBy });
  if (predictions !== undefined) given.push({ predictionIds: predictions });
  const only = given[0];
  if (given.length !== 1 || only === undefined) {
    throw new Failure(2, `${given.length} persons given, expected one\n${USAGE}`);
  }
  if (predictions !== undefined && predictions.length > MAX_PREDICTIONS) {
    throw new Failure(2, `${predictions.length} predictions, expected at most ${MAX_PREDICTIONS}`);
  }
  return only;
}

async function call(url: string, person: Whose, reason: string, dryRun: boolean): Promise<Round> {
  let response: Response;
  try {
    response = await fetch(`${url}/admin/feedback/redactions`, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        Authorization: `Bearer ${process.env.ML_TOKEN ?? ""}`,
      },
      body: JSON.stringify({ ...person, reason, dryRun }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new Failure(3, `no answer from ${url}: is the service running?`);
  }
  const text = await response.text();
  if (response.status !== 200) {
    throw new Failure(response.status >= 500 ? 3 : 1, `answer ${response.status}: ${text}`);
  }
  return JSON.parse(text) as Round;
}

/** Rounds of at most 500 decisions or labels until none is left; what was done is done. */
async function redact(url: string, person: Whose, reason: string): Promise<Report> {
  const report: Report = { decisions: 0, labels: 0, requests: 0, altered: 0, auditIds: [], exports: [] };
  const exports = new Map<string, ExportNote>();
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    const done = await call(url, person, reason, false);
    report.decisions += done.decisions;
    report.labels += done.labels;
    report.requests += done.requests;
    report.altered += done.altered;
    if (done.auditId !== null) report.auditIds.push(done.auditId);
    for (const note of done.exports) exports.set(note.exportId, note);
    console.error(`round ${round}: ${report.decisions} decisions, ${report.labels} labels so far`);
    if (!done.more) break;
  }
  report.exports = [...exports.values()];
  return report;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      entity: { type: "string" },
      "submitted-by": { type: "string" },
      prediction: { type: "string", multiple: true },
      reason: { type: "string" },
      url: { type: "string", default: process.env.ML_URL ?? "http://127.0.0.1:9090" },
      apply: { type: "boolean", default: false },
    },
  });
  const person = whose(values.entity, values["submitted-by"], values.prediction);
  if (values.reason === undefined) throw new Failure(2, `--reason is missing\n${USAGE}`);
  const url = values.url ?? "";
  const found = await call(url, person, values.reason, true);
  console.error(
    `dry run: ${found.decisions} decisions, ${found.labels} labels, ${found.requests} request ids` +
      (found.more ? ", and more" : ""),
  );
  if (!values.apply) {
    console.error("nothing was changed: --apply replaces them");
    return;
  }
  const report = await redact(url, person, values.reason);
  console.log(JSON.stringify(report, null, 2));
  for (const note of report.exports) {
    console.error(`export ${note.exportId} of ${note.at} by ${note.actor} holds some of it: remove its file`);
  }
}

try {
  await main();
} catch (e) {
  console.error(`redact-model-feedback: ${e instanceof Error ? e.message : String(e)}`);
  process.exitCode = e instanceof Failure ? e.exitCode : 2;
}
