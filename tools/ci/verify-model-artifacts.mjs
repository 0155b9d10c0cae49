#!/usr/bin/env node
// The integrity gate a second time, by code that shares nothing with the service but the format:
// plain Node 20, node: modules only. What it refuses, `bin/ml-service verify` refuses, and the other
// way round; ITVerifiers holds the two together.
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspectModule } from './torchscript-archive.mjs';
import { parseJson, Shape } from './strict-json.mjs';

const HOME = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const HELP = `Verifies every artifact <registry>/<model>/<version>/ : each byte against the manifest and the
signature over both, by a key that the trust file pins for the model and does not revoke.

Usage: tools/ci/verify-model-artifacts.mjs [options] [registry folder ...]

  --trust FILE       who may sign (default: $ML_TRUST_FILE, or conf/trust.json)
  --also-trust PEM   a public key that may sign every model, as a development machine's; repeatable
  --json             one JSON object a line
  --help             this

The default folder is artifacts/models. Exit codes: 0 all pass, 1 one fails or there is none, 2 wrong
usage.
Example: tools/ci/verify-model-artifacts.mjs artifacts/models`;

const MODEL = /^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/;
const VERSION = /^[0-9]{8}(-[1-9][0-9]{0,2})?$/;
const FILE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const HEX = /^[0-9a-f]{64}$/;
const MAX_FILES = 64;
const MAX_SIGNATURE = 256 << 10;
const MAX_MANIFEST = 4 << 20;
const MAX_FILE = 256 << 20;
const MAX_ARTIFACT = 512 << 20;
const IGNORED = ['.git', '.gitattributes', '.github', '.gitignore', 'model.sig'];
// SubjectPublicKeyInfo of a named curve with an uncompressed point: curve, hash, half of the order's
// bytes, bytes of the DER.
const CURVES = {
  prime256v1: {
    hash: 'sha256',
    der: 91,
    order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  },
  secp384r1: {
    hash: 'sha384',
    der: 120,
    order:
      0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  },
};

/** A refusal; its text is the reason. */
export class Refused extends Error {}

const refuse = (reason) => {
  throw new Refused(reason);
};
const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest('hex');

// Every text of these documents that has a form of its own.
const time = (text, where) => {
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) ? new Date(text) : null;
  if (!at || Number.isNaN(at.getTime()) || at.toISOString().slice(0, 19) + 'Z' !== text) {
    refuse(`${where} is no time as 2026-11-24T00:00:00Z: ${JSON.stringify(text)}`);
  }
  return at.getTime();
};

const window = (shape) => {
  const span = [shape.text('notBefore'), shape.text('notAfter')];
  const [from, to] = span.map((text) => time(text, shape.where));
  return from < to ? { from, to, text: span.join(' to ') } : refuse(`${shape.where} ends before it begins`);
};

const base64 = (text, where) => {
  const bytes = Buffer.from(text, 'base64');
  return text !== '' && bytes.toString('base64') === text ? bytes : refuse(`${where} is no padded base64`);
};

const publicKey = (pem, where) => {
  const block = /^\s*-----BEGIN PUBLIC KEY-----\r?\n([A-Za-z0-9+/=\r\n]{1,8192})-----END PUBLIC KEY-----\s*$/.exec(pem);
  const der = base64((block ?? refuse(`${where} is no PEM of a public key`))[1].replace(/[\r\n]/g, ''), where);
  let key;
  try {
    key = crypto.createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    refuse(`${where} holds no public key`);
  }
  const curve = key.asymmetricKeyType === 'ec' ? CURVES[key.asymmetricKeyDetails.namedCurve] : undefined;
  if (!curve || der.length !== curve.der) {
    refuse(`${where} is a key of another kind than ECDSA over P-256 or P-384`);
  }
  const canonical = key.export({ format: 'pem', type: 'spki' });
  return { key, curve, id: `sha256:${sha256(der)}`, hint: sha256(canonical) };
};

/** The document, or a refusal that names it. */
const parse = (bytes, where) => {
  try {
    return parseJson(bytes);
  } catch (e) {
    return refuse(`${where} ${e.message}`);
  }
};

