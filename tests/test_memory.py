"""Room for the work: said before it begins."""

import subprocess
import sys

import numpy as np
import pytest

from mmtoolkit._memory import check_memory, room

SCRIPT = """
import resource
import numpy as np, mmtoolkit as mm
from mmtoolkit._memory import room
X = np.zeros((400_000, 512), dtype=np.float32)
mm.cluster(np.eye(4, dtype=np.float32), 2)
_, hard = resource.getrlimit(resource.RLIMIT_AS)
taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 2**26, hard))
for verb in (mm.cluster, mm.classify, mm.project, mm.search, mm.near_duplicates, lambda X: mm.compare({"a": X, "b": X})):
    try:
        verb(X)
    except MemoryError as error:
        print(error)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits are read from /proc")
def test_heavy_verbs_say_before_they_begin_that_there_is_no_room():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=True)

    said = done.stdout.splitlines()
    assert [line.split()[0] for line in said] == [
        "cluster",
        "classify",
        "project",
        "search",
        "near_duplicates",
        "compare",
    ]
    for line in said:
        assert "of 400,000 x 512 vectors (0.76 GiB) needs at least 0." in line
        assert "can be had (limit of the process, ulimit -v)" in line


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"proc/meminfo": "MemTotal: 900 kB\nMemAvailable:   400 kB\nSwapFree: 100 kB\n"}, 500 * 1024),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/memory.max": "5000\n",
                "sys/fs/cgroup/a/memory.current": "4000\n",
                "sys/fs/cgroup/a/memory.stat": "anon 1\ninactive_file 500\n",
                "sys/fs/cgroup/a/b/memory.max": "max\n",
                "sys/fs/cgroup/a/b/memory.current": "4000\n",
            },
            1500,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu:/x\n3:memory:/x\n",
                "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "9000\n",
                "sys/fs/cgroup/memory/x/memory.usage_in_bytes": "2000\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "1\n",
            },
            7000,
        ),
    ],
)
def test_the_tightest_limit_counts(tmp_path, files, limit):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    assert room(tmp_path)[0] == limit


def test_where_nothing_can_be_read_nothing_is_refused(tmp_path):
    assert room(tmp_path)[0] == float("inf")
    check_memory("cluster", np.empty((10, 2), dtype=np.float32), 1.0)
