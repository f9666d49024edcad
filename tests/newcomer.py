"""What a newcomer does, and how long it takes: python -m tests.newcomer [--folder=DIR] [--tests].

Clones the last commit into a new folder, and runs there every command and every piece of Python of
the README and the tutorials, in their order, with nothing of this machine but its programs: a new
home, no caches, no environment. Prints a table of commands, seconds and what of them the processors
worked, and ends with 1 if one has failed. What each has printed is in `said.txt` beside the clone.
"""

import argparse
import contextlib
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

from tests.pages import README, ROOT, TUTORIALS, blocks, lines_of

#: A part of a command -> why it is left out.
LEFT_OUT = {
    "make test": "the tests: `--tests`",
    "pytest": "the tests: `--tests`",
    "market": "needs Market-1501, or weights of it",
}
#: In commands that go on until they are stopped: they count until they answer.
SERVERS = ("web_demo",)
LONGEST = 300  # seconds to wait for one
SECONDS_TO_END = 30


class Newcomer:
    """Somebody at a shell in a clone of the project.

    Args:
        folder: An empty folder, for the clone, the home and what is said.
        python: The folder of a `python3`.
        keep: Names of variables of the environment that stay.
    """

    def __init__(self, folder, python, keep=()):
        self._folder, self.clone, self._home = folder, folder / "osnet_tf", folder / "home"
        self._said = folder / "said.txt"
        places = [str(self.clone / ".venv" / "bin"), python, "/usr/local/bin", "/usr/bin", "/bin"]
        self._environment = {
            **{name: os.environ[name] for name in keep},
            "HOME": str(self._home),
            "PATH": ":".join(places),
            "LANG": "C.UTF-8",
        }
        self.failed, self.total = 0, 0.0
        self.begins()

    def begins(self):
        """With a home and a clone that nothing was done in."""
        for place in (self.clone, self._home):
            shutil.rmtree(place, ignore_errors=True)
        self._home.mkdir()
        self.does(f"git clone --quiet {shlex.quote(str(ROOT))} osnet_tf", where=self._folder)

    def does(self, command, where=None):
        """Runs a command to its end, or a server until it answers; prints a row."""
        worked = processors()
        with self._said.open("a") as said:
            said.write(f"\n$ {command}\n")
            said.flush()
            begun, place = time.perf_counter(), said.tell()
            process = subprocess.Popen(
                ["bash", "-c", command],
                cwd=where or self.clone,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            server = any(name in command for name in SERVERS)
            good = self._answers(process, place) if server else process.wait() == 0
        seconds = time.perf_counter() - begun
        self.total += seconds
        self.failed += not good
        row(command, f"{seconds:.0f}" if good else "FAILED", f"{processors() - worked:.0f}")

    def _answers(self, process, place):
        address, end = None, time.monotonic() + LONGEST
        while process.poll() is None and not address and time.monotonic() < end:
            time.sleep(0.2)
            address = re.search(rb"http://\S+", self._said.read_bytes()[place:])
        try:
            if address is None:
                return False
            with urlopen(address[0].decode(), timeout=60) as answer:
                return answer.status == 200
        finally:
            _stop(process)

    def writes_and_runs(self, code, name):
        """Python of a page, in a file of its own."""
        (self.clone / name).write_text(code)
        self.does(f"python {name}")


def _stop(process):
    """Ends a process and what it has started."""
    # Not SIGINT: what a shell runs in the background ignores it, and so do all processes it starts
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=SECONDS_TO_END)


def processors():
    """Seconds that processors have worked for the processes that were started here."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def row(command, seconds, worked=""):
    print(f"| `{command}` | {seconds} | {worked} |", flush=True)


def steps(page):
    """`(language, text)`: each command of a page, and each piece of Python."""
    for language, block in blocks(page):
        if language == "python":
            yield language, block
        elif language in ("bash", "console"):
            yield from ((language, command) for command in lines_of(block))


def reason_against(command, newcomer, tests):
    """Why a command is left out; None if it is not."""
    for part, why in LEFT_OUT.items():
        if part in command and not (tests and "--tests" in why):
            return why
    if "mine" in command and not (newcomer.clone / "mine").exists():
        return "needs a folder `mine`: docs/tutorials/own_data.md"
    return None


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.newcomer")
    parser.add_argument("--folder", type=Path, help="a new folder; by default one that is removed")
    parser.add_argument("--python", default=str(Path(sys.executable).resolve().parent))
    parser.add_argument("--tests", action="store_true", help="runs the tests as well")
    parser.add_argument(
        "--keep", action="append", default=[], help="a variable, as NODE_EXTRA_CA_CERTS, that stays"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(exist_ok=True)
        print("| command | seconds | of processors |\n|---|---|---|")
        newcomer, done = Newcomer(folder, arguments.python, arguments.keep), set()
        for page in (README, *TUTORIALS):
            print(f"| **{page.relative_to(ROOT)}** | | |")
            for number, (language, text) in enumerate(steps(page)):
                if language == "python":
                    newcomer.writes_and_runs(text, f"{page.stem}_{number}.py")
                elif why := reason_against(text, newcomer, arguments.tests):
                    row(text, why)
                elif text not in done:
                    newcomer.does(text)
                    if text.startswith("make"):  # the plain commands behind it come next
                        newcomer.begins()
                    else:
                        done.add(text)
        print(f"| in all | {newcomer.total:.0f} | |")
        return min(newcomer.failed, 1)


if __name__ == "__main__":
    sys.exit(main())
