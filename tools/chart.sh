#!/usr/bin/env bash
# Lints, renders and checks the chart and the ArgoCD Application, and then that these checks find
# what is planted: values that must be refused and manifests that must not pass. Nothing is ignored.
# Usage: tools/chart.sh [CHART]   (default: k8s/ml-service); exit code 1 with each fault named.
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
chart=${1:-$home/k8s/ml-service}
kubernetes=(1.30.0 1.33.0 1.37.0)
helm=$("$home/tools/install-go-tool.sh" helm)
kubeconform=$("$home/tools/install-go-tool.sh" kubeconform)
score=$("$home/tools/install-go-tool.sh" kube-score)
schemas=$("$home/tools/install-kube-schemas.sh")
"$home/tools/custom-kinds.sh" install
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
faults=0
fault() {
  echo "chart: $*" >&2
  faults=$((faults + 1))
}

render() { # Kubernetes' version, arguments of helm
  "$helm" template ml-service "$chart" --namespace ml --kube-version "$1" "${@:2}" 2>"$dir/err"
}
valid() { # Kubernetes' version, folder or file: other names than *.yaml are passed over
  "$kubeconform" -strict -kubernetes-version "$1" -skip ServiceMonitor,PrometheusRule \
    -schema-location "$schemas/{{.NormalizedKubernetesVersion}}/{{.ResourceKind}}{{.KindSuffix}}.json" "$2"
}
optional=()
while IFS=, read -r check _; do
  optional+=(--enable-optional-test "$check")
done < <("$score" list | grep ',optional$')
policy() { # file; every check there is, and a warning is a fault
  "$score" score --kubernetes-version v1.33 --output-format ci "${optional[@]}" "$1" |
    { ! grep -E '^\[(CRITICAL|WARNING)\]'; }
}

# As it is, over a matrix of values and of Kubernetes' versions.
count=0
mkdir "${kubernetes[@]/#/$dir/}"
for values in "$chart"/ci/*-values.yaml "$home/k8s/argocd/values.yaml"; do
  name=$(basename "$values")
  "$helm" lint --strict --quiet --kube-version 1.30.0 --namespace ml "$chart" -f "$values" \
    >"$dir/out" 2>"$dir/err" || fault "$name: helm lint: $(tail -3 "$dir/out")"
  for version in "${kubernetes[@]}"; do
    render "$version" -f "$values" >"$dir/$version/$name" ||
      fault "$name: helm template: $(grep -v 'symbolic link' "$dir/err")"
    count=$((count + 1))
  done
  policy "$dir/$version/$name" >"$dir/out" || fault "$name: policy: $(cat "$dir/out")"
done
for version in "${kubernetes[@]}"; do
  valid "$version" "$dir/$version" >"$dir/out" || fault "Kubernetes $version: $(cat "$dir/out")"
done
for file in "$dir/$version"/*values.yaml "$home/k8s/argocd/ml-service.yaml"; do echo ---; cat "$file"; done |
  "$home/tools/custom-kinds.sh" >"$dir/out" 2>&1 || fault "$(cat "$dir/out")"
echo "chart: $count renderings" >&2

# Values that are refused, each by its name.
refusals=0
while IFS='|' read -r says arguments; do
  [[ $says == \#* ]] && continue
  says=${says% }
  read -ra words <<<"$arguments"
  if render 1.33.0 -f "$chart/ci/least-values.yaml" "${words[@]}" >"$dir/out"; then
    fault "not refused:$arguments"
  elif ! grep -qF -e "$says" -e "/${says//.//}" "$dir/err"; then
    fault "refused, but not by $says:$arguments: $(grep -v 'symbolic link' "$dir/err")"
  fi
  refusals=$((refusals + 1))
done <"$chart/ci/refused.txt"
echo "chart: $refusals refusals" >&2

# Manifests that do not pass: what, by which check, and how it is altered.
planted=0
render 1.33.0 -f "$chart/ci/all-values.yaml" >"$dir/good.yaml" || fault "all-values.yaml: no rendering to plant in"
plant() {
  local name=$1 check=$2 edit=$3
  sed -E "$edit" "$dir/good.yaml" >"$dir/bad.yaml"
  planted=$((planted + 1))
  if cmp -s "$dir/good.yaml" "$dir/bad.yaml"; then
    fault "planted $name: nothing to alter"
  elif case $check in
    valid) valid 1.33.0 "$dir/bad.yaml" ;;
    policy) policy "$dir/bad.yaml" ;;
    custom) "$home/tools/custom-kinds.sh" <"$dir/bad.yaml" ;;
  esac >"$dir/out" 2>&1; then
    fault "planted $name: passed"
  fi
}
plant 'unknown field of a probe' valid 's/failureThreshold: 6/failureThreshhold: 6/'
plant 'text for a number' valid 's/revisionHistoryLimit: 10/revisionHistoryLimit: ten/'
plant 'unknown field of a policy' valid 's/policyTypes: \[Ingress, Egress\]/policyType: Ingress/'
plant 'writable root' policy 's/readOnlyRootFilesystem: true/readOnlyRootFilesystem: false/'
plant 'privileged' policy 's/privileged: false/privileged: true/'
plant 'no limit of memory' policy 's/(limits: .*)memory: [^,]*, /\1/'
plant 'tag latest' policy 's/@sha256:[0-9a-f]{64}"/:latest"/'
plant 'a user of the host' policy 's/run(AsUser|AsGroup): 10001/run\1: 1000/'
plant 'no default deny' policy 's/app.kubernetes.io\/name: ml-service/app.kubernetes.io\/name: other/; s/kind: NetworkPolicy/kind: ConfigMap/'
plant 'one probe for both' policy 's|/health/ready|/health/live|; s/timeoutSeconds: 2/timeoutSeconds: 5/; s/periodSeconds: 2/periodSeconds: 10/; s/failureThreshold: (2|90)/failureThreshold: 6/'
plant 'no seccomp profile' policy 's/seccompProfile: .*/hostUsers: true/'
plant 'unknown field of a ServiceMonitor' custom 's/jobLabel:/jobLable:/'
plant 'number for a duration' custom 's/interval: 15s/interval: 15/'
plant 'unknown kind' custom 's/kind: PrometheusRule/kind: PrometheusRules/'
echo "chart: $planted planted" >&2

if ((faults > 0)); then
  echo "chart: $faults faults" >&2
  exit 1
fi
echo "chart: $count renderings valid, $refusals values refused, $planted planted faults found"
