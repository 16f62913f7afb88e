"""Any table in memory as a pandas frame: polars, Arrow, Hugging Face data sets, dicts and more."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from mmtoolkit._arguments import check_choice
from mmtoolkit._values import missing

__all__ = ["any_frame", "column_of", "handed_on", "is_frame", "is_of_spark", "is_series", "object_cells"]

_SIZES = "all columns must have one value per row"


def is_frame(data: object) -> bool:
    """Return whether a value is a table with named columns; its rows are not looked at."""
    if isinstance(data, Mapping):
        return len(data) > 0 and all(map(_is_column, data.values()))
    if isinstance(data, pd.DataFrame) or _is_hugging_face(data):
        return True
    if isinstance(data, list | tuple):
        return len(data) > 0 and all(isinstance(row, Mapping) for row in data)
    if isinstance(data, np.ndarray):
        return data.dtype.names is not None
    return _is_known_table(data)


def _is_column(values: object) -> bool:
    return hasattr(values, "__len__") and not isinstance(values, str | bytes | Mapping)


def is_series(data: object) -> bool:
    """Return whether a value is a column of pandas, of Arrow, or of a library that narwhals knows."""
    if isinstance(data, pd.Series | pd.Index | pa.Array | pa.ChunkedArray):
        return True
    if isinstance(data, pd.DataFrame):  # narwhals refuses one with a name that stands twice
        return False
    return isinstance(nw.from_native(data, pass_through=True, allow_series=True), nw.Series)


def any_frame(data: Any) -> pd.DataFrame:
    """Return a table of any library as a pandas frame with the same columns and rows; a pandas frame is itself.

    Raises
    ------
    TypeError
        If it is no table; a stream without a length, several tables, and tables of a cluster are named as such.
    ValueError
        If columns differ in length.
    """
    if isinstance(data, pd.DataFrame):
        return data
    _refuse_unready(data)
    if _is_hugging_face(data):
        return _of_hugging_face(data)
    if _library(data) == "pyarrow" and hasattr(data, "schema"):
        return _of_arrow(data)
    if isinstance(data, Mapping):
        return _of_columns(data)
    if isinstance(data, list | tuple) and is_frame(data):
        names = list(dict.fromkeys(name for row in data for name in row))
        return _of_columns({name: [row.get(name) for row in data] for name in names})
    if isinstance(data, np.ndarray) and data.dtype.names is not None:
        return _of_columns({name: data[name] for name in data.dtype.names})
    if _is_known_table(data):
        return _of_table(data)
    msg = (
        "expected a table (pandas, polars, Arrow, a Hugging Face data set, a dict of columns, a list of dicts) or the path "
        f"of one, got {type(data).__name__} of {type(data).__module__}"
    )
    raise TypeError(msg)


def _library(data: object) -> str:
    return type(data).__module__.partition(".")[0]


def is_of_spark(data: object) -> bool:
    """Return whether a value is a table of Spark, which is not in memory."""
    return _library(data) == "pyspark"


def _is_hugging_face(data: object) -> bool:
    """Return whether a value is a data set of the library ``datasets``; the library is not imported."""
    return all(hasattr(data, name) for name in ("features", "column_names", "with_format", "num_rows"))


def _is_known_table(data: object) -> bool:
    """Return whether a value has the Arrow C stream of a table, or is a frame that narwhals knows."""
    if isinstance(data, type | pa.Array | pa.ChunkedArray):
        return False
    known = nw.from_native(data, pass_through=True, allow_series=True)
    if isinstance(known, nw.DataFrame | nw.LazyFrame):
        return True
    return not isinstance(known, nw.Series) and hasattr(data, "__arrow_c_stream__")


def _refuse_unready(data: Any) -> None:
    """Raise TypeError for a group of tables and for a table that is not in memory; the message says what to do."""
    if isinstance(data, Mapping) and data and all(is_frame(v) and not isinstance(v, Mapping) for v in data.values()):
        first = next(iter(data))
        msg = f"expected one table, got {len(data)} of them ({', '.join(map(str, data))}); choose one, such as data[{first!r}]"
        raise TypeError(msg)
    if is_of_spark(data):
        msg = "expected a table in memory, got one of Spark; mm.spark.embed works on it there, data.toPandas() brings it here"
        raise TypeError(msg)
    if _library(data) == "datasets" and not hasattr(data, "num_rows"):
        msg = "expected a table in memory, got a stream of Hugging Face; take rows of it first, such as list(data.take(1000))"
        raise TypeError(msg)


def _of_hugging_face(data: Any) -> pd.DataFrame:
    """Return the rows that a data set shows (it may be shuffled or filtered); numbers of classes become their names."""
    frame = _of_arrow(data.with_format("arrow")[:])
    for name, feature in data.features.items():
        names = getattr(feature, "names", None)
        if names is not None and hasattr(feature, "int2str"):
            frame[name] = [names[int(code)] if code in range(len(names)) else None for code in frame[name]]
    return frame


def _of_table(data: Any) -> pd.DataFrame:
    known = nw.from_native(data, pass_through=True)
    if isinstance(known, nw.LazyFrame):
        return _of_arrow(known.collect("pyarrow").to_native())
    if not isinstance(known, nw.DataFrame):
        return _of_arrow(data)
    objects = [name for name, dtype in known.schema.items() if dtype == nw.Object]  # Python objects are not Arrow's
    plain = known.drop(objects)
    frame = _of_arrow(plain.to_arrow()) if plain.columns else pd.DataFrame(index=pd.RangeIndex(len(known)))
    for name in objects:
        frame[name] = object_cells(known.get_column(name).to_list())
    return frame[known.columns]


def _of_arrow(data: Any) -> pd.DataFrame:
    """Return an object with an Arrow C stream as a frame; whole numbers stay whole where others are missing."""
    table = pa.table(data)
    if len(set(table.column_names)) < table.num_columns:
        twice = next(name for name in table.column_names if table.column_names.count(name) > 1)
        msg = f"the column {twice!r} occurs more than once; rename one of them"
        raise ValueError(msg)
    try:
        frame: pd.DataFrame = table.to_pandas(integer_object_nulls=True)
    except (pa.ArrowException, ValueError, OverflowError) as error:
        if table.num_columns > 1:
            for name in table.column_names:
                _of_arrow(table.select([name]))
        msg = f"the column {table.column_names[0]!r} of the Arrow type {table.schema.types[0]} cannot be read ({error}); drop or cast it"
        raise TypeError(msg) from error
    for name, dtype in zip(table.column_names, table.schema.types, strict=True):
        if (pa.types.is_list(dtype) or pa.types.is_large_list(dtype)) and not pa.types.is_primitive(dtype.value_type):
            frame[name] = object_cells(
                table[name].to_pylist()
            )  # tags are lists, as a pandas user has them; vectors stay arrays
    return frame


def _of_columns(columns: Mapping[Any, Any]) -> pd.DataFrame:
    """Return columns of any kind side by side, by position; a value may itself be an array."""
    made = {}
    for name, values in columns.items():
        if not _is_column(values):
            msg = f"the column {name!r} is one {type(values).__name__}; {_SIZES}: write it as a list"
            raise TypeError(msg)
        made[name] = column_of(values)
    sizes = {name: len(values) for name, values in made.items()}
    if len(set(sizes.values())) > 1:
        msg = f"{_SIZES}, got {', '.join(f'{n!r}: {s}' for n, s in sizes.items())}"
        raise ValueError(msg)
    frame = pd.DataFrame({name: values.reset_index(drop=True) for name, values in made.items()})
    given = [values.index for values in columns.values() if isinstance(values, pd.Series)]
    if given and not all(given[0].equals(other) for other in given):
        msg = (
            "the columns are pandas Series whose indexes differ; make one frame of them with pandas.DataFrame or concat"
        )
        raise ValueError(msg)
    return frame.set_axis(given[0]) if given else frame


def column_of(values: Any) -> pd.Series:
    """Return the values of one column of any library as a pandas Series; masked and null ones are missing."""
    if isinstance(values, pd.Series):
        return values
    if isinstance(values, pd.Index):
        return values.to_series().reset_index(drop=True)
    if isinstance(values, np.ma.MaskedArray) and values.ndim == 1:
        return object_cells(
            [None if hidden else value for value, hidden in zip(values.data, np.ma.getmaskarray(values), strict=True)]
        )
    if isinstance(values, np.ndarray) and values.ndim == 1:
        return object_cells(values.tolist()) if values.dtype.kind in "OU" else pd.Series(values)
    if hasattr(values, "to_pandas"):  # of polars, Arrow, Hugging Face
        return pd.Series(values.to_pandas())
    if hasattr(values, "__array__") and not isinstance(values, np.ndarray | pd.api.extensions.ExtensionArray):
        return column_of(np.asarray(values))  # a tensor
    cells = list(values)
    numbers = all(isinstance(value, int | float | np.number | np.bool_) for value in cells)
    return pd.Series(cells) if numbers else object_cells(cells)  # pandas would make floats of whole numbers beside None


def object_cells(values: list[Any]) -> pd.Series:
    """Return a column of Python objects as they are; pandas would look into lists, arrays and pictures."""
    made = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        made[row] = value
    return pd.Series(made, dtype=object)


def handed_on(frame: pd.DataFrame, backend: str) -> Any:
    """Return a frame as one of pandas, polars or pyarrow; in the last two a column of several plain types becomes text."""
    check_choice("backend", backend, ("pandas", "polars", "pyarrow"))
    if backend == "pandas":
        return frame
    table = pa.table({str(name): _arrow_of(frame[name], str(name)) for name in frame.columns})
    if backend == "pyarrow":
        return table
    try:
        import polars as pl
    except ImportError as error:
        msg = "a frame of polars needs polars: pip install polars"
        raise ImportError(msg) from error
    return pl.from_arrow(table)


def _arrow_of(column: pd.Series, name: str) -> pa.Array:
    try:
        return pa.array(column, from_pandas=True)
    except UnicodeEncodeError as error:
        msg = f"the column {name!r} holds a text or a file name that is not valid Unicode; drop it, or use backend='pandas'"
        raise TypeError(msg) from error
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, ArithmeticError) as error:
        cells = [None if gone else value for value, gone in zip(column, missing(column), strict=True)]
        if any(not isinstance(value, str | int | float | bool | os.PathLike | None) for value in cells):
            msg = f"the column {name!r} holds objects that only pandas can hold; drop it, or use backend='pandas'"
            raise TypeError(msg) from error
        return pa.array([None if value is None else str(value) for value in cells])
