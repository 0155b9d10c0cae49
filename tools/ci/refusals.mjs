// What every reader of an artifact needs: refusals, digests, times, and documents named in refusals.
import crypto from 'node:crypto';
import { parseJson } from './strict-json.mjs';

export const MODEL = /^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/;
export const MAX_FILES = 64;

/** Refuses; the text is the reason. */
export const refuse = (reason) => {
  throw new Error(reason);
};

export const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest('hex');

// Every text of these documents that has a form of its own.
const time = (text, where) => {
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) ? new Date(text) : null;
  if (!at || Number.isNaN(at.getTime()) || at.toISOString().slice(0, 19) + 'Z' !== text) {
    refuse(`${where} is no time as 2026-11-24T00:00:00Z: ${JSON.stringify(text)}`);
  }
  return at.getTime();
};

export const window = (shape) => {
  const span = [shape.text('notBefore'), shape.text('notAfter')];
  const [from, to] = span.map((text) => time(text, shape.where));
  return from < to
    ? { from, to, text: span.join(' to ') }
    : refuse(`${shape.where} ends before it begins`);
};

/** The document, or a refusal that names it. */
export const parse = (bytes, where) => {
  try {
    return parseJson(bytes);
  } catch (e) {
    return refuse(`${where} ${e.message}`);
  }
};
