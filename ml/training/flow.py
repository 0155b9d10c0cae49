"""Retraining as a Prefect flow: snapshot, train, evaluate, bias, package, sign, open the ticket.

    python ml/training/flow.py --model risk-score

runs once, without a Prefect server. Run again, it goes on where it was stopped. With `--serve` and
PREFECT_API_URL it registers the schedule (Tuesday and Thursday, 02:00 AEST) and runs what is due.
Exit codes: 0 candidate and ticket are there; 1 a step refused; 2 wrong usage; 3 a step could not be
done, such as a ticket without a service to open it in: run it again.
"""

import argparse
import json
import logging
import os
import pathlib
import re
import shutil
import sys
import tempfile

# Before Prefect is imported. Its temporary server takes up to half a minute on two busy cores.
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "90")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")

HERE = pathlib.Path(__file__).resolve().parent
HOME = HERE.parent.parent
sys.path.insert(0, str(HERE))

from prefect import flow, get_run_logger, task  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402
from prefect.schedules import Cron  # noqa: E402

from steps import (  # noqa: E402
    Refused,
    Run,
    Unavailable,
    choose_version,
    discard,
    settings_dir,
    sha256,
)

TRIGGERS = ("schedule", "drift", "budget", "regulator", "manual")
SCHEDULE = Cron("0 2 * * 2,4", timezone="Australia/Brisbane")  # UTC+10 all year
RETRY_SECONDS = float(os.environ.get("ML_RETRAIN_RETRY_SECONDS", "10"))


class NoService(Unavailable):
    """There is nobody to open the ticket with: known before anything was tried."""


class WithoutTraceback(logging.Filter):
    """What the steps raise on purpose says enough in one line."""

    def filter(self, record):
        if record.exc_info and isinstance(record.exc_info[1], (Refused, Unavailable)):
            record.exc_info = None
        return True


QUIET = WithoutTraceback()


def worth_a_retry(_task, _run, state):
    try:
        state.result()
    except Unavailable as e:
        return not isinstance(e, NoService)
    except BaseException:
        return False
    return False


def step(function):
    # Prefect's own result cache is not used: it would believe its record and not look at the files.
    return task(
        function,
        retries=2,
        retry_delay_seconds=[RETRY_SECONDS, 3 * RETRY_SECONDS],
        retry_condition_fn=worth_a_retry,
        cache_policy=NO_CACHE,
        persist_result=False,
    )


@step
def snapshot(run):
    """The standing set and the week's labelled decisions; gives the snapshot file."""
    options = run.options
    arguments = ["snapshot", "--schema", options["schema"], "--out", str(run.path("snapshot"))]
    arguments += ["--days", str(options["days"]), "--trigger", options["trigger"]]
    if options["data"]:
        arguments += ["--data", options["data"]]
    if options["anyData"]:
        arguments += ["--any-data"]
    if not run.is_done("snapshot"):
        discard(run.path("snapshot"))
    run.do("snapshot", arguments, lambda: run.path("snapshot").glob("[0-9a-f]*"), 900)
    made = next(run.path("snapshot").glob("*.csv.gz"))
    # By its hash, where the reproducibility gate of a later day finds it again.
    kept = settings_dir(HOME, "ML_DATA_DIR", "data") / "snapshots" / made.name
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = kept.with_name(f".{kept.name}.{os.getpid()}")
        shutil.copyfile(made, draft)
        os.replace(draft, kept)
    return str(made)


@step
def train(run, data):
    names = ("model.pt", "schema.yaml", "training_run.json")
    arguments = ["train", "--schema", run.options["schema"], "--data", data]
    arguments += ["--out", str(run.path("run"))]
    run.do("train", arguments, lambda: [run.path("run", name) for name in names], 3600)


@step
def evaluate(run, data):
    names = ("evaluation.json", "bias_report.json", "report.md", "evaluation.ipynb")
    arguments = ["evaluate", "--run", str(run.path("run")), "--data", data]
    run.do("evaluate", arguments, lambda: [run.path("run", name) for name in names], 3600)


@step
def bias(run):
    """Says how far the groups are apart; whether that is too far is the gate's to say."""
    return run.do("bias", ["bias", "--run", str(run.path("run"))], list, 120)[1]


@step
def package(run):
    made = run.candidates / run.model / run.version
    arguments = ["package", "--run", str(run.path("run")), "--version", run.version]
    arguments += ["--out", str(run.candidates)]
    if not run.is_done("package") and same_bytes(made, run.path("run"), "training_run.json"):
        discard(made)  # ours: stopped between the command's end and our note of it
    run.do("package", arguments, lambda: made.glob("*"), 600)


def same_bytes(one, other, name):
    files = (one / name, other / name)
    return all(f.is_file() for f in files) and files[0].read_bytes() == files[1].read_bytes()


@step
def sign(run):
    made = run.candidates / run.model / run.version
    arguments = ["sign", "--model", run.model, "--version", run.version]
    pem = os.environ.get("ML_SIGNING_KEY_PEM")
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as key:  # only its owner may read it
        given = run.options["key"]
        if pem:
            key.write(pem)
            key.flush()
            given = key.name
        secret = ["--key", given] if given else []
        run.do("sign", arguments, lambda: [made / "model.sig"], 120, secret=secret)


@step
def gates(run, data):
    """What the gates say of the candidate. A gate that fails is an answer, not an error."""
    evidence = run.path("evidence.json")
    arguments = ["verify", "--candidates", "--model", run.model, "--version", run.version]
    arguments += ["--data", data, "--evidence", str(evidence)]
    if run.options["gates"]:
        arguments += ["--gate", run.options["gates"]]
    return run.do("gates", arguments, lambda: [evidence], 3600, accept=(0, 1))[1]


