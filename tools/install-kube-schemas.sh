#!/usr/bin/env bash
# Puts the JSON schemas of Kubernetes' objects into ~/.cache/ml-service, once, from the Python package
# kubernetes-validate, and prints their folder: v1.30.0/deployment-apps-v1.json and so on, strict.
set -euo pipefail
release=1.37.0
versions=(1.30.0 1.33.0 1.37.0)
dir=${XDG_CACHE_HOME:-$HOME/.cache}/ml-service/tools/kube-schemas-$release
mkdir -p "$(dirname "$dir")"
(
  flock 9
  if [[ ! -d $dir ]]; then
    echo "installing the schemas of Kubernetes from PyPI" >&2
    draft=$(mktemp -d "$dir.XXXXXX")
    trap 'rm -rf "$draft"' EXIT
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$draft" \
      "kubernetes-validate==$release" >&2
    mkdir "$draft/all"
    for version in "${versions[@]}"; do
      python3 - "$draft"/*.whl "v$version" "$draft/all" <<'PYTHON'
# They name each other by addresses of a server: by file names they need none.
import json, pathlib, sys, zipfile

wheel, version, to = sys.argv[1:]
folder = f"kubernetes_validate/kubernetes-json-schema/{version}-local-strict/"
out = pathlib.Path(to, version)
out.mkdir()


def by_file(node):
    if isinstance(node, list):
        return [by_file(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        key: value.rsplit("/api/", 1)[-1] if key == "$ref" and isinstance(value, str) else by_file(value)
        for key, value in node.items()
        if not (key == "$id" and isinstance(value, str))
    }


with zipfile.ZipFile(wheel) as z:
    for name in z.namelist():
        if name.startswith(folder) and name.endswith(".json"):
            out.joinpath(pathlib.Path(name).name).write_text(json.dumps(by_file(json.loads(z.read(name)))))
PYTHON
    done
    mv "$draft/all" "$dir"
  fi
) 9>"$dir.lock"
echo "$dir"
