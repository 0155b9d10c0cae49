#!/usr/bin/env bash
# Builds the service's image into gateway/target/ml-service.tar, by Jib, without a container engine,
# and ends with its digest. Nothing is pulled: below the jars is a runtime that jlink cuts out of
# this machine's JDK 17, and the shared libraries that it and libtorch name, from this machine's Debian
# packages. The same commit, JDK and packages give the same digest, wherever the checkout lies.
#   tools/image.sh                    the tar
#   tools/image.sh push REPOSITORY    the same to a registry, as registry.example.com/ml-service:0.1.0
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=$home/gateway/target
stage=$target/image
mvn="mvn -B -ntp -q -f $home/pom.xml -pl gateway -am -DskipTests -Pimage"
jdk=${JAVA_HOME:-$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")}
case $("$jdk/bin/java" -version 2>&1 | head -1) in
  *'"17.'*) ;;
  *)
    echo "image.sh: $("$jdk/bin/java" -version 2>&1 | head -1), expected JDK 17 (JAVA_HOME)" >&2
    exit 2
    ;;
esac
umask 022
# shellcheck disable=SC2086 # words
$mvn package -Djib.skip=true >&2
rm -rf "$stage"
mkdir -p "$stage/base/etc" "$stage/app/natives" "$stage/app/sbom"

# The runtime: what `jdeps` names, and what is asked for by name only.
"$jdk/bin/jlink" --output "$stage/base/runtime" --strip-java-debug-attributes --no-header-files \
  --no-man-pages --compress=2 --add-modules "$(paste -sd, "$home/tools/image/modules.txt")"

text() { # jar, name in it
  python3 -c 'import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))' "$@"
}

# What is in the jars and must be a file: found there, nothing is unpacked at a start.
natives=$stage/app/natives
lib=$target/lib
torch=$(ls "$lib"/pytorch-native-cpu-*-linux-x86_64.jar)
jni=$(ls "$lib"/pytorch-jni-*.jar)
version=$(text "$torch" native/lib/pytorch.properties | sed -n 's/^version=//p')
djl=$(basename "$jni" | sed -E 's/pytorch-jni-[0-9.]+-([0-9.]+).jar/\1/')
cache=$natives/pytorch/$version-cpu-linux-x86_64
mkdir -p "$cache"
take() { # jar, prefix of names in it, folder
  python3 - "$@" <<'PYTHON'
import pathlib, sys, zipfile

jar, prefix, folder = sys.argv[1:]
with zipfile.ZipFile(jar) as z:
    for name in z.namelist():
        if name.startswith(prefix) and not name.endswith("/"):
            pathlib.Path(folder, pathlib.PurePath(name).name).write_bytes(z.read(name))
PYTHON
}
take "$torch" pytorch/cpu/linux-x86_64/ "$cache"
take "$jni" jnilib/linux-x86_64/cpu/libdjl_torch.so "$natives"
mv "$natives/libdjl_torch.so" "$cache/$djl-libdjl_torch.so"
take "$(ls "$lib"/rocksdbjni-*.jar)" librocksdbjni-linux64.so "$natives"
# All that DJL still wants of the large jar: which platform the files are of.
take "$torch" native/lib/pytorch.properties "$stage"
python3 - "$stage/pytorch.properties" "$natives/platform.jar" <<'PYTHON'
import pathlib, sys, zipfile

properties, jar = sys.argv[1:]
with zipfile.ZipFile(jar, "w") as z:
    z.writestr(zipfile.ZipInfo("native/lib/pytorch.properties"), pathlib.Path(properties).read_bytes())
PYTHON

# Shared libraries that all of this names, to the last, and the loader.
mapfile -t binaries < <(find "$stage" -type f \( -name '*.so' -o -name '*.so.*' -o -path '*/bin/java' \) | sort)
LD_LIBRARY_PATH=$stage/base/runtime/lib:$stage/base/runtime/lib/server:$cache ldd "${binaries[@]}" |
  grep -v "^$stage" >"$stage/ldd.txt"
if grep 'not found' "$stage/ldd.txt" >&2; then
  echo "image.sh: libraries are missing on this machine, expected those of Debian's packages" >&2
  exit 3
fi
awk '$3 ~ /^\// {print $3} $1 ~ /^\// {print $1}' "$stage/ldd.txt" | grep -v "^$stage" | sort -u >"$stage/libraries.txt"
while read -r library; do
  mkdir -p "$stage/base$(dirname "$library")"
  cp -L "$library" "$stage/base$library"
done <"$stage/libraries.txt"
printf 'ml-service:x:10001:10001::/tmp:/nonexistent\n' >"$stage/base/etc/passwd"
printf 'ml-service:x:10001:\n' >"$stage/base/etc/group"
printf 'hosts: files dns\n' >"$stage/base/etc/nsswitch.conf"
chmod -R a+rX,go-w "$stage"

# What it is made of, and what was built: the name by which training_run.json knows the build.
mkdir -p "$stage/app/conf"
cp -r "$home"/conf/. "$stage/app/conf"
while read -r library; do
  dpkg -S "$(readlink -f "$library")" 2>/dev/null || dpkg -S "$library"
done <"$stage/libraries.txt" | cut -d: -f1 | sort -u |
  xargs dpkg-query -W -f '${Package} ${Version} ${Architecture}\n' >"$stage/packages.txt"
"$jdk/bin/java" -version 2>&1 | sed -n 2p >"$stage/jdk.txt"
python3 "$home/tools/image/sbom.py" "$target/bom.json" "$stage" >"$stage/app/sbom/bom.json"
build=$(
  cd "$target"
  { echo ml-service.jar; text ml-service.jar META-INF/MANIFEST.MF | sed -z 's/\r\n //g' |
    sed -n 's/^Class-Path: *//p' | tr -d '\r' | tr ' ' '\n'; } |
    LC_ALL=C sort | xargs sha256sum | sha256sum | cut -d ' ' -f 1
)

goal=(-Djib.goal=buildTar)
if [[ ${1:-} == push ]]; then
  goal=(-Djib.goal=build "-Djib.to.image=${2:?usage: tools/image.sh push REPOSITORY}")
fi
# shellcheck disable=SC2086
$mvn package -Dcyclonedx.skip=true "-Dimage.build=sha256:$build" "${goal[@]}" >&2
echo "$target/ml-service.tar, build sha256:$build" >&2
cat "$target/jib-image.digest"
echo
