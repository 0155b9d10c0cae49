// Who may sign which model, and what a signature covers: the trust file, DSSE bundles of the OpenSSF's
// model signing v1.0, in-toto statements.
import crypto from 'node:crypto';
import fs from 'node:fs';
import { MAX_FILES, MODEL, parse, refuse, sha256, window } from './refusals.mjs';
import { Shape } from './strict-json.mjs';

const FILE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const HEX = /^[0-9a-f]{64}$/;
const IGNORED = ['.git', '.gitattributes', '.github', '.gitignore', 'model.sig'];
// By OpenSSL's name: the hash that goes with it, the bytes of a SubjectPublicKeyInfo with the curve
// named and the point uncompressed, the order of its group.
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

const base64 = (text, where) => {
  const bytes = Buffer.from(text, 'base64');
  return text !== '' && bytes.toString('base64') === text
    ? bytes
    : refuse(`${where} is no padded base64`);
};

const publicKey = (pem, where) => {
  const block =
    /^\s*-----BEGIN PUBLIC KEY-----\r?\n([A-Za-z0-9+/=\r\n]{1,8192})-----END PUBLIC KEY-----\s*$/.exec(
      pem,
    );
  const der = base64(
    (block ?? refuse(`${where} is no PEM of a public key`))[1].replace(/[\r\n]/g, ''),
    where,
  );
  let key;
  try {
    key = crypto.createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    refuse(`${where} holds no public key`);
  }
  const curve =
    key.asymmetricKeyType === 'ec' ? CURVES[key.asymmetricKeyDetails.namedCurve] : undefined;
  if (!curve || der.length !== curve.der) {
    refuse(`${where} is a key of another kind than ECDSA over P-256 or P-384`);
  }
  const canonical = key.export({ format: 'pem', type: 'spki' });
  return { key, curve, id: `sha256:${sha256(der)}`, hint: sha256(canonical) };
};

export const readTrust = (file, development) => {
  const all = Shape.of(parse(fs.readFileSync(file), 'trust'), 'trust', ['keys', 'revoked']);
  const keys = all
    .objects('keys', 10_000, ['id', 'models', 'notBefore', 'notAfter', 'publicKey', 'comment'])
    .map((k) => {
      const key = publicKey(k.text('publicKey'), k.where);
      if (k.text('id') !== key.id) refuse(`${k.where}.id is not ${key.id}`);
      const models = k.texts('models', 10_000);
      if (
        models.length === 0 ||
        new Set(models).size !== models.length ||
        !models.every((m) => MODEL.test(m))
      ) {
        refuse(`${k.where}.models is no list of model ids`);
      }
      k.text('comment');
      return { ...key, signs: (model) => models.includes(model), window: window(k) };
    });
  const lists = all.object('revoked', ['keys', 'versions', 'digests']);
  const listed = (name, fields) =>
    new Map(
      lists
        .objects(name, 10_000, [...fields, 'reason'])
        .map((r) => [fields.map((f) => r.text(f)).join('/'), r.text('reason')]),
    );
  const always = { from: -Infinity, to: Infinity, text: 'always' };
  for (const pem of development) {
    const key = publicKey(fs.readFileSync(pem, 'latin1'), pem);
    if (!keys.some((k) => k.id === key.id))
      keys.push({ ...key, signs: () => true, window: always });
  }
  if (new Set(keys.map((k) => k.id)).size !== keys.length) refuse('trust pins a key twice');
  return {
    keys,
    revokedKeys: listed('keys', ['id']),
    revokedVersions: listed('versions', ['model', 'version']),
    revokedDigests: listed('digests', ['digest']),
  };
};

/** ECDSA-Sig-Value in DER: two integers in range, each in its one spelling. */
const isSignature = (der, order) => {
  let at = 2;
  if (der.length < 2 || der[0] !== 0x30 || der[1] !== der.length - 2 || der[1] > 127) return false;
  for (let i = 0; i < 2; i++) {
    const length = der[at + 1];
    if (der[at] !== 2 || !(length >= 1 && length < 128) || at + 2 + length > der.length)
      return false;
    const integer = der.subarray(at + 2, at + 2 + length);
    if (integer[0] > 127 || (length > 1 && integer[0] === 0 && integer[1] < 128)) return false;
    const value = BigInt(`0x${integer.toString('hex')}`);
    if (value < 1n || value >= order) return false;
    at += 2 + length;
  }
  return at === der.length;
};

/** What model.sig signs: hex SHA-256 by file name. */
export const signed = (bytes, model, trust, now) => {
  const bundle = Shape.of(parse(bytes, 'model.sig'), 'model.sig', [
    'mediaType',
    'verificationMaterial',
    'dsseEnvelope',
  ]);
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
  const message = Buffer.concat([
    Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `),
    payload,
  ]);
  if (
    !isSignature(signature, key.curve.order) ||
    !crypto.verify(key.curve.hash, message, key.key, signature)
  ) {
    refuse(`model.sig holds no signature by ${key.id}`);
  }
  if (trust.revokedKeys.has(key.id))
    refuse(`model.sig is by ${key.id}, revoked: ${trust.revokedKeys.get(key.id)}`);
  if (now < key.window.from || now >= key.window.to)
    refuse(`model.sig is by ${key.id}, valid ${key.window.text}`);
  return { digests: statement(payload), signer: key.id };
};

const statement = (payload) => {
  const top = Shape.of(parse(payload, 'model.sig payload'), 'model.sig payload', [
    '_type',
    'subject',
    'predicateType',
    'predicate',
  ]);
  top.is('_type', 'https://in-toto.io/Statement/v1');
  top.is('predicateType', 'https://model_signing/signature/v1.0');
  const predicate = top.object('predicate', ['serialization', 'resources']);
  const how = predicate.object('serialization', [
    'method',
    'hash_type',
    'allow_symlinks',
    'ignore_paths',
  ]);
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
  for (const resource of predicate.objects('resources', MAX_FILES, [
    'name',
    'algorithm',
    'digest',
  ])) {
    const name = resource.text('name');
    resource.is('algorithm', 'sha256');
    const digest = resource.text('digest');
    if (!FILE.test(name) || name === 'model.sig' || name <= last)
      refuse(`model.sig signs ${JSON.stringify(name)}: no plain name, or out of order`);
    if (!HEX.test(digest)) refuse(`model.sig gives ${name} no SHA-256`);
    last = name;
    digests.set(name, digest);
    root.update(Buffer.from(digest, 'hex'));
  }
  if (digests.size === 0) refuse('model.sig signs no file');
  if (new Set([...digests.keys()].map((n) => n.toLowerCase())).size !== digests.size)
    refuse('model.sig signs names that differ only in case');
  const [subject, ...others] = top.objects('subject', 1, ['name', 'digest']);
  if (!subject || others.length > 0) refuse('model.sig has no subject or several, expected one');
  subject.text('name');
  subject.object('digest', ['sha256']).is('sha256', root.digest('hex'));
  return digests;
};
