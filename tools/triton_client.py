"""The life of a client of the Open Inference Protocol, by tritonclient, against HOST:PORT.

Arguments: HOST:PORT MODEL. Prints one line a step; exit 1 names the first that does not hold.
"""

import json
import sys
import urllib.request

import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

url, model = sys.argv[1], sys.argv[2]


def step(name, holds, shown=""):
    print(("ok  " if holds else "BAD ") + name, shown)
    if not holds:
        sys.exit(1)


def refused(name, text, call):
    try:
        call()
    except InferenceServerException as e:
        step(name, text in e.message(), f"{e.status()}: {e.message()[:120]}")
        return
    step(name, False, "was taken")


def tensor(rows, binary=True, datatype="FP32"):
    value = http.InferInput("input", list(rows.shape), datatype)
    value.set_data_from_numpy(rows, binary_data=binary)
    return [value]


def case(i):
    """A case within every feature's range, as /ml/score takes it."""
    inputs = {}
    for n, f in enumerate(described["features"]):
        low, high = max(f["min"], -1000), min(f["max"], 1000)
        value = low + (high - low) * ((i * 7 + n * 3) % 11) / 10
        inputs[f["name"]] = round(value) if f["type"] == "integer" else float(np.float32(value))
    return inputs


def score(inputs):
    body = json.dumps({"modelId": model, "inputs": inputs}).encode()
    request = urllib.request.Request(
        f"http://{url}/ml/score", body, {"Content-Type": "application/json"}
    )
    return json.load(urllib.request.urlopen(request))


with urllib.request.urlopen(f"http://{url}/ml/models/{model}") as answer:
    described = json.load(answer)
width = len(described["features"])

client = http.InferenceServerClient(url, concurrency=2)
step("server live", client.is_server_live())
step("server ready", client.is_server_ready())
server = client.get_server_metadata()
step("server metadata", "binary_tensor_data" in server["extensions"], server)
step("model ready", client.is_model_ready(model))
step("unknown model is not ready", not client.is_model_ready("nobody"))
metadata = client.get_model_metadata(model)
step("model metadata", metadata["inputs"][0]["shape"] == [-1, width], metadata["versions"])
versions = metadata["versions"]
step("versions ready", all(client.is_model_ready(model, v) for v in versions))

names = [f["name"] for f in described["features"]]
rows = np.array([[case(i)[n] for n in names] for i in range(64)], dtype=np.float32)
alone = [score(case(i)) for i in range(4)]

for binary in (True, False):
    result = client.infer(model, tensor(rows, binary), request_id="r-1")
    scores, said = result.as_numpy("score"), result.as_numpy("recommendation")
    step(
        f"infer binary={binary}",
        result.get_response()["id"] == "r-1"
        and scores.shape == (64,)
        and all(abs(a["score"] - s) <= 2e-6 for a, s in zip(alone, scores))
        and [a["recommendation"] for a in alone] == [t.decode() for t in said[:4]],
        scores[:4],
    )

outputs = [
    http.InferRequestedOutput("score", binary_data=False),
    http.InferRequestedOutput("prediction_id", binary_data=True),
]
result = client.infer(model, tensor(rows.astype(np.float64), True, "FP64"), outputs=outputs)
ids = [i.decode() for i in result.as_numpy("prediction_id")]
step("an id a row", len(set(ids)) == 64 and result.as_numpy("recommendation") is None, ids[0])
with urllib.request.urlopen(f"http://{url}/ml/predictions/{ids[5]}") as answer:
    stored = json.load(answer)
step(
    "each row is a decision in observe",
    stored["decision"]["mode"] == "observe"
    and not stored["decision"]["enforced"]
    and stored["score"] == result.as_numpy("score")[5],
    stored["modelVersion"],
)

for version in versions:
    result = client.infer(model, tensor(rows), model_version=version)
    step(f"infer version {version}", result.get_response()["model_version"] == version)

most = np.resize(rows, (4096, width))
step("4096 rows", client.infer(model, tensor(most)).as_numpy("score").shape == (4096,))
pending = [client.async_infer(model, tensor(rows)) for _ in range(8)]
step("async", all(p.get_result().as_numpy("score").shape == (64,) for p in pending))
step("timeout is taken", client.infer(model, tensor(rows), timeout=1_000_000) is not None)

refused("4097 rows", "4096", lambda: client.infer(model, tensor(np.resize(rows, (4097, width)))))
refused("another width", "/inputs/0/shape", lambda: client.infer(model, tensor(rows[:, 1:].copy())))
refused("another type", "FP32", lambda: client.infer(model, tensor(rows.astype("i4"), True, "INT32")))
refused("infinite value", names[0], lambda: client.infer(model, tensor(np.full_like(rows, np.inf))))
refused("unknown model", "nobody", lambda: client.infer("nobody", tensor(rows)))
refused("unknown version", "20200101", lambda: client.infer(model, tensor(rows), model_version="20200101"))
refused("unknown output", "/outputs/0/name",
        lambda: client.infer(model, tensor(rows), outputs=[http.InferRequestedOutput("x")]))
refused("compressed request", "gzip",
        lambda: client.infer(model, tensor(rows), request_compression_algorithm="gzip"))
step("and the next request is answered", client.infer(model, tensor(rows)) is not None)
print("done")
