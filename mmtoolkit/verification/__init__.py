"""Check a report: compute it again from the same vectors, and name the differences with their causes."""

from mmtoolkit.verification.checking import verify
from mmtoolkit.verification.report_diff import diff
from mmtoolkit.verification.result import Verification

__all__ = ["Verification", "diff", "verify"]
