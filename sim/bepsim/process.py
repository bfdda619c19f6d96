"""A child process with a log that never outlives its owner, and whose last words can be quoted."""

import json
import os
import signal
import subprocess
import sys

__all__ = ["Child"]

_LAST_WORDS = 12


class Child:
    """`python -m bepsim.launch action arguments` in a session of its own, printing to `log`.

    Parameters
    ----------
    action : str
        `build` or `test`.
    arguments : dict
        Its arguments.
    env : dict
        Environment variables.
    log : pathlib.Path
        File that takes everything the processes print.
    folder : pathlib.Path
        Where it runs.
    """

    def __init__(self, action, arguments, *, env, log, folder):
        self._log = log
        command = [sys.executable, "-P", "-m", "bepsim.launch", action, json.dumps(arguments)]
        with open(log, "wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def alive(self):
        """True while it runs."""
        return self._process.poll() is None

    def wait(self, seconds=None):
        """Exit status, or None when it still runs after `seconds`."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def kill(self):
        """End it and everything it started."""
        if self.alive():
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def last_words(self):
        """The end of the log, for an error message."""
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        return "\n".join(text.strip().splitlines()[-_LAST_WORDS:]) or "(it printed nothing)"