const readTrust = (file, development) => {
  const all = Shape.of(parse(fs.readFileSync(file), 'trust'), 'trust', ['keys', 'revoked']);
  const keys = all.objects('keys', 10_000, ['id', 'models', 'notBefore', 'notAfter', 'publicKey', 'comment']).map((k) => {
    const key = publicKey(k.text('publicKey'), k.where);
    if (k.text('id') !== key.id) refuse(`${k.where}.id is not ${key.id}`);
    const models = k.texts('models', 10_000);
    if (models.length === 0 || new Set(models).size !== models.length || !models.every((m) => MODEL.test(m))) {
      refuse(`${k.where}.models is no list of model ids`);
    }
    k.text('comment');
    return { ...key, signs: (model) => models.includes(model), window: window(k) };
  });
  const lists = all.object('revoked', ['keys', 'versions', 'digests']);
  const listed = (name, fields) =>
    new Map(lists.objects(name, 10_000, [...fields, 'reason']).map((r) => [fields.map((f) => r.text(f)).join('/'), r.text('reason')]));
  const always = { from: -Infinity, to: Infinity, text: 'always' };
  for (const pem of development) {
    const key = publicKey(fs.readFileSync(pem, 'latin1'), pem);
    if (!keys.some((k) => k.id === key.id)) keys.push({ ...key, signs: () => true, window: always });
  }
  if (new Set(keys.map((k) => k.id)).size !== keys.length) refuse('trust pins a key twice');
  return {
    keys,
    revokedKeys: listed('keys', ['id']),
    revokedVersions: listed('versions', ['model', 'version']),
    revokedDigests: listed('digests', ['digest']),
  };
};

/** Names of a folder's files: all plain ones of their own, few, and no two alike but for case. */
const list = (folder) => {
  const names = fs.readdirSync(folder);
  if (names.length > MAX_FILES) refuse(`${names.length} files in the folder, more than ${MAX_FILES}`);
  for (const name of names) requirePlain(fs.lstatSync(path.join(folder, name)), name);
  if (new Set(names.map((n) => n.toLowerCase())).size !== names.length) {
    refuse('two files in the folder differ only in case');
  }
  return new Set(names);
};

const requirePlain = (stat, name) => {
  if (!stat.isFile()) refuse(`${name} is a link, a folder or special, expected a plain file`);
  if (stat.nlink !== 1) refuse(`${name} has ${stat.nlink} hard links, expected 1`);
};

