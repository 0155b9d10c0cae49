"""The bill of materials of the image: Maven's without what the image leaves out, and what lies below.

Usage: sbom.py BOM STAGE, CycloneDX JSON on standard output; the same input gives the same bytes.
"""

import json
import pathlib
import sys

LEFT_OUT = "embedded-postgres-binaries"


def component(name, version, purl):
    return {"type": "library", "name": name, "version": version, "purl": purl, "bom-ref": purl}


def main(bom, stage):
    document = json.loads(pathlib.Path(bom).read_text())
    stage = pathlib.Path(stage)
    components = [c for c in document["components"] if not c["name"].startswith(LEFT_OUT)]
    for line in (stage / "packages.txt").read_text().splitlines():
        name, version, architecture = line.split(" ")
        purl = f"pkg:deb/debian/{name}@{version.replace(':', '%3A')}?arch={architecture}"
        components.append(component(name, version, purl))
    jdk = (stage / "jdk.txt").read_text().strip()
    components.append(component("openjdk-jre", jdk.rsplit("build ", 1)[-1].rstrip(")"), "pkg:generic/openjdk@17"))
    document["components"] = sorted(components, key=lambda c: c["bom-ref"])
    kept = {c["bom-ref"] for c in components} | {document["metadata"]["component"]["bom-ref"]}
    document["dependencies"] = [
        {**d, "dependsOn": [on for on in d.get("dependsOn", []) if on in kept]}
        for d in document.get("dependencies", [])
        if d["ref"] in kept
    ]
    document.pop("serialNumber", None)
    document["metadata"].pop("timestamp", None)
    print(json.dumps(document, indent=1, sort_keys=True))


main(*sys.argv[1:])
