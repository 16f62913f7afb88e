"""Vectors for a Spark frame: fetched once across the cluster, kept as they arrive, resumed after a crash."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmtoolkit.content import Content
from mmtoolkit.errors import ItemError, MMToolkitError, ProviderError, ServiceStopError
from mmtoolkit.providers.base import Outcome, Provider, compute
from mmtoolkit.space import Space
from mmtoolkit.spark.frames import check_items
from mmtoolkit.spark.table import PartWriter, VectorTable

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from mmtoolkit.embedding.encoder import Encoder
    from mmtoolkit.models import ModelSpec

__all__ = ["embed"]

_OURS = ("key", "vector", "error")


@dataclass(frozen=True)
class _Job:
    """The settings of a worker; they are sent with the task, without any key."""

    provider: Provider
    spec: ModelSpec
    space: Space
    media: tuple[str, ...]
    table: str
    run: str
    batch: int

    def encoder(self) -> Encoder:
        """Return the way from items to vectors on this worker."""
        from mmtoolkit.embedding.encoder import make_encoder
        from mmtoolkit.models import adopt

        adopt(self.spec, self.provider)  # as the driver has them, also when the user changed or added them
        return make_encoder(
            self.provider, dimension=self.space.dimension, params=self.space.params, cache=False, announce=False
        )


def embed(
    df: DataFrame,
    *,
    model: str | Provider | None = None,
    dimension: int | None = None,
    params: Mapping[str, Any] | None = None,
    table: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    batch: int = 32,
) -> DataFrame:
    """Embed the rows of a Spark frame.

    Equal items are fetched once across the cluster. Vectors go to the Parquet vector table as they arrive; whatever
    lies there is not fetched again, so a killed worker or driver costs at most one batch a worker.

    Parameters
    ----------
    df : DataFrame
        Columns id (string), modality (string) and those of text, image, video that are used (string paths or URLs that
        every worker can open, or binary); others are kept.
    model, dimension, params
        As ``mm.embed`` takes them. The API key is looked for on each worker.
    table : path or None, default=None
        Folder (or URI) of the vector table, seen by every machine under this name. None takes one beside the local
        cache, which works for a local session only.
    workers : int or None, default=None
        Python workers that run at the same time, over which the account's rate is divided; None takes Spark's default
        parallelism.
    batch : int, default=32
        Vectors a worker may hold before it writes them.

    Returns
    -------
    DataFrame
        The same rows and columns, and key (binary, equal to the local cache's), vector (array<float>, null where it
        failed) and error (string).

    Raises
    ------
    ValueError, TypeError
        If columns are missing or of another type.
    SpaceError
        If the table holds another model's vectors.
    ProviderError
        If the service refused the job as a whole; what arrived is in the table.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> spark = mm.spark.start("local[2]")
    >>> df = spark.createDataFrame([("a", "text", "a red bird"), ("b", "text", " ")], "id string, modality string, text string")
    >>> found = mm.spark.embed(df, model="local").orderBy("id").collect()
    >>> [(row["id"], len(row["vector"] or []), row["error"]) for row in found]
    [('a', 512, None), ('b', 0, 'the text is blank; expected at least one visible character')]
    """
    from pyspark.sql import functions as F
    from pyspark.storagelevel import StorageLevel

    from mmtoolkit.embedding.encoder import make_encoder

    media = check_items(df)
    encoder = make_encoder(model, dimension=dimension, params=params, cache=False)
    spec = encoder.provider.spec
    space = encoder.space
    spark = df.sparkSession
    vectors = VectorTable(_table_uri(table, str(spark.sparkContext.master), spec.name, space.dimension))
    vectors.check(space)
    slots = workers or spark.sparkContext.defaultParallelism
    job = _Job(
        provider=encoder.provider.share(slots),  # here: it is the driver's environment that says where items go
        spec=spec,
        space=space,
        media=tuple(media),
        table=vectors.uri,
        run=uuid.uuid4().hex[:12],
        batch=batch,
    )
    _same_everywhere(df, job, slots)
    empty = {name: F.col(name).cast("string") for name in media if df.schema[name].dataType.simpleString() == "void"}
    df = df.drop(*_OURS).withColumns(empty)
    keyed = _map(df, _keys, job, _schema(df, "key binary, error string")).persist(StorageLevel.DISK_ONLY)
    todo = keyed.where("error is null").dropDuplicates(["key"]).select("key", "modality", *media)
    todo = todo.join(_held(df, vectors).select("key"), "key", "left_anti")
    failures = f"{vectors.uri}/_errors/{job.run}"
    try:
        _map(todo.repartition(slots), _vectors, job, "key binary, reason string").write.parquet(failures)
    except Exception as error:  # of Spark or Py4J, with our own message somewhere inside
        ours = _our_words(error)
        if ours is None:
            raise
        raise ours from error
    wrong = spark.read.schema("key binary, reason string").parquet(failures)
    if stopped := wrong.where("key is null").first():
        raise ServiceStopError(stopped["reason"])
    joined = keyed.join(_held(df, vectors), "key", "left").join(wrong, "key", "left")
    return joined.select(*df.columns, "key", "vector", F.coalesce("error", "reason").alias("error"))


def _held(df: DataFrame, table: VectorTable) -> DataFrame:
    spark = df.sparkSession
    reader = spark.read.schema("key binary, vector array<float>")
    if not table.files():
        return spark.createDataFrame([], "key binary, vector array<float>")
    return reader.parquet(table.uri).dropDuplicates(["key"])


def _schema(df: DataFrame, more: str) -> str:
    own = ", ".join(f"`{f.name}` {f.dataType.simpleString()}" for f in df.schema)
    return f"{own}, {more}"


def _map(df: DataFrame, function: Callable[..., Iterator[pa.RecordBatch]], job: _Job, schema: str) -> DataFrame:
    return df.mapInArrow(lambda batches: function(job, batches), schema)


def _contents(job: _Job, batch: pa.RecordBatch) -> list[Content | ItemError]:
    from mmtoolkit.frames import row_content

    out: list[Content | ItemError] = []
    for given_row in batch.select(["modality", *job.media]).to_pylist():
        row = {"text": None, "image": None, "video": None, **given_row}
        try:
            out.append(row_content(row))
        except (TypeError, ValueError) as error:
            given = ", ".join(name for name in job.media if row[name] is not None) or "nothing"
            out.append(ItemError(f"modality {row['modality']!r} with {given} given: {error}"))
    return out


def _keys(job: _Job, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """On the workers: fingerprint every row."""
    import pyarrow as pa

    encoder = job.encoder()
    for batch in batches:
        made = _contents(job, batch)
        good = {row: content for row, content in enumerate(made) if not isinstance(content, ItemError)}
        plan = encoder.plan(list(good.values()), batch.column("id").take(pa.array(good, pa.int64())).to_pylist())
        keys = dict(zip(good, plan.keys, strict=True))
        errors = {row: str(content) for row, content in enumerate(made) if row not in good}
        errors |= {row: plan.errors[n].reason for n, row in enumerate(good) if n in plan.errors}
        new = {"key": pa.array(map(keys.get, range(len(made))), pa.binary())}
        new["error"] = pa.array(map(errors.get, range(len(made))), pa.string())
        yield pa.RecordBatch.from_arrays([*batch.columns, *new.values()], names=[*batch.schema.names, *new])


def _vectors(job: _Job, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """On the workers: embed what no earlier attempt had embedded, write it, and return only the failures."""
    import pyarrow as pa
    from pyspark import TaskContext

    context = TaskContext.get()
    assert context is not None
    encoder = job.encoder()
    writer = PartWriter(VectorTable(job.table), encoder.space, f"{job.run}-{context.partitionId():05d}", job.batch)
    stopped = False
    try:
        for batch in batches:
            if stopped:
                continue
            failed: list[tuple[bytes | None, str]] = []
            try:
                _embed_batch(job, encoder, writer, batch, failed)
            except ServiceStopError as error:  # only the user can heal it: Spark must not try again
                failed.append((None, str(error)))
                stopped = True
            columns = [pa.array([k for k, _ in failed], pa.binary()), pa.array([r for _, r in failed], pa.string())]
            yield pa.RecordBatch.from_arrays(columns, names=["key", "reason"])
    finally:
        writer.flush()
    writer.close()


def _embed_batch(
    job: _Job, encoder: Encoder, writer: PartWriter, batch: pa.RecordBatch, failed: list[tuple[bytes | None, str]]
) -> None:
    keys, contents = [], []
    for key, content in zip(batch.column("key").to_pylist(), _contents(job, batch), strict=True):
        if key in writer.done or isinstance(content, ItemError):
            continue
        try:
            encoder.provider.check(content, dimension=job.space.dimension, params=job.space.params)
        except ItemError as error:
            failed.append((key, str(error)))
            continue
        keys.append(key)
        contents.append(content)

    def sink(outcomes: Any) -> None:
        good: list[Outcome] = [o for o in outcomes if o.vector is not None]
        writer.add([(keys[o.index], o.vector) for o in good if o.vector is not None])
        failed.extend((keys[o.index], str(o.error)) for o in outcomes if o.error is not None)

    if contents:
        compute(encoder.provider, contents, dimension=job.space.dimension, params=job.space.params, sink=sink)


def _same_everywhere(df: DataFrame, job: _Job, slots: int) -> None:
    """Check before the job starts that every worker has the same model."""

    def probe(_: int) -> str:
        try:
            return job.encoder().provider.spec.revision
        except Exception as error:  # on a worker: the driver raises it, in one line
            return f"!{type(error).__name__}: {error}"

    context, revision = df.sparkSession.sparkContext, job.space.revision
    for found in set(context.parallelize(range(slots), slots).map(probe).collect()):
        if found.startswith("!"):
            msg = f"a worker cannot use the model {job.space.model!r}: {found[1:]}; install mmtoolkit on every worker"
            raise MMToolkitError(msg)
        if found != revision:
            msg = f"a worker has another revision of {job.space.model!r} ({found[:12]}) than the driver ({revision[:12]}); install the same version everywhere"
            raise MMToolkitError(msg)


def _table_uri(table: str | os.PathLike[str] | None, master: str, model: str, dimension: int) -> str:
    if table is not None:
        return os.fspath(table)
    if not master.startswith("local"):
        msg = f"table= is needed on a cluster ({master}): name a folder that every machine sees"
        raise ValueError(msg)
    import platformdirs

    home = os.environ.get("MMTOOLKIT_CACHE") or platformdirs.user_cache_dir("mmtoolkit")
    return os.path.join(os.path.abspath(home), "spark", f"{model}-{dimension}".replace("/", "_"))


def _our_words(error: Exception) -> MMToolkitError | None:
    """Return our own message from inside Spark's long one."""
    from mmtoolkit import errors

    for line in reversed(str(error).splitlines()):
        name, colon, message = line.strip().partition(": ")
        if colon and name.startswith("mmtoolkit.errors.") and name.rsplit(".", 1)[-1] in errors.__all__:
            kind = getattr(errors, name.rsplit(".", 1)[-1])
            return kind(message) if issubclass(kind, ProviderError) else MMToolkitError(message)
    return None
