"""mmtoolkit: sort, group, label and explain pictures, texts and videos in a notebook.

All of them get vectors in one semantic space, and each vector is paid for once. From the vectors come clusters with names,
classifiers with honest scores, maps to explore, search across modalities, and reports that another person can verify.
"""

from __future__ import annotations

import logging

from mmtoolkit._lazy import attach

__version__ = "0.1.0"
__getattr__, _, __all__ = attach(__name__, __file__)

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
