"""The folder of one retraining: what each step ran, what it made, and whether that is still there.

Nothing here knows Prefect. A step that is done leaves `<step>.done.json` with the SHA-256 of every
file it made. A later run passes such a step over when its command and all that came before are the
same and its files still have those hashes; a file that changed since ends the run instead.
"""

import datetime
import fcntl
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import time

AEST = datetime.timezone(datetime.timedelta(hours=10))
LOCK_WAIT_SECONDS = 120
MOST_VERSIONS_A_DAY = 99
LAST_STEP = "evidence"


class Refused(Exception):
    """The answer is no: trying again would not change it."""


class Unavailable(Exception):
    """It could not be done now: worth another try."""


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")


class Run:
    """One retraining, held by one process and the command it started, by a lock on its folder."""

    def __init__(self, work, home, launcher, options):
        self.home = home
        self.launcher = launcher
        self.options = options
        self.model = options["model"]
        self.version = options["version"]
        self.folder = work / f"{self.model}_{self.version}"
        self.lock = None
        self.chain = ""  # hash over all steps so far
        self.log = print

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        end = time.monotonic() + LOCK_WAIT_SECONDS
        while True:
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    os.close(self.lock)
                    raise Unavailable(f"{self.folder} is in use by another run")
                time.sleep(0.5)
        self._same_options()
        return self

    def __exit__(self, *_):
        os.close(self.lock)

    def _same_options(self):
        file = self.folder / "run.json"
        if not file.exists():
            write(file, self.options)
        kept = json.loads(file.read_text())
        if kept != self.options:
            raise Refused(f"{self.folder.name} was begun with {kept}, expected the same options")

    def path(self, *parts):
        return self.folder.joinpath(*parts)

    def do(self, step, arguments, outputs, seconds, secret=(), accept=(0,), instead=None):
        """Runs a command of the launcher unless it is done; its exit code and what it printed.

        `outputs` gives the files it made; they are hashed, and hash again later, or the run ends.
        `secret` are arguments that are neither kept nor told. `instead` is what a run of it printed
        of which no note was taken.
        """
        marker = self.path(f"{step}.done.json")
        key = hashlib.sha256(
            json.dumps([self.chain, step, arguments], sort_keys=True).encode()
        ).hexdigest()
        done = json.loads(marker.read_text()) if marker.exists() else None
        if done is None:
            exit_code, printed = 0, instead
            if instead is None:
                self.log(f"{step}: {self.launcher} {' '.join(arguments)}")
                exit_code, printed = self.call(step, [*arguments, *secret], seconds, accept)
            missing = [str(p) for p in outputs() if not p.is_file()]
            if missing:
                raise Refused(f"{step}: exit {exit_code} without {missing}: {last_line(printed)}")
            done = {
                "step": step,
                "key": key,
                "arguments": arguments,
                "exit": exit_code,
                "printed": printed,
                "files": {str(p): sha256(p) for p in sorted(outputs())},
                "finishedAt": now(),
            }
            write(marker, done)
        elif done["key"] != key:
            raise Refused(f"{step}: was run as {done['arguments']}, expected {arguments}")
        else:
            for path, expected in done["files"].items():
                actual = sha256(path) if os.path.isfile(path) else "no file"
                if actual != expected:
                    raise Refused(
                        f"{step}: {path} is {actual}, expected SHA-256 {expected} as it was made"
                    )
            self.log(f"{step}: done before, at {done['finishedAt']}")
        self.chain = hashlib.sha256(
            json.dumps([key, done["files"]], sort_keys=True).encode()
        ).hexdigest()
        return done["exit"], done["printed"]

    def call(self, step, arguments, seconds, accept=(0,)):
        """Runs a command of the launcher, takes no note; its exit code and what it printed."""
        # The lock goes to the command too: when this process is killed, the next one waits until
        # the command it left behind has ended.
        process = subprocess.Popen(
            [self.launcher, *arguments],
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=(self.lock,),
            start_new_session=True,
        )
        try:
            printed = process.communicate(timeout=seconds)[0].strip()
        except subprocess.TimeoutExpired:
            stop(process)
            raise Unavailable(f"{step}: did not end within {seconds} s")
        except BaseException:
            stop(process)
            raise
        for line in printed.splitlines():
            self.log(f"{step}: {line}")
        if process.returncode in accept:
            return process.returncode, printed
        failure = Refused if process.returncode in (1, 2) else Unavailable
        raise failure(f"{step}: exit {process.returncode}: {last_line(printed)}")

    def is_done(self, step):
        return self.path(f"{step}.done.json").exists()


def last_line(printed):
    return printed.splitlines()[-1] if printed else "it printed nothing"


def stop(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def discard(folder):
    """Removes what a step left behind that was stopped before its note."""
    if folder.is_dir():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


def write(path, value):
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")
    os.replace(draft, path)


def choose_version(work, roots, options, today=None):
    """The day in UTC+10: of an unfinished run with these options, else the first one not taken."""
    day = today or datetime.datetime.now(AEST).strftime("%Y%m%d")
    for n in range(1, MOST_VERSIONS_A_DAY + 1):
        version = day if n == 1 else f"{day}-{n}"
        folder = work / f"{options['model']}_{version}"
        if folder.exists():
            begun = folder / "run.json"
            same = begun.exists() and json.loads(begun.read_text()) == {
                **options,
                "version": version,
            }
            if same and not (folder / f"{LAST_STEP}.done.json").exists():
                return version
        elif not any((root / options["model"] / version).exists() for root in roots):
            return version
    raise Refused(f"{MOST_VERSIONS_A_DAY} versions of {options['model']} on {day}")


def settings_dir(home, variable, default):
    return pathlib.Path(os.environ.get(variable) or home / default).absolute()
