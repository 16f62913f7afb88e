"""The table of models: the facts about each, and its provider. Limits are read from here, never from an ``if model ==``."""

from __future__ import annotations

import contextlib
import difflib
import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mmtoolkit._modelspec import Interval, ModelSpec, Price
from mmtoolkit.errors import MMToolkitError
from mmtoolkit.words import word

if TYPE_CHECKING:
    from mmtoolkit.providers.base import Provider

__all__ = [
    "GROUP",
    "Interval",
    "ModelSpec",
    "Price",
    "find_model",
    "get_model",
    "list_models",
    "maker_of",
    "register_model",
]

GROUP = "mmtoolkit.models"  # of entry points: name = the model's, value = a factory of its provider
MIB = 1024 * 1024
# days of the pages: the Chinese page on multimodal models, the price lists of the international site, by month
_READ, _PAGE, _MARCH, _OCTOBER = "2026-08-01", "2026-07-01", "2026-03-01", "2026-10-01"
_FORMATS = frozenset({"JPEG", "PNG", "BMP"})
_MORE_FORMATS = _FORMATS | {"WEBP", "TIFF", "ICO", "DIB", "ICNS", "SGI"}

Maker = Callable[[ModelSpec], "Provider"]


@dataclass(frozen=True)
class _Row:
    """A registered model: its facts, the function that makes its provider (None: the kind decides), and who registered it."""

    spec: ModelSpec
    maker: Maker | None = None
    origin: str = "the table of mmtoolkit"


_TABLE: dict[str, _Row] = {}


def register_model(spec: ModelSpec, *, provider: Callable[..., Provider] | Provider | None = None) -> ModelSpec:
    """Add a model, or replace the facts about one.

    Parameters
    ----------
    spec : ModelSpec
        The facts.
    provider : callable, Provider or None, default=None
        Who computes: a provider, or a callable that returns one when the model is first used, without arguments or with
        the row as its only one. None takes that of the other models with the same ``spec.provider``.

    Returns
    -------
    ModelSpec
        The same row.

    Raises
    ------
    ValueError
        If there is no provider of that kind, or the name belongs to another one already.
    TypeError
        If `provider` is neither a provider nor callable.

    Examples
    --------
    >>> import dataclasses
    >>> import mmtoolkit as mm
    >>> row = dataclasses.replace(mm.get_model("multimodal-embedding-v1"), name="my-model", rpm=60)
    >>> mm.register_model(row).rpm
    60

    A model of your own:

    >>> lengths = mm.FunctionProvider(lambda texts: [[len(t), 1.0] for t in texts], name="lengths", revision="1", dimension=2)
    >>> mm.register_model(lengths.spec, provider=lengths).provider
    'function'
    >>> mm.embed_texts(["abc"], model="lengths", cache=False).vectors.tolist()
    [[3.0, 1.0]]
    """
    given: object = spec
    if not isinstance(given, ModelSpec):
        msg = f"spec must be an mm.ModelSpec, got {type(given).__name__}"
        raise TypeError(msg)
    maker = None if provider is None else _maker(provider)
    kinds = sorted({row.spec.provider for row in _TABLE.values()})
    if maker is None and spec.provider not in kinds:
        msg = (
            f"there is no provider of the kind {spec.provider!r} for model {spec.name!r}; pass provider=, "
            f"an mm.Provider or a callable that returns one, or one of the kinds {', '.join(kinds)}"
        )
        raise ValueError(msg)
    row = _Row(spec, maker, _name_of(provider))
    _refuse_clash(row)
    _TABLE[spec.name] = row
    return spec


def _maker(provider: Any) -> Any:
    """Return a function that takes the row and makes the provider, from what the user passed."""
    if _is_provider(provider):
        return lambda _: provider
    if not callable(provider):
        msg = f"provider must be an mm.Provider or a callable that returns one, got {type(provider).__name__}"
        raise TypeError(msg)
    try:
        signature = inspect.signature(provider)
    except ValueError:  # of a built-in, which tells none
        return lambda _: provider()
    for arguments in ((), (None,)):
        with contextlib.suppress(TypeError):
            signature.bind(*arguments)
            return provider if arguments else lambda _: provider()
    msg = f"provider must take no argument, or the row as its only one; {_name_of(provider)} takes {signature}"
    raise TypeError(msg)


