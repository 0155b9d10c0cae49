#!/usr/bin/env bash
# Looks into gateway/target/ml-service.tar, and starts it as Kubernetes would: its files read-only, as
# user 10001 without capabilities, in a network namespace that has a loopback and nothing else, within
# MEMORY (1Gi) where this machine has memory cgroups. It must score as the jar does, and stay within.
# Needs root for the namespaces. Exit code 1 with what is wrong.
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tar=$home/gateway/target/ml-service.tar
memory=$((${MEMORY_MEBIBYTES:-1024} << 20))

if [[ ${1:-} != inside ]]; then
  [[ -f $tar ]] || { echo "image-check.sh: $tar is missing, expected after \`make image\`" >&2; exit 2; }
  "$home/tools/install-wrk.sh"
  dir=$(mktemp -d)
  # What is mounted in there goes with the namespace: nothing of it is removed by hand.
  code=0
  unshare --net --mount --pid --fork --mount-proc --propagation private --kill-child \
    "$0" inside "$dir" || code=$?
  rmdir "$dir"
  rmdir "/sys/fs/cgroup/memory/ml-service-image-$(basename "$dir")" 2>/dev/null || true
  exit $code
fi

dir=$2
group=/sys/fs/cgroup/memory/ml-service-image-$(basename "$dir")
mount -t tmpfs -o size=3g,mode=700 tmpfs "$dir"
wrong() {
  echo "image-check: $*" >&2
  exit 1
}
python3 -c 'import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh", b"lo", 0x41))' # SIOCSIFFLAGS: up, running
root=$dir/root
mkdir "$root"

# What it is made of.
python3 - "$tar" "$root" "$dir/config.json" <<'PYTHON'
import json, sys, tarfile
tar, root, config = sys.argv[1:]
with tarfile.open(tar) as image:
    manifest = json.load(image.extractfile("manifest.json"))[0]
    open(config, "wb").write(image.extractfile(manifest["Config"]).read())
    for layer in manifest["Layers"]:
        with tarfile.open(fileobj=image.extractfile(layer), mode="r:gz") as files:
            for file in files.getmembers():
                if file.uid or file.gid or file.mode & 0o6022:
                    sys.exit(f"image-check: {file.name} has owner {file.uid}:{file.gid}, mode {file.mode:o}")
            files.extractall(root)
PYTHON
setting() { python3 -c 'import json,sys; print(*json.load(open(sys.argv[1]))["config"][sys.argv[2]], sep="\n")' "$dir/config.json" "$1"; }
[[ $(setting User | tr -d '\n') == 10001:10001 ]] || wrong "it runs as $(setting User), expected 10001:10001"
models=$(find "$root" -name '*.pt' -o -name model.sig)
[[ -z $models ]] || wrong "models are in it: $models"
[[ ! -e $root/bin/sh ]] || wrong "a shell is in it"
compgen -G "$root/app/libs/embedded-postgres-binaries*" >/dev/null && wrong "PostgreSQL is in it"
grep -q '"pkg:deb/debian/libc6@' "$root/app/sbom/bom.json" || wrong "its bill of materials lacks libc6"

# Its surroundings: a database, by a replica that runs from the checkout.
ready() { # log, process: its line of readiness, as "API management"
  for ((i = 0; i < 1200; i++)); do
    sed -En 's#.*ready: (no API|API http://(.*)), management http://(.*)$#\2 \3#p' "$1" | grep . && return
    kill -0 "$2" 2>/dev/null || break
    sleep 0.1
  done
  tail -5 "$1" >&2
  return 1
}
export ML_DRAIN_MS=0 ML_AUTH=dev ML_HTTP_PORT=0 ML_MANAGEMENT_PORT=0
: >"$dir/jar.log" >"$dir/image.log" >"$dir/scoring.log" >"$dir/edge.log"
ML_DATA_DIR=$dir/data "$home/bin/ml-service" serve >"$dir/jar.log" 2>&1 &
line=$(ready "$dir/jar.log" $!) || wrong "the jar did not start"
read -r other _ <<<"$line"
port=$(sed -n 4p "$dir/data/postgres/postmaster.pid" | tr -d ' ')

# The container: what kubelet mounts, and nothing else that can be written to.
mkdir -p "$root"/{proc,dev,tmp,data,registry/models,sys}
mount --bind "$root" "$root"
mount -t tmpfs -o size=64m,mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o size=512m,mode=1777 tmpfs "$root/data"
mount --bind "$home/artifacts/models" "$root/registry/models"
mount -o remount,bind,ro "$root/registry/models"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount -t tmpfs -o size=1m,mode=755 tmpfs "$root/dev"
for device in null zero random urandom; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mount -o remount,bind,ro "$root"
mapfile -t entrypoint < <(setting Entrypoint)
mapfile -t environment < <(setting Env)
if mkdir "$group" 2>/dev/null && echo $memory >"$group/memory.limit_in_bytes"; then
  limit=()