const read = (folder, name, bound) => {
  let handle;
  try {
    // Not blocking: what was a file when it was listed may be a pipe by now.
    handle = fs.openSync(path.join(folder, name), fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
  } catch (e) {
    refuse(`${name} ${e.code === 'ENOENT' ? 'is missing' : `cannot be opened: ${e.code}`}`);
  }
  try {
    const stat = fs.fstatSync(handle);
    requirePlain(stat, name);
    if (stat.size > bound) refuse(`${name} has ${stat.size} bytes, more than ${bound}`);
    const bytes = Buffer.alloc(stat.size);
    let at = 0;
    for (let got = 1; got > 0 && at < bytes.length; at += got) got = fs.readSync(handle, bytes, at, bytes.length - at, at);
    return bytes.subarray(0, at);
  } finally {
    fs.closeSync(handle);
  }
};

/** ECDSA-Sig-Value in DER: two integers in range, each in its one spelling. */
const isSignature = (der, order) => {
  let at = 2;
  if (der.length < 2 || der[0] !== 0x30 || der[1] !== der.length - 2 || der[1] > 127) return false;
  for (let i = 0; i < 2; i++) {
    const length = der[at + 1];
    if (der[at] !== 2 || !(length >= 1 && length < 128) || at + 2 + length > der.length) return false;
    const integer = der.subarray(at + 2, at + 2 + length);
    if (integer[0] > 127 || (length > 1 && integer[0] === 0 && integer[1] < 128)) return false;
    const value = BigInt(`0x${integer.toString('hex')}`);
    if (value < 1n || value >= order) return false;
    at += 2 + length;
  }
  return at === der.length;
};

/** What model.sig signs: hex SHA-256 by file name. */
const signed = (bytes, model, trust, now) => {
  const bundle = Shape.of(parse(bytes, 'model.sig'), 'model.sig', ['mediaType', 'verificationMaterial', 'dsseEnvelope']);
  bundle.is('mediaType', 'application/vnd.dev.sigstore.bundle.v0.3+json');
  const material = bundle.object('verificationMaterial', ['publicKey', 'tlogEntries']);
  if (material.has('tlogEntries')) material.objects('tlogEntries', 0, []);
  const hint = material.object('publicKey', ['hint']).text('hint');
  const envelope = bundle.object('dsseEnvelope', ['payload', 'payloadType', 'signatures']);
  const type = 'application/vnd.in-toto+json';
  envelope.is('payloadType', type);
  const payload = base64(envelope.text('payload'), 'model.sig payload');
  const [one, ...more] = envelope.objects('signatures', 1, ['sig', 'keyid']);
  if (!one || more.length > 0) refuse('model.sig has no signature or several, expected one');
  if (one.has('keyid')) one.is('keyid', '');
  const signature = base64(one.text('sig'), 'model.sig sig');

  const key = trust.keys.find((k) => k.hint === hint && k.signs(model));
  if (!key) refuse(`model.sig names the key ${hint}, which is not pinned for ${model}`);
  const message = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload]);
  if (!isSignature(signature, key.curve.order) || !crypto.verify(key.curve.hash, message, key.key, signature)) {
    refuse(`model.sig holds no signature by ${key.id}`);
  }
  if (trust.revokedKeys.has(key.id)) refuse(`model.sig is by ${key.id}, revoked: ${trust.revokedKeys.get(key.id)}`);
  if (now < key.window.from || now >= key.window.to) refuse(`model.sig is by ${key.id}, valid ${key.window.text}`);
  return { digests: statement(payload), signer: key.id };
};

const statement = (payload) => {
  const top = Shape.of(parse(payload, 'model.sig payload'), 'model.sig payload', ['_type', 'subject', 'predicateType', 'predicate']);
  top.is('_type', 'https://in-toto.io/Statement/v1');
  top.is('predicateType', 'https://model_signing/signature/v1.0');
  const predicate = top.object('predicate', ['serialization', 'resources']);
  const how = predicate.object('serialization', ['method', 'hash_type', 'allow_symlinks', 'ignore_paths']);
  how.is('method', 'files');
  how.is('hash_type', 'sha256');
  how.is('allow_symlinks', false);
  if (how.has('ignore_paths')) {
    const paths = how.texts('ignore_paths', IGNORED.length);
    if (new Set(paths).size !== paths.length || !paths.every((p) => IGNORED.includes(p))) {
      refuse('model.sig ignores other paths than the tool does by itself');
    }
  }
  const digests = new Map();
  const root = crypto.createHash('sha256');
  let last = '';
  for (const resource of predicate.objects('resources', MAX_FILES, ['name', 'algorithm', 'digest'])) {
    const name = resource.text('name');
    resource.is('algorithm', 'sha256');
    const digest = resource.text('digest');
    if (!FILE.test(name) || name === 'model.sig' || name <= last) refuse(`model.sig signs ${JSON.stringify(name)}: no plain name, or out of order`);
    if (!HEX.test(digest)) refuse(`model.sig gives ${name} no SHA-256`);
    last = name;
    digests.set(name, digest);
    root.update(Buffer.from(digest, 'hex'));
  }
  if (digests.size === 0) refuse('model.sig signs no file');
  if (new Set([...digests.keys()].map((n) => n.toLowerCase())).size !== digests.size) refuse('model.sig signs names that differ only in case');
  const [subject, ...others] = top.objects('subject', 1, ['name', 'digest']);
  if (!subject || others.length > 0) refuse('model.sig has no subject or several, expected one');
  subject.text('name');
  subject.object('digest', ['sha256']).is('sha256', root.digest('hex'));
  return digests;
};