def _name_of(provider: Any) -> str:
    """Return the name of a provider's source; two providers of one model with different sources differ in it."""
    if provider is None:
        return "the kind"
    if isinstance(provider, metadata.EntryPoint):
        return f"the entry point {provider.name!r} of {_package(provider)}"
    if _is_provider(provider):
        return str(provider.origin)
    return f"{getattr(provider, '__module__', '?')}.{getattr(provider, '__qualname__', type(provider).__name__)}"


def _is_provider(value: Any) -> bool:
    return not isinstance(value, type) and isinstance(getattr(value, "spec", None), ModelSpec)


def _refuse_clash(row: _Row) -> None:
    """Raise for a name that another provider already uses for other vectors."""
    old = _TABLE.get(row.spec.name)
    if old is None:
        return
    other_kind = old.spec.provider != row.spec.provider
    both_made = old.maker is not None and row.maker is not None
    same_space = both_made and old.spec.revision == row.spec.revision and old.origin != row.origin
    if other_kind or same_space:
        theirs = f"the kind {old.spec.provider!r}" if other_kind else f"{old.origin}, revision {old.spec.revision!r}"
        msg = (
            f"the model name {row.spec.name!r} is taken by {theirs}; one cache would hold vectors of both under it. "
            "Choose another name, or another revision where it is the same model"
        )
        raise ValueError(msg)


def maker_of(name: str) -> Maker | None:
    """Return the function that makes the provider of a model; None where the kind of provider decides.

    Parameters
    ----------
    name : str
        A name of `list_models`.

    Returns
    -------
    callable or None
        Takes the row.
    """
    get_model(name)
    row = _TABLE[name]
    same_kind = (other.maker for other in _TABLE.values() if other.spec.provider == row.spec.provider)
    return row.maker or next((maker for maker in same_kind if maker is not None), None)


def adopt(spec: ModelSpec, provider: Provider) -> None:
    """Register a row and a provider that another process has sent; nothing is checked."""
    old = _TABLE.get(spec.name)
    keep = old is not None and old.maker is None and old.spec.provider == spec.provider
    _TABLE[spec.name] = _Row(spec, None if keep else _maker(provider), "another process")


def list_models() -> tuple[str, ...]:
    """Return the names of all known models, those of installed packages included.

    Warns
    -----
    UserWarning
        If an installed package names a model that is there already; the package's is left out.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> mm.list_models()[:2]
    ('local', 'multimodal-embedding-v1')
    """
    for name, points in _plugins().items():
        row = _TABLE.get(name)
        if row is not None and row.origin != _name_of(points[0]):
            msg = f"{_name_of(points[0])} is left out: the model name {name!r} is taken by {row.origin}"
            warnings.warn(msg, UserWarning, stacklevel=2)
    return tuple(dict.fromkeys([*_TABLE, *_plugins()]))


def find_model(name: str) -> ModelSpec | None:
    """Return the facts about one model, None where it is not known here.

    Parameters
    ----------
    name : str
        Any string.

    Returns
    -------
    ModelSpec or None
        Its row.

    Raises
    ------
    MMToolkitError
        If an installed package has it but cannot be loaded.
    """
    if name not in _TABLE:
        _load_plugin(name)
    return _TABLE[name].spec if name in _TABLE else None


def get_model(name: str) -> ModelSpec:
    """Return the facts about one model.

    Parameters
    ----------
    name : str
        Name as the provider spells it.

    Returns
    -------
    ModelSpec
        Its row.

    Raises
    ------
    ValueError
        If the name is unknown; the message suggests the nearest.
    MMToolkitError
        If an installed package has it but cannot be loaded.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> mm.get_model("multimodal-embedding-v1").dimension
    1024
    """
    spec = find_model(name)
    if spec is None:
        msg = f"unknown model {name!r}{_hint(str(name))} Known: {', '.join(list_models())}. Add a row with mm.register_model"
        raise ValueError(msg)
    return spec


