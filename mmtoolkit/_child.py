"""Start Python processes that run our code with the same search path and without secrets."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

__all__ = ["start"]

_START = """import importlib, json, sys
sys.path[:] = json.loads(sys.argv[1])
importlib.import_module(sys.argv[2]).main(*sys.argv[3:])"""
_SECRET = re.compile("KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)  # in the name of a variable


def start(module: str, *arguments: str, stdout: int, stderr: int) -> subprocess.Popen[bytes]:
    """Call ``main(*arguments)`` of a module in a new process; its input is a pipe that ends with this process.

    Parameters
    ----------
    module : str
        Full name.
    *arguments : str
        For its ``main``.
    stdout, stderr : int
        As `subprocess.Popen` takes them.

    Returns
    -------
    subprocess.Popen
        The process.
    """
    command = [sys.executable, "-P", "-c", _START, json.dumps(sys.path), module, *arguments]
    secretless = {name: value for name, value in os.environ.items() if not _SECRET.search(name)}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=stdout, stderr=stderr, env=secretless)
