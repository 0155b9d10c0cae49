// Every rule that the service has for manifest.json and golden.json.
import { parse, refuse, window } from './refusals.mjs';
import { Shape } from './strict-json.mjs';

const histogram = (shape) => {
  const edges = shape.numbers('edges');
  const counts = shape.integers('counts');
  const missing = shape.integer('missing');
  if (counts.length !== edges.length + 1 || missing < 0n || counts.some((c) => c < 0n))
    refuse(`${shape.where} has wrong counts`);
  edges.forEach((e, i) => {
    if (!Number.isFinite(e) || (i > 0 && e < edges[i - 1]))
      refuse(`${shape.where} has edges out of order`);
  });
};

/** Every rule that the service has for a manifest; its files and its times. */
export const readManifest = (bytes) => {
  const keys = [
    'model',
    'version',
    'files',
    'features',
    'scoreBaseline',
    'threshold',
    'slo',
    'provenance',
    'validity',
  ];
  const m = Shape.of(parse(bytes, 'manifest.json'), 'manifest.json', keys);
  const files = m
    .objects('files', Infinity, ['name', 'sha256', 'size'])
    .map((f) => ({ name: f.text('name'), sha256: f.text('sha256'), size: f.integer('size') }));
  const names = new Set();
  const features = m.objects('features', Infinity, [
    'name',
    'type',
    'min',
    'max',
    'nullable',
    'baseline',
  ]);
  for (const f of features) {
    const name = f.text('name');
    const [min, max] = [f.number('min'), f.number('max')];
    f.flag('nullable');
    if (
      !['number', 'integer'].includes(f.text('type')) ||
      name.length < 1 ||
      name.length > 64 ||
      names.has(name)
    )
      refuse(`${f.where} has a wrong name or type`);
    if (!(min <= max && Number.isFinite(min) && Number.isFinite(max)))
      refuse(`${f.where} has no range`);
    if (!f.isNull('baseline')) histogram(f.object('baseline', ['edges', 'counts', 'missing']));
    names.add(name);
  }
  if (features.length === 0) refuse('manifest.json has no features');
  histogram(m.object('scoreBaseline', ['edges', 'counts', 'missing']));
  const threshold = m.number('threshold');
  const slo = m.object('slo', ['availability', 'latencyMs']);
  const availability = slo.number('availability');
  if (
    !(threshold > 0 && threshold < 1 && availability > 0 && availability < 1) ||
    slo.integer('latencyMs') < 1n
  )
    refuse('manifest.json has a threshold or slo out of range');
  const made = m.object('provenance', [
    'gitCommit',
    'datasetSha256',
    'datasetRows',
    'containerDigest',
    'trainer',
    'seed',
  ]);
  ['gitCommit', 'datasetSha256', 'containerDigest', 'trainer'].forEach((key) => made.text(key));
  ['datasetRows', 'seed'].forEach((key) => made.integer(key));
  const always = !m.has('validity') || m.isNull('validity');
  const validity = always ? null : window(m.object('validity', ['notBefore', 'notAfter']));
  return { model: m.text('model'), version: m.text('version'), files, validity };
};

export const checkGolden = (bytes) => {
  const rows = Shape.of({ rows: parse(bytes, 'golden.json') }, 'golden.json', ['rows']).objects(
    'rows',
    1_000,
    ['inputs', 'score'],
  );
  if (rows.length === 0) refuse('golden.json has no rows');
  for (const row of rows) {
    const inputs = row.object('inputs', null);
    inputs.keys().forEach((key) => inputs.isNull(key) || inputs.number(key));
    const score = row.number('score');
    if (!(score >= 0 && score <= 1)) refuse(`${row.where}.score is not from 0 to 1`);
  }
};
