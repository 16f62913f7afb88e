"""A DashScope of our own on 127.0.0.1: a real HTTP server that checks, limits, delays, fails and records.

Start it by hand with ``python tests/emulator`` and point ``DASHSCOPE_HTTP_BASE_URL`` at the address it prints.
"""

from emulator.faults import FAULTS, Fault, magic
from emulator.openai import OpenAIEmulator
from emulator.server import Emulator, Record

__all__ = ["FAULTS", "Emulator", "Fault", "OpenAIEmulator", "Record", "magic"]
