"""A folder of 100,000 pictures: how long until they are listed, until the first vector, and until all are found again.

    python benchmarks/many_files.py [N]

Prints JSON. The pictures are small and the model costs nothing, so that what is measured is the way of the files.
"""

import io
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

import mmtoolkit as mm

MOST_S = 10.0  # before the first vector


def make(folder: Path, n: int) -> None:
    """Write `n` small pictures, all different, in a hundred sub-folders."""
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(buffer, "PNG")
    for part in range(100):
        (folder / f"class{part:02d}").mkdir()
    for number in range(n):
        (folder / f"class{number % 100:02d}" / f"{number:06d}.png").write_bytes(buffer.getvalue() + b"%d" % number)


def main() -> None:
    """Measure and print."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    first: list[tuple[float, float]] = []

    def vectors(contents: list[object]) -> np.ndarray:
        first.append((time.perf_counter(), time.process_time()))
        return np.random.default_rng(len(first)).normal(size=(len(contents), 8))

    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "pictures"
        folder.mkdir()
        make(folder, n)
        model = mm.FunctionProvider(vectors, name="free", revision="1", dimension=8, modalities=("image",))
        times = {}
        start, start_cpu = time.perf_counter(), time.process_time()
        frame = mm.read_folder(folder)
        times["listed_s"] = time.perf_counter() - start
        mm.embed(frame, model=model, cache=Path(home) / "cache", progress=None)
        times["first_vector_s"] = first[0][0] - start
        times["first_vector_cpu_s"] = first[0][1] - start_cpu  # what a machine with other work to do can be judged by
        times["all_s"] = time.perf_counter() - start
        start = time.perf_counter()
        again = mm.embed(mm.read_folder(folder), model=model, cache=Path(home) / "cache", progress=False)
        times["again_s"] = time.perf_counter() - start
    assert again.usage["computed"] == 0
    print(
        json.dumps(
            {
                "n_files": n,
                **{name: round(value, 2) for name, value in times.items()},
                "first_vector_in_time": times["first_vector_s"] <= MOST_S,
            }
        )
    )


if __name__ == "__main__":
    main()