const histogram = (shape) => {
  const edges = shape.numbers('edges');
  const counts = shape.integers('counts');
  const missing = shape.integer('missing');
  if (counts.length !== edges.length + 1 || missing < 0n || counts.some((c) => c < 0n)) refuse(`${shape.where} has wrong counts`);
  edges.forEach((e, i) => {
    if (!Number.isFinite(e) || (i > 0 && e < edges[i - 1])) refuse(`${shape.where} has edges out of order`);
  });
};

/** Every rule that the service has for a manifest; its files and its times. */
const readManifest = (bytes) => {
  const keys = ['model', 'version', 'files', 'features', 'scoreBaseline', 'threshold', 'slo', 'provenance', 'validity'];
  const m = Shape.of(parse(bytes, 'manifest.json'), 'manifest.json', keys);
  const files = m.objects('files', Infinity, ['name', 'sha256', 'size']).map((f) => ({ name: f.text('name'), sha256: f.text('sha256'), size: f.integer('size') }));
  const names = new Set();
  const features = m.objects('features', Infinity, ['name', 'type', 'min', 'max', 'nullable', 'baseline']);
  for (const f of features) {
    const name = f.text('name');
    const [min, max] = [f.number('min'), f.number('max')];
    f.flag('nullable');
    if (!['number', 'integer'].includes(f.text('type')) || name.length < 1 || name.length > 64 || names.has(name)) refuse(`${f.where} has a wrong name or type`);
    if (!(min <= max && Number.isFinite(min) && Number.isFinite(max))) refuse(`${f.where} has no range`);
    if (!f.isNull('baseline')) histogram(f.object('baseline', ['edges', 'counts', 'missing']));
    names.add(name);
  }
  if (features.length === 0) refuse('manifest.json has no features');
  histogram(m.object('scoreBaseline', ['edges', 'counts', 'missing']));
  const threshold = m.number('threshold');
  const slo = m.object('slo', ['availability', 'latencyMs']);
  const availability = slo.number('availability');
  if (!(threshold > 0 && threshold < 1 && availability > 0 && availability < 1) || slo.integer('latencyMs') < 1n) refuse('manifest.json has a threshold or slo out of range');
  const made = m.object('provenance', ['gitCommit', 'datasetSha256', 'datasetRows', 'containerDigest', 'trainer', 'seed']);
  ['gitCommit', 'datasetSha256', 'containerDigest', 'trainer'].forEach((key) => made.text(key));
  ['datasetRows', 'seed'].forEach((key) => made.integer(key));
  const always = !m.has('validity') || m.isNull('validity');
  const validity = always ? null : window(m.object('validity', ['notBefore', 'notAfter']));
  return { model: m.text('model'), version: m.text('version'), files, validity };
};

const checkGolden = (bytes) => {
  const rows = Shape.of({ rows: parse(bytes, 'golden.json') }, 'golden.json', ['rows']).objects('rows', 1_000, ['inputs', 'score']);
  if (rows.length === 0) refuse('golden.json has no rows');
  for (const row of rows) {
    const inputs = row.object('inputs', null);
    inputs.keys().forEach((key) => inputs.isNull(key) || inputs.number(key));
    const score = row.number('score');
    if (!(score >= 0 && score <= 1)) refuse(`${row.where}.score is not from 0 to 1`);
  }
};

