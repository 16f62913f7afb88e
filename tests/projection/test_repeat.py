"""The same bits in another process, with one and two threads, for graphs in one and in several pieces."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("repeat_script.py")


def test_maps_have_the_same_bits_in_another_process_with_another_number_of_threads(monkeypatch):
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "MMTOOLKIT_NUM_THREADS")
    with subprocess.Popen([sys.executable, SCRIPT], env=os.environ | dict.fromkeys(names, "1"), stdout=-1) as other:
        spec = importlib.util.spec_from_file_location("repeat_script", SCRIPT)
        script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(script)

        here = []
        for threads in ("2", "5"):
            monkeypatch.setenv("MMTOOLKIT_NUM_THREADS", threads)
            here.append(script.fingerprints())

        there = json.loads(other.communicate()[0])
    assert len(there) == 10
    assert here == [there, there]
