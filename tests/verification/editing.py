"""Change a report.json as a person or another machine would."""

import json

from mmtoolkit.reporting import record


def edit(home, change):
    path = home / "report.json"
    data = json.loads(path.read_text("utf-8"))
    change(data)
    path.write_text(json.dumps(data), "utf-8")
    return path


def resealed(data):
    """Seal a report anew, as a machine would have written it that rounds otherwise."""
    data["seals"] = {name: record.seal(data[name]) for name in data["seals"] if name in record.SEALED}
