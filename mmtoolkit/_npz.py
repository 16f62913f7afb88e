"""Read arrays that others wrote: the header of an ``.npy`` or ``.npz`` file is checked before anything is built from it."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_npy", "read_npz", "write_npz"]

_KINDS = "biufUS"  # booleans, numbers, text; no objects, which would be pickles
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_END = ".npy"
_LAST = 22  # bytes of the record at the end of an archive


def write_npz(file: IO[bytes], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write plain arrays as ``numpy.savez`` does; before numpy 2.2 that leaves the archive open where the disk is full.

    Raises
    ------
    ValueError
        If one holds objects, which would be pickled.
    """
    for name, array in arrays.items():
        if np.asarray(array).dtype.kind not in _KINDS:
            msg = f"the array {name!r} of {np.asarray(array).dtype} is not a plain array"
            raise ValueError(msg)
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(name + _END, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)


def read_npz(file: IO[bytes], size: int) -> dict[str, NDArray[Any]]:
    """Return the arrays that ``numpy.savez`` wrote.

    Parameters
    ----------
    file : binary file
        Can seek.
    size : int
        Its bytes. All members together have no more, for they are not compressed.

    Returns
    -------
    dict of str to ndarray
        By name.

    Raises
    ------
    ValueError
        If a member is compressed, is no plain array, or has another size than its header says, or the archive is
        damaged.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            file.seek(-_LAST, io.SEEK_END)
            _check_directory(members, file.read(), size)
            arrays = {}
            for member in members:
                with archive.open(member) as stored:
                    arrays[member.filename.removesuffix(_END)] = read_npy(stored, member.file_size)
            return arrays
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OverflowError) as error:
        msg = f"the archive of arrays is damaged: {error}"
        raise ValueError(msg) from error


def _check_directory(members: list[zipfile.ZipInfo], last: bytes, size: int) -> None:
    """Raise for an archive that numpy.savez does not write; `last` is the end of the file, with the number of members."""
    if not last.startswith(b"PK\5\6") or int.from_bytes(last[10:12], "little") != len(members):
        msg = f"the directory of the archive names {len(members)} arrays, and there should be others"
        raise ValueError(msg)
    names = [member.filename for member in members]
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            msg = f"the array {member.filename[:60]!r} is compressed: {member.compress_size:,} bytes become {member.file_size:,}"
            raise ValueError(msg)
        if not member.filename.endswith(_END) or names.count(member.filename) > 1:
            msg = f"the archive holds {member.filename[:60]!r}, which is no array or is there twice"
            raise ValueError(msg)
    total = sum(member.file_size for member in members)
    if total > size:
        msg = f"the arrays are said to have {total:,} bytes, the file has {size:,}"
        raise ValueError(msg)


def read_npy(file: IO[bytes], size: int) -> NDArray[Any]:
    """Return the array that ``numpy.save`` wrote.

    Parameters
    ----------
    file : binary file
        Read from where it stands.
    size : int
        Bytes of header and array.

    Returns
    -------
    ndarray
        A new one.

    Raises
    ------
    ValueError
        If it is no plain array, or the header does not fit the size.
    """
    try:
        shape, fortran, dtype = _HEADERS[np.lib.format.read_magic(file)](file)
    except Exception as error:  # a header is parsed as Python, and what is none can raise anything
        msg = f"it is no array that numpy.save wrote: {error}"
        raise ValueError(msg) from error
    left = size - file.tell()
    if dtype.kind not in _KINDS or any(n < 0 for n in shape) or math.prod(shape) * dtype.itemsize != left:
        msg = f"an array of shape {shape} of {dtype} does not fit the {left:,} bytes there are"
        raise ValueError(msg)
    flat = np.empty(math.prod(shape), dtype=dtype)
    memory = memoryview(flat.view(np.uint8).data) if flat.nbytes else memoryview(b"")
    filled = 0
    while filled < left:
        got = file.readinto(memory[filled:])  # type: ignore[attr-defined]  # every binary file has it
        if not got:
            msg = f"the array is cut off after {filled:,} of {left:,} bytes"
            raise ValueError(msg)
        filled += got
    if file.read(1):  # the end, where an archive compares its checksum
        msg = "there is more than one array"
        raise ValueError(msg)
    return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)
