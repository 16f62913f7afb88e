"""Start a session that fits: Java present, the workers' Python equal to the driver's, Arrow batches."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mmtoolkit.errors import MissingExtraError, MMToolkitError
from mmtoolkit.words import say

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["java_problem", "start"]

_MIN_JAVA = 17


def java_problem() -> str | None:
    """Return whether Spark can start Java here.

    Returns
    -------
    str or None
        One sentence on why it cannot; None when it can.

    Examples
    --------
    >>> problem = java_problem()
    >>> problem is None or problem.startswith("Spark needs Java 17 or newer")
    True
    """
    home = os.environ.get("JAVA_HOME")
    command = os.fspath(Path(home) / "bin" / "java") if home else shutil.which("java")
    advice = say("install Java {least} (Debian: openjdk-17-jre-headless) or point JAVA_HOME to it", least=_MIN_JAVA)
    if command is None or (home and not Path(command).is_file()):
        return say("Spark needs Java {least} or newer, found none; {advice}", least=_MIN_JAVA, advice=advice)
    said = subprocess.run([command, "-version"], capture_output=True, text=True, check=False)
    version = re.search(r'version "(?:1\.)?(\d+)', said.stderr + said.stdout)
    if version is None:
        return say(
            "Spark needs Java {least} or newer, but {command!r} does not tell its version; {advice}",
            least=_MIN_JAVA,
            command=command,
            advice=advice,
        )
    if int(version[1]) < _MIN_JAVA:
        return say(
            "Spark needs Java {least} or newer, found {version} at {command!r}; {advice}",
            least=_MIN_JAVA,
            version=version[1],
            command=command,
            advice=advice,
        )
    return None


def start(
    master: str = "local[*]", *, app_name: str = "mmtoolkit", memory: str = "4g", config: dict[str, str] | None = None
) -> SparkSession:
    """Start (or get) a Spark session with settings that suit the other verbs.

    On a cluster that gives you a session, use that one; the verbs take any.

    Parameters
    ----------
    master : str, default="local[*]"
        Spark's master URL.
    app_name : str, default="mmtoolkit"
        Shown in Spark's pages.
    memory : str, default="4g"
        Of the driver, which is also the only worker when local.
    config : dict or None, default=None
        Further settings; they win over ours.

    Returns
    -------
    pyspark.sql.SparkSession
        The session.

    Raises
    ------
    MissingExtraError
        If PySpark is not installed.
    MMToolkitError
        If Java is missing or too old.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> spark = mm.spark.start("local[2]")
    >>> spark.range(3).count()
    3
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MissingExtraError("spark", "Running on Spark") from error
    problem = java_problem()
    if problem is not None:
        raise MMToolkitError(problem)
    settings = {
        "spark.driver.memory": memory,
        "spark.sql.execution.arrow.maxRecordsPerBatch": "4096",
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.showConsoleProgress": "false",
    }
    if master.startswith("local"):
        settings |= {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.sql.shuffle.partitions": "8",
            "spark.ui.enabled": "false",
        }
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # PySpark reads it when the context starts
    builder = SparkSession.builder.master(master).appName(app_name)
    for name, value in (settings | (config or {})).items():
        builder = builder.config(name, value)
    return builder.getOrCreate()
