"""Arrays of others: nothing is built that the file does not hold."""

from __future__ import annotations

import io
import struct
import time
import zipfile

import numpy as np
import pytest

from mmtoolkit._npz import read_npy, read_npz

ARRAYS = {
    "a": np.arange(12.0).reshape(3, 4),
    "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "words": np.array(["ä", "b"]),
    "number": np.float64(3),
    "none": np.zeros((0, 5), dtype=np.float32),
    "flags": np.array([True, False]),
}


def stored(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def read(content):
    return read_npz(io.BytesIO(content), len(content))


def header(said, data=b"", magic=b"\x93NUMPY\x01\x00"):
    """An .npy file that says anything."""
    return magic + struct.pack("<H", len(said)) + said.encode() + data


def test_arrays_are_what_numpy_reads():
    found = read(stored(**ARRAYS))

    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
        assert found[name].flags.writeable
    assert found["columns"].flags.f_contiguous


def test_no_flipped_bit_gives_other_arrays():
    content = stored(**ARRAYS)
    refused = 0
    for bit in range(0, 8 * len(content), 3):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            found = read(bytes(damaged))
        except ValueError:
            refused += 1
        else:
            assert found.keys() == ARRAYS.keys()
            assert all(np.array_equal(found[name], array) for name, array in ARRAYS.items())
    assert refused > len(content)


def packed(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def archive(name, content, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as zipped:
        zipped.writestr(name, content)
    return file.getvalue()


HUGE = header("{'descr': '<f8', 'fortran_order': False, 'shape': (300000000,), }\n", bytes(64))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (packed(coef=np.zeros(50_000_000, dtype=np.float32)), r"'coef.npy' is compressed: .* become 200,000,128"),
        (archive("coef.npy", HUGE), r"shape \(300000000,\) of float64 does not fit the 64 bytes"),
        (archive("note.txt", b"a"), "'note.txt', which is no array"),
        (archive("a.npy", b"a"), "no array that numpy.save wrote"),
        (archive("a.npy", header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -8), }\n", bytes(64))), "does not fit"),
        (archive("a.npy", header("{'descr': '|O', 'fortran_order': False, 'shape': (8,), }\n", bytes(64))), "does not fit"),
        (archive("a.npy", header("(" * 9000)), "no array that numpy.save wrote"),
        (archive("a.npy", header("{'descr': '<f8', 'fortran_order': False, 'shape': (1,)*65, }\n", bytes(8))), "no array"),
        (stored(a=np.zeros(9))[:-1], "damaged"),
        (b"", "damaged"),
        (b"PK", "damaged"),
    ],
    ids=range(11),
)  # fmt: skip
def test_what_does_not_fit_is_refused_before_it_is_built(content, message):
    started = time.perf_counter()

    with pytest.raises(ValueError, match=message):
        read(content)

    assert time.perf_counter() - started < 1


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_with_one_name_or_one_place_are_refused():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        for _ in range(2):
            zipped.writestr("a.npy", HUGE[:-64] + bytes(64))

    with pytest.raises(ValueError, match="is there twice"):
        read(file.getvalue())


def test_an_array_alone_is_read_the_same_way():
    file = io.BytesIO()
    np.save(file, ARRAYS["columns"])
    content = file.getvalue()

    np.testing.assert_array_equal(read_npy(io.BytesIO(content), len(content)), ARRAYS["columns"])
    for cut in (content[:-1], content + b"x", HUGE):
        with pytest.raises(ValueError, match="does not fit"):
            read_npy(io.BytesIO(cut), len(cut))
