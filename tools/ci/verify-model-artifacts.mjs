#!/usr/bin/env node
// The integrity gate a second time, by code that shares nothing with the service but the format:
// plain Node 20, node: modules only. What it refuses, `bin/ml-service verify` refuses, and the other
// way round; ITVerifiers holds the two together.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkGolden, readManifest } from './manifest-rules.mjs';
import { readTrust, signed } from './model-signature.mjs';
import { MAX_FILES, MODEL, refuse, sha256 } from './refusals.mjs';
import { inspectModule } from './torchscript-archive.mjs';

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

const VERSION = /^[0-9]{8}(-[1-9][0-9]{0,2})?$/;
const MAX_SIGNATURE = 256 << 10;
const MAX_MANIFEST = 4 << 20;
const MAX_FILE = 256 << 20;
const MAX_ARTIFACT = 512 << 20;

/** Names of a folder's files: all plain ones of their own, few, and no two alike but for case. */
const list = (folder) => {
  const names = fs.readdirSync(folder);
  if (names.length > MAX_FILES)
    refuse(`${names.length} files in the folder, more than ${MAX_FILES}`);
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
    handle = fs.openSync(
      path.join(folder, name),
      fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK,
    );
  } catch (e) {
    refuse(`${name} ${e.code === 'ENOENT' ? 'is missing' : `cannot be opened: ${e.code}`}`);
  }
  try {
    const stat = fs.fstatSync(handle);
    requirePlain(stat, name);
    if (stat.size > bound) refuse(`${name} has ${stat.size} bytes, more than ${bound}`);
    const bytes = Buffer.alloc(stat.size);
    let at = 0;
    for (let got = 1; got > 0 && at < bytes.length; at += got)
      got = fs.readSync(handle, bytes, at, bytes.length - at, at);
    return bytes.subarray(0, at);
  } finally {
    fs.closeSync(handle);
  }
};

/** Verifies one artifact: its digest and signer, or a refusal. */
const verify = (folder, model, version, trust, now) => {
  const names = list(folder);
  const manifestBytes = read(folder, 'manifest.json', MAX_MANIFEST);
  const digest = sha256(manifestBytes);
  const revoked =
    trust.revokedVersions.get(`${model}/${version}`) ??
    trust.revokedDigests.get(`sha256:${digest}`);
  if (revoked !== undefined) refuse(`${model}/${version} is revoked: ${revoked}`);
  const { digests, signer } = signed(read(folder, 'model.sig', MAX_SIGNATURE), model, trust, now);
  names.delete('model.sig');
  for (const name of digests.keys()) if (!names.has(name)) refuse(`${name} is signed and missing`);
  for (const name of names) if (!digests.has(name)) refuse(`${name} is not signed`);
  const requireSigned = (name, hash) =>
    hash === digests.get(name) ||
    refuse(`${name} has SHA-256 ${hash}, signed is ${digests.get(name)}`);
  requireSigned('manifest.json', digest);

  const manifest = readManifest(manifestBytes);
  if (manifest.model !== model || manifest.version !== version)
    refuse(`manifest.json is of ${manifest.model}/${manifest.version}, not ${model}/${version}`);
  if (manifest.validity && (now < manifest.validity.from || now >= manifest.validity.to))
    refuse(`manifest.json is valid ${manifest.validity.text}`);
  names.delete('manifest.json');
  let budget = MAX_ARTIFACT;
  const kept = new Map();
  for (const file of manifest.files) {
    if (!names.delete(file.name))
      refuse(
        `${JSON.stringify(file.name)} stands in manifest.json, but not once and in the folder`,
      );
    const bytes = read(folder, file.name, Math.min(MAX_FILE, budget));
    budget -= bytes.length;
    if (BigInt(bytes.length) !== file.size)
      refuse(`${file.name} has ${bytes.length} bytes, not ${file.size}`);
    const hash = sha256(bytes);
    if (hash !== file.sha256)
      refuse(`${file.name} has SHA-256 ${hash}, not ${file.sha256} as in manifest.json`);
    requireSigned(file.name, hash);
    if (['model.pt', 'golden.json'].includes(file.name)) kept.set(file.name, bytes);
  }
  if (names.size > 0) refuse(`${[...names].join(', ')} not in manifest.json`);
  for (const name of ['model.pt', 'golden.json'])
    if (!kept.has(name)) refuse(`${name} is not in manifest.json`);
  checkGolden(kept.get('golden.json'));
  inspectModule(kept.get('model.pt'));
  return `sha256:${digest} signed by ${signer}`;
};

/** Folders of a folder that are named so, sorted; links are none. */
const folders = (folder, pattern) =>
  fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory()
    ? fs
        .readdirSync(folder, { withFileTypes: true })
        .filter((e) => e.isDirectory() && pattern.test(e.name))
        .map((e) => e.name)
        .sort()
    : [];

const usage = (message) => {
  console.error(`verify-model-artifacts: ${message}`);
  process.exit(2);
};

const main = (args) => {
  const options = {
    trust: process.env.ML_TRUST_FILE || path.join(HOME, 'conf/trust.json'),
    also: [],
    json: false,
    roots: [],
  };
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
    console.log(
      options.json
        ? JSON.stringify({ registry, model, version, gate: 'integrity', outcome, detail: safe })
        : `${outcome} integrity ${model ? `${model}/${version}` : registry} ${safe}`,
    );
  };
  for (const root of options.roots) {
    let checked = 0;
    for (const model of folders(root, MODEL)) {
      for (const version of folders(path.join(root, model), VERSION)) {
        checked++;
        try {
          say(
            root,
            model,
            version,
            'pass',
            verify(path.join(root, model, version), model, version, trust, now),
          );
        } catch (e) {
          // Anything else than a refusal is one too: nothing passes that was not verified to the end.
          say(root, model, version, 'fail', e.message);
        }
      }
    }
    if (checked === 0)
      say(root, '', '', 'fail', 'no artifact in the registry, expected at least one');
  }
};

main(process.argv.slice(2));
