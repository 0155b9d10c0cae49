// Checks the custom objects of a stream of YAML on standard input against the types that their
// operators publish: fields that are missing, unknown or of another type. Exit code 1 when any is.
// An object of a kind that is neither here nor Kubernetes' own is a fault too.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { parseAllDocuments } from "yaml";

const KINDS = {
  "monitoring.coreos.com/v1/ServiceMonitor": "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor",
  "monitoring.coreos.com/v1/PrometheusRule": "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule",
  "argoproj.io/v1alpha1/Application": "@kubernetes-models/argo-cd/argoproj.io/v1alpha1/Application",
};
const OWN = /^(v1|apps\/v1|batch\/v1|autoscaling\/v2|policy\/v1|[a-z.]+\.k8s\.io\/v1)\//;

const objects = parseAllDocuments(readFileSync(0, "utf8"))
  .map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS();
  })
  .filter((object) => object !== null);
let source = "";
let checked = 0;
const faults = [];
for (const object of objects) {
  const kind = `${object.apiVersion}/${object.kind}`;
  if (kind in KINDS) {
    // One field a line, so that a fault names its own.
    source += `import { I${object.kind} as K${checked} } from "${KINDS[kind]}";\n`;
    source += `export const o${checked}: K${checked} = ${JSON.stringify(object, null, 1)};\n`;
    checked++;
  } else if (!OWN.test(kind)) {
    faults.push(`${kind}: expected one of Kubernetes' own or ${Object.keys(KINDS).join(", ")}`);
  }
}

const file = fileURLToPath(new URL("objects.ts", import.meta.url));
const options = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  types: [],
};
const host = ts.createCompilerHost(options);
const { fileExists, getSourceFile, readFile } = host;
host.fileExists = (name) => name === file || fileExists.call(host, name);
host.readFile = (name) => (name === file ? source : readFile.call(host, name));
host.getSourceFile = (name, ...rest) =>
  name === file ? ts.createSourceFile(name, source, ts.ScriptTarget.ES2022) : getSourceFile.call(host, name, ...rest);
for (const found of ts.getPreEmitDiagnostics(ts.createProgram([file], options, host))) {
  const line = found.file?.fileName === file ? source.split("\n")[found.file.getLineAndCharacterOfPosition(found.start).line] : "";
  faults.push(`${line.trim()} ${ts.flattenDiagnosticMessageText(found.messageText, " ")}`);
}
for (const fault of faults) console.error(`custom-kinds: ${fault.slice(0, 400)}`);
console.log(`${checked} custom objects, ${faults.length} faults`);
process.exit(faults.length > 0 ? 1 : 0);