def _hint(asked: str) -> str:
    """Return what may have been meant: a model of the provider of that name, the nearest name, or one that holds it."""
    known, letters = {other.casefold(): other for other in list_models()}, _letters(asked)
    of_provider = [row.spec.name for row in _TABLE.values() if letters and _letters(row.spec.provider) == letters]
    if of_provider and asked.casefold() not in known:
        return f"; {asked!r} is a provider, name one of its models, such as {of_provider[0]!r}."
    near = difflib.get_close_matches(asked.casefold(), known, n=1, cutoff=0.4)
    near += [other for other in known if len(letters) > 1 and letters in _letters(other)]
    return f"; did you mean {known[near[0]]!r}?" if near else "."


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


def _plugins() -> dict[str, list[metadata.EntryPoint]]:
    """Return the entry points of installed packages by the name of their model; nothing is imported."""
    found: dict[str, list[metadata.EntryPoint]] = {}
    for point in metadata.entry_points(group=GROUP):
        if not any(point.value == other.value for other in found.setdefault(point.name, [])):
            found[point.name].append(point)
    return found


def _package(point: metadata.EntryPoint) -> str:
    return f"the package {point.dist.name!r}" if point.dist is not None else "an unknown package"


def _load_plugin(name: str) -> None:
    """Register the model of an installed package, if one has it."""
    points = _plugins().get(name, [])
    if len(points) > 1:
        msg = f"the model {name!r} is brought by {' and '.join(map(_package, points))}; uninstall one of them"
        raise MMToolkitError(msg)
    for point in points:
        try:
            provider = _maker(point.load())(None)
            spec = provider.spec
        except Exception as error:  # whatever a foreign package raises, it concerns this model only
            msg = f"{_name_of(point)} ({point.value}) cannot be loaded, so the model {name!r} is not available: {type(error).__name__}: {error}"
            raise MMToolkitError(msg) from error
        if spec.name != name:
            msg = f"{_name_of(point)} gives a model named {spec.name!r}; both names must be equal"
            raise MMToolkitError(msg)
        _TABLE[name] = _Row(spec, lambda _, made=provider: made, _name_of(point))  # type: ignore[misc]


def _prices(**by_region: Price) -> Mapping[str, Price]:
    return MappingProxyType(by_region)


def _yuan(text: float, media: float, as_of: str = _READ) -> Price:
    return Price(text, media, "CNY", as_of)


def _dollars(text: float, media: float, as_of: str = _READ) -> Price:
    return Price(text, media, "USD", as_of)


def _lines(**lines: str) -> Mapping[str, str]:
    return MappingProxyType(lines)


_FPS = "share of the video's frames that is used, 0..1; the service's default is 1.0"
_INSTRUCT = "task hint, one English sentence"
_SNAPSHOT = _lines(
    fps=_FPS,
    res_level="0, 1, 2 or 3: 127, 402, 578 or 1026 tokens per picture; the service's default is 1",
    max_video_frames="frames used of a video, at most 64; the service's default is 8",
    instruct=_INSTRUCT,
)
_TEXT_TYPE = "'query' or 'document'; the service's default is 'document'"
_VALUES: dict[str, Any] = {
    "fps": Interval(0, 1),
    "res_level": range(4),
    "max_video_frames": range(1, 65),
    "text_type": ("query", "document"),
    "auto_truncation": (True, False),
}