else
  limit=(JAVA_TOOL_OPTIONS=-XX:MaxRAM=$memory)
  group=
fi
contained() { # name, variables: starts it, and waits; sets pid, api, management
  local name=$1
  shift
  (
    [[ -z $group ]] || echo 0 >"$group/cgroup.procs"
    exec env -i "${environment[@]}" "${limit[@]}" ML_AUTH=dev ML_HTTP_PORT=0 ML_MANAGEMENT_PORT=0 \
      ML_DRAIN_MS=0 "ML_DATABASE_URL=postgresql://postgres:postgres@127.0.0.1:$port/postgres" "$@" \
      "$(command -v chroot)" --userspec=10001:10001 --groups= "$root" "${entrypoint[@]}" serve
  ) >"$dir/$name.log" 2>&1 &
  pid=$!
  line=$(ready "$dir/$name.log" $pid) || wrong "$name did not start"
  IFS=' ' read -r api management <<<"$line"
}
contained image

grep -q '^Uid:\s10001\s10001\s10001\s10001' "/proc/$pid/status" || wrong "it runs as another user"
grep -q '^CapEff:\s0*$' "/proc/$pid/status" || wrong "it has capabilities"
for ((i = 0; i < 100; i++)); do
  curl -sf -o /dev/null "http://$management/health/ready" && break
  sleep 0.1
done
case='{"modelId":"risk-score","inputs":{"liquidity_ratio":0.4,"cash_burn_rate":0.9,"revenue_variance":1.8,
  "late_lodgements_12m":5,"days_since_last_lodgement":210,"payroll_to_revenue":0.7,"tax_debt_ratio":0.9,
  "industry_volatility":0.6,"account_age_months":14,"refund_claim_ratio":0.5,"director_changes_24m":3,
  "transaction_anomalies_30d":9}}'
score() { curl -sf "http://$1/ml/score" -H 'Content-Type: application/json' -d "$case" | grep -o '"modelVersion.*"recommendation":"[a-z]*"'; }
[[ -n $(score "$api") && $(score "$api") == "$(score "$other")" ]] ||
  wrong "it answers $(score "$api"), the jar $(score "$other")"
mounted=$(find "$root/app" -newer "$dir/config.json" -type f | head -1)
[[ -z $mounted ]] || wrong "$mounted was written to"

# Within its memory, under load.
printf 'wrk.method="POST"\nwrk.headers["Content-Type"]="application/json"\nwrk.body=[[%s]]\n' "$case" >"$dir/load.lua"
wrk -t 1 -c 64 -d "${SECONDS_OF_LOAD:-10}s" -s "$dir/load.lua" "http://$api/ml/score" >"$dir/load.txt"
answered=$(sed -n 's/^ *\([0-9]*\) requests in.*/\1/p' "$dir/load.txt")
! grep -q 'Non-2xx' "$dir/load.txt" || wrong "under load: $(grep Non-2xx "$dir/load.txt")"
kill -0 "$pid" || wrong "it ended under load: $(tail -3 "$dir/image.log")"
peak=$(awk '/VmHWM/ {print $2}' "/proc/$pid/status")
((peak << 10 < memory * 9 / 10)) || wrong "it took $((peak >> 10)) MiB of $((memory >> 20)), expected a tenth to spare"
leave() {
  kill -TERM "$1"
  for ((i = 0; i < 250; i++)); do
    [[ -d /proc/$1 ]] || return 0
    sleep 0.1
  done
}
leave "$pid"

# Split: one process scores, another answers.
split=(ML_CLUSTER_MEMBERS=127.0.0.1:5701)
contained scoring "${split[@]}" ML_ROLES=scoring ML_DATA_DIR=/data/scoring
scorer=$pid
contained edge "${split[@]}" ML_ROLES=edge,data ML_DATA_DIR=/data/edge ML_CLUSTER_PORT=5711 ML_CLUSTER_BUS_PORT=5712
for ((i = 0; i < 300; i++)); do
  curl -sf -o /dev/null "http://$management/health/ready" && break
  sleep 0.1
done
[[ -n $(score "$api") && $(score "$api") == "$(score "$other")" ]] ||
  wrong "split, it answers $(score "$api"), the jar $(score "$other")"
! grep -q libtorch_cpu "/proc/$pid/maps" || wrong "the edge has loaded libtorch"
leave "$pid"
leave "$scorer"
echo "image-check: started without a network, scored as the jar, in one process and in two, $answered requests under load, at most $((peak >> 10)) MiB of $((memory >> 20))${group:+ (cgroup)}"