@step
def ticket(run):
    """Opens the approval ticket; the service reads the snapshot's hash in the candidate."""
    if not run.is_done("ticket") and not os.environ.get("ML_TOKEN"):
        raise NoService("ML_TOKEN is not set, expected the token of a data scientist")
    trigger = run.options["trigger"]
    arguments = ["ticket", "open", "--model", run.model, "--version", run.version]
    arguments += ["--trigger", trigger, "--reason", f"retraining: {trigger}"]
    found = None if run.is_done("ticket") else opened_before(run)
    printed = run.do("ticket", arguments, list, 120, instead=found)[1]
    name = re.search(r"MLAPPROVAL-[0-9]+", printed)
    if not name:
        raise Refused(f"ticket: '{printed}' names no ticket, expected MLAPPROVAL-n")
    return name.group()


def opened_before(run):
    """The open ticket of this very candidate, of which a killed run took no note."""
    digest = "sha256:" + sha256(run.candidates / run.model / run.version / "manifest.json")
    printed = run.call("ticket", ["ticket", "list", "--model", run.model, "--json"], 120)[1]
    answer = printed[printed.find("{") :]  # a warning of the JVM may stand before it
    for known in json.loads(answer or "{}").get("tickets", []):
        if known["manifestDigest"] == digest and known["state"] == "open":
            return known["ticket"]
    return None


@step
def evidence(run, name):
    arguments = ["ticket", "evidence", name, "--file", str(run.path("evidence.json"))]
    run.do("evidence", arguments, list, 120)


@flow(name="retrain")
def retrain(
    model: str,
    trigger: str = "schedule",
    data: str = "",
    any_data: bool = False,
    version: str = "",
    schema_file: str = "",
    days: int = 7,
    key: str = "",
    gate: str = "",
    work: str = "",
    launcher: str = "",
):
    """One retraining of a model, from the snapshot to the ticket."""
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(name).addFilter(QUIET)
    logger = get_run_logger()
    folder = pathlib.Path(work).absolute() if work else settings_dir(
        HOME, "ML_DATA_DIR", "data"
    ) / "retraining"
    registry = settings_dir(HOME, "ML_REGISTRY_DIR", "artifacts/models")
    candidates = registry.parent / "candidates"
    options = {
        "model": model,
        "trigger": trigger,
        "schema": str(pathlib.Path(schema_file or HOME / f"conf/models/{model}.yaml").absolute()),
        "data": str(pathlib.Path(data).absolute()) if data else "",
        "anyData": any_data,
        "days": days,
        "gates": gate,
        "key": str(pathlib.Path(key).absolute()) if key else "",
    }
    options["version"] = version or choose_version(folder, (registry, candidates), options)
    with Run(folder, HOME, launcher or str(HOME / "bin/ml-service"), options) as run:
        run.log = logger.info
        run.candidates = candidates
        note_for_ci(run)
        data_file = snapshot(run)
        train(run, data_file)
        evaluate(run, data_file)
        bias(run)
        package(run)
        sign(run)
        verdict = gates(run, data_file)
        logger.info("candidate %s_%s is ready:\n%s", model, run.version, verdict)
        try:
            name = ticket(run)
        except Unavailable as e:
            raise Unavailable(f"candidate ready, ticket not opened: {e}") from e
        evidence(run, name)
    return f"{model}_{run.version}: {name}"


def note_for_ci(run):
    """Where GitHub's runner asks for outputs, names the candidate."""
    if output := os.environ.get("GITHUB_OUTPUT"):
        with open(output, "a") as file:
            file.write(f"candidate={run.model}_{run.version}\n")
            file.write(f"folder={run.candidates / run.model / run.version}\n")


def arguments():
    parser = argparse.ArgumentParser(
        description="Retrain a model: from the snapshot to a signed candidate and its ticket.",
        epilog="Exit codes: 0 done, 1 a step refused, 2 wrong usage, 3 could not be done: run again.",
    )
    parser.add_argument("--model", required=True, help="model id")
    parser.add_argument("--trigger", choices=TRIGGERS, default="schedule", help="why it is retrained")
    parser.add_argument("--data", default="", help="standing set as CSV; none for a generator")
    parser.add_argument("--any-data", action="store_true", help="take data of your own")
    parser.add_argument("--version", default="", help="default: today in UTC+10, or its unfinished run")
    parser.add_argument("--schema-file", default="", help="default: conf/models/<model>.yaml")
    parser.add_argument("--days", type=int, default=7, help="labels of so many days (default: 7)")
    parser.add_argument("--key", default="", help="signing key, PEM; default: the development key")
    parser.add_argument("--gate", default="", help="gates to run, by commas; default: all of them")
    parser.add_argument("--work", default="", help="folder of runs; default: data/retraining")
    parser.add_argument("--launcher", default="", help="default: bin/ml-service")
    parser.add_argument("--serve", action="store_true", help="register the schedule and wait for it")
    return parser.parse_args()


def main():
    given = vars(arguments())
    if given.pop("serve"):
        if not os.environ.get("PREFECT_API_URL"):
            print("flow: --serve needs PREFECT_API_URL, expected a server's /api", file=sys.stderr)
            return 2
        name = f"retrain-{given['model']}"
        retrain.serve(name=name, schedules=[SCHEDULE], parameters=given, pause_on_shutdown=False)
        return 0
    try:
        print(retrain(**given))
        return 0
    except Refused as e:
        print(f"flow: {e}", file=sys.stderr)
        return 1
    except Unavailable as e:
        print(f"flow: {e}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
