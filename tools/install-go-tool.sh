#!/usr/bin/env bash
# Builds a load, protocol or lint tool once, into ~/.cache/ml-service/tools, and prints the path of
# its binary: tools/install-go-tool.sh actionlint|h2spec|helm|kube-score|kubeconform|toxiproxy|vegeta
set -euo pipefail
case ${1:-} in
  actionlint) package=github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 ;;
  helm) package=helm.sh/helm/v3/cmd/helm@v3.22.0 ;;
  kube-score) package=github.com/zegl/kube-score/cmd/kube-score@v1.20.0 ;;
  kubeconform) package=github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0 ;;
  h2spec) package=github.com/summerwind/h2spec/cmd/h2spec@latest ;;
  toxiproxy) package=github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0 ;;
  vegeta) package=github.com/tsenart/vegeta/v12@latest ;;
  *)
    echo "usage: tools/install-go-tool.sh actionlint|h2spec|helm|kube-score|kubeconform|toxiproxy|vegeta" >&2
    exit 2
    ;;
esac
tools=$HOME/.cache/ml-service/tools
if [[ ! -x $tools/$1 ]]; then
  echo "building $1" >&2
  built=$(mktemp -d)
  GOBIN=$built go install "$package" >&2
  mkdir -p "$tools"
  mv "$built"/* "$tools/$1" # one is called server
  rmdir "$built"
fi
echo "$tools/$1"