_V1 = ModelSpec(
    name="multimodal-embedding-v1",
    provider="dashscope",
    dimension=1024,
    text_tokens=512,
    image_bytes=3 * MIB,
    image_formats=_FORMATS,
    image_min_side=10,
    image_max_ratio=200.0,
    video_bytes=10 * MIB,
    contents_per_call=20,
    packs=("text",),
    rpm=120,
    tpm=200_000,
    prices=_prices(beijing=_yuan(0.7, 0.9)),
    regions=("beijing",),
    rows_as_of=_PAGE,
)
# No limit on contents per call is published for the undated tongyi models; eight is their published number of pictures.
_PLUS = replace(
    _V1,
    name="tongyi-embedding-vision-plus",
    dimension=1152,
    dimensions=(1152, 1024, 512, 256, 128, 64),
    text_tokens=1024,
    max_images=8,
    contents_per_call=8,
    packs=("text", "image"),
    pictures_per_call=8,
    rpm=600,
    prices=_prices(beijing=_yuan(0.5, 0.5), singapore=_dollars(0.09, 0.09)),
    regions=("beijing", "singapore"),
    unverified=_lines(
        dimensions="the Chinese page (mid-2026) says fixed at 1152, the international page and the SDK's maintainers (2026-09) say selectable"
    ),
)
_FLASH = replace(
    _PLUS,
    name="tongyi-embedding-vision-flash",
    dimension=768,
    dimensions=(768, 512, 256, 128, 64),
    prices=_prices(beijing=_yuan(0.15, 0.15), singapore=_dollars(0.09, 0.03)),
    unverified=_lines(
        dimensions="the Chinese page (mid-2026) says fixed at 768, the international page and the SDK's maintainers (2026-09) say selectable"
    ),
)
_PLUS_2026 = replace(
    _PLUS,
    name="tongyi-embedding-vision-plus-2026-03-06",
    image_bytes=10 * MIB,  # 5 MB are advised
    image_formats=_MORE_FORMATS,
    modalities=frozenset({"text", "image", "video", "fused"}),
    max_images=64,
    video_bytes=50 * MIB,
    contents_per_call=20,
    packs=("text", "image", "fused"),
    fusion="object",
    params=_SNAPSHOT,
    prices=_prices(beijing=_yuan(0.5, 0.5)),
    regions=("beijing",),
    template_tokens=30,
    unverified=_lines(),
)
_FLASH_2026 = replace(
    _PLUS_2026,
    name="tongyi-embedding-vision-flash-2026-03-06",
    dimension=768,
    dimensions=(768, 512, 256, 128, 64),
    prices=_prices(beijing=_yuan(0.15, 0.15)),
)
_QWEN3_VL = replace(
    _V1,
    name="qwen3-vl-embedding",
    dimension=2560,
    dimensions=(2560, 2048, 1536, 1024, 768, 512, 256),
    modalities=frozenset({"text", "image", "video", "fused"}),
    text_tokens=32_000,
    image_bytes=10 * MIB,
    image_formats=_MORE_FORMATS,
    max_images=5,
    video_formats=frozenset({"mp4", "avi", "mov"}),
    video_bytes=50 * MIB,
    fusion="flag",
    params=_lines(fps=_FPS, instruct=_INSTRUCT),
    rpm=1200,
    tpm=600_000,
    prices=_prices(beijing=_yuan(0.7, 1.8, _PAGE)),  # the international site sells the same for USD 0.1 and 0.258
    template_tokens=30,
)
_QWEN25_VL = replace(
    _QWEN3_VL,
    name="qwen2.5-vl-embedding",
    dimension=1024,
    dimensions=(2048, 1024, 768, 512),
    image_bytes=5 * MIB,
    video_formats=_V1.video_formats,  # none are published: the service decides
    max_images=1,
    contents_per_call=1,
    packs=(),
    fusion="always",
    params=_lines(fps=_FPS),
    template_tokens=0,
)
# A legacy model: neither rates nor limits of pictures nor prices are published.
_ONE_PEACE = replace(
    _V1,
    name="multimodal-embedding-one-peace-v1",
    dimension=1536,
    modalities=frozenset({"text", "image", "fused"}),
    text_tokens=90,  # "about 70 words"
    image_bytes=None,
    image_min_side=1,
    image_max_ratio=None,
    video_formats=frozenset(),
    video_sources=frozenset(),
    video_bytes=None,
    contents_per_call=1,
    packs=(),
    fusion="always",
    params=_lines(auto_truncation="cut a long text instead of failing: True or False"),
    rpm=None,
    tpm=None,
    prices=MappingProxyType({}),
    rows_as_of=_READ,
)
_TEXT_V1 = ModelSpec(
    name="text-embedding-v1",
    provider="dashscope",
    family="text",
    dimension=1536,
    modalities=frozenset({"text"}),
    text_tokens=2048,
    contents_per_call=25,
    packs=("text",),
    params=_lines(text_type=_TEXT_TYPE),
    rpm=1800,
    tpm=1_200_000,
    prices=_prices(beijing=_yuan(0.7, 0.7)),
    regions=("beijing",),
    rows_as_of=_READ,
)
_TEXT_V3 = replace(
    _TEXT_V1,
    name="text-embedding-v3",
    dimension=1024,
    dimensions=(1024, 768, 512, 256, 128, 64),  # Singapore has 1024, 768, 512
    text_tokens=8192,
    contents_per_call=10,
    prices=_prices(beijing=_yuan(0.5, 0.5), singapore=_dollars(0.07, 0.07, _MARCH)),
    regions=("beijing", "singapore"),
)
_TEXT_V4 = replace(
    _TEXT_V3,
    name="text-embedding-v4",
    dimensions=(2048, 1536, 1024, 768, 512, 256, 128, 64),
    params=_lines(text_type=_TEXT_TYPE, instruct=f"{_INSTRUCT}; needs text_type='query'"),
    prices=_prices(  # the international site sells Beijing for USD 0.072
        beijing=_yuan(0.5, 0.5), singapore=_dollars(0.07, 0.07, _MARCH), hongkong=_dollars(0.07, 0.07, _MARCH)
    ),
    regions=("beijing", "singapore", "hongkong"),
)
_QWEN37 = replace(
    _TEXT_V3,
    name="qwen3.7-text-embedding",
    dimensions=(2560, 2048, 1536, 1024, 768, 512, 256),
    text_tokens=128_000,
    contents_per_call=20,
    rpm=None,  # the published rates are those of v1 to v4
    tpm=None,
    prices=_prices(beijing=_yuan(0.5, 0.5), singapore=_dollars(0.07, 0.07, _OCTOBER)),
    rows_as_of=_OCTOBER,
)
_QWEN37_FLASH = replace(
    _QWEN37,
    name="qwen3.7-text-embedding-flash",
    dimensions=(1024, 768, 512, 256),
    tokens_per_call=4000,
    prices=MappingProxyType({}),
    regions=("beijing",),
    unverified=_lines(
        regions="none is published; the model was measured by authors of clients in 2026",
        tokens_per_call="requests near 4500 tokens have been seen to hang, though a text may have 128000",
    ),
)

_LOCAL = ModelSpec(
    name="local",
    provider="local",
    dimension=512,
    modalities=frozenset({"text", "image", "video", "fused"}),
    video_sources=frozenset({"file"}),
    contents_per_call=64,
    packs=("text", "image", "video"),
    max_images=64,
    duplicate_thresholds=MappingProxyType({"text": 0.965, "image": 0.98, "video": 0.94}),
    remark=word(
        "The vectors come from the built-in offline model, whose quality is basic. A DashScope model will mostly score higher."
    ),
)

_ROWS: tuple[Any, ...] = (
    _LOCAL, _V1, _PLUS, _FLASH, _PLUS_2026, _FLASH_2026, _QWEN3_VL, _QWEN25_VL, _ONE_PEACE,
    _TEXT_V1, replace(_TEXT_V1, name="text-embedding-v2"), _TEXT_V3, _TEXT_V4, _QWEN37, _QWEN37_FLASH,
)  # fmt: skip
for _row in _ROWS:
    _values = MappingProxyType({name: _VALUES[name] for name in _row.params if name in _VALUES})
    _TABLE[_row.name] = _Row(replace(_row, param_values=_values))
