"""Run the emulator until Ctrl-C: ``python tests/emulator --rpm 120 --latency 0.3``."""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from emulator import Emulator

parser = argparse.ArgumentParser(prog="python tests/emulator", description=__doc__)
parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
parser.add_argument("--rpm", type=int, default=None, help="requests per minute; none by default")
parser.add_argument("--tpm", type=int, default=None, help="tokens per minute; none by default")
parser.add_argument(
    "--scale", type=float, default=1.0, help="how many times faster than real time clock and latency run"
)
parser.add_argument("--latency", type=float, default=0.0, help="seconds before every answer")
parser.add_argument("--fault-rate", type=float, default=0.0, help="share of requests that fail in a way that can heal")
options = vars(parser.parse_args())
options["latency_s"] = options.pop("latency")

with Emulator(**options) as emulator:
    print(f"export DASHSCOPE_HTTP_BASE_URL={emulator.base_url}")
    print(f"export DASHSCOPE_API_KEY={emulator.api_key}", flush=True)
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        print(f"{len(emulator.records)} requests on {emulator.connections} connections")