/** Verifies one artifact; its digest and signer, or Refused. */
const verify = (folder, model, version, trust, now) => {
  const names = list(folder);
  const manifestBytes = read(folder, 'manifest.json', MAX_MANIFEST);
  const digest = sha256(manifestBytes);
  const revoked = trust.revokedVersions.get(`${model}/${version}`) ?? trust.revokedDigests.get(`sha256:${digest}`);
  if (revoked !== undefined) refuse(`${model}/${version} is revoked: ${revoked}`);
  const { digests, signer } = signed(read(folder, 'model.sig', MAX_SIGNATURE), model, trust, now);
  names.delete('model.sig');
  for (const name of digests.keys()) if (!names.has(name)) refuse(`${name} is signed and missing`);
  for (const name of names) if (!digests.has(name)) refuse(`${name} is not signed`);
  const requireSigned = (name, hash) => hash === digests.get(name) || refuse(`${name} has SHA-256 ${hash}, signed is ${digests.get(name)}`);
  requireSigned('manifest.json', digest);

  const manifest = readManifest(manifestBytes);
  if (manifest.model !== model || manifest.version !== version) refuse(`manifest.json is of ${manifest.model}/${manifest.version}, not ${model}/${version}`);
  if (manifest.validity && (now < manifest.validity.from || now >= manifest.validity.to)) refuse(`manifest.json is valid ${manifest.validity.text}`);
  names.delete('manifest.json');
  let budget = MAX_ARTIFACT;
  const kept = new Map();
  for (const file of manifest.files) {
    if (!names.delete(file.name)) refuse(`${JSON.stringify(file.name)} stands in manifest.json, but not once and in the folder`);
    const bytes = read(folder, file.name, Math.min(MAX_FILE, budget));
    budget -= bytes.length;
    if (BigInt(bytes.length) !== file.size) refuse(`${file.name} has ${bytes.length} bytes, not ${file.size}`);
    const hash = sha256(bytes);
    if (hash !== file.sha256) refuse(`${file.name} has SHA-256 ${hash}, not ${file.sha256} as in manifest.json`);
    requireSigned(file.name, hash);
    if (['model.pt', 'golden.json'].includes(file.name)) kept.set(file.name, bytes);
  }
  if (names.size > 0) refuse(`${[...names].join(', ')} not in manifest.json`);
  for (const name of ['model.pt', 'golden.json']) if (!kept.has(name)) refuse(`${name} is not in manifest.json`);
  checkGolden(kept.get('golden.json'));
  inspectModule(kept.get('model.pt'));
  return `sha256:${digest} signed by ${signer}`;
};

/** Folders of a folder that are named so, sorted; links are none. */
const folders = (folder, pattern) =>
  fs.existsSync(folder)
    ? fs.readdirSync(folder, { withFileTypes: true }).filter((e) => e.isDirectory() && pattern.test(e.name)).map((e) => e.name).sort()
    : [];

const usage = (message) => {
  console.error(`verify-model-artifacts: ${message}`);
  process.exit(2);
};

const main = (args) => {
  const options = { trust: process.env.ML_TRUST_FILE || path.join(HOME, 'conf/trust.json'), also: [], json: false, roots: [] };
  for (let i = 0; i < args.length; i++) {
    const value = () => args[++i] ?? usage(`${args[i - 1]} without a file`);
    if (args[i] === '--help') return console.log(HELP);
    else if (args[i] === '--json') options.json = true;
    else if (args[i] === '--trust') options.trust = value();
    else if (args[i] === '--also-trust') options.also.push(value());
    else if (args[i].startsWith('-')) usage(`unknown option ${args[i]}, see --help`);
    else options.roots.push(args[i]);
  }
  if (options.roots.length === 0) options.roots.push(path.join(HOME, 'artifacts/models'));
  let trust;
  try {
    trust = readTrust(options.trust, options.also);
  } catch (e) {
    usage(`trust file: ${e.message}`);
  }
  const now = Date.now();
  const say = (registry, model, version, outcome, detail) => {
    if (outcome !== 'pass') process.exitCode = 1;
    const safe = detail.replace(/[^\x20-\x7e]/g, '?');
    console.log(options.json ? JSON.stringify({ registry, model, version, gate: 'integrity', outcome, detail: safe }) : `${outcome} integrity ${model ? `${model}/${version}` : registry} ${safe}`);
  };
  for (const root of options.roots) {
    let checked = 0;
    for (const model of folders(root, MODEL)) {
      for (const version of folders(path.join(root, model), VERSION)) {
        checked++;
        try {
          say(root, model, version, 'pass', verify(path.join(root, model, version), model, version, trust, now));
        } catch (e) {
          // Anything else than a refusal is one too: nothing passes that was not verified to the end.
          say(root, model, version, 'fail', e.message);
        }
      }
    }
    if (checked === 0) say(root, '', '', 'fail', 'no artifact in the registry, expected at least one');
  }
};

main(process.argv.slice(2));
