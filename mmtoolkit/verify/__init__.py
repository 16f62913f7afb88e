"""Check a report: compute it again from the same vectors and name what differs and why."""

from mmtoolkit.verify.result import Verification
from mmtoolkit.verify.verb import verify

__all__ = ["Verification", "verify"]
