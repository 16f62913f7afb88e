"""Everything that can be embedded, as it goes over the wire; everything that is refused before it does."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image as PILImage

import mmtoolkit as mm
from mmtoolkit.errors import BudgetError, MMToolkitError, ServiceStopError, UnreadableItemError, UnsupportedItemError

PLUS = "tongyi-embedding-vision-plus"
SNAPSHOT = "tongyi-embedding-vision-plus-2026-03-06"


def encoded(kind="PNG", size=(40, 30), *, noise=False, rng=None, **options):
    picture = PILImage.new("RGB", size, (200, 40, 40))
    if noise:
        picture = PILImage.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def sent_picture(service):
    head, _, body = service.contents()[-1]["image"].partition(",")
    return head, base64.b64decode(body)


def test_the_four_samples_of_the_specification(service, client):
    png = base64.b64encode(encoded()).decode()
    samples = [
        mm.Image(f"{service.host}/media/red.png"),
        mm.Image(f"data:image/png;base64,{png}"),
        mm.Video("https://help-static.example.com/file/video.mp4"),
        mm.Text("通用多模态表征模型示例"),
    ]

    emb = mm.embed(samples, model=client(), cache=False)

    assert emb.shape == (4, 1024)
    assert emb.ok.all()
    kinds = [next(iter(c)) for c in service.contents()]
    assert sorted(kinds) == ["image", "image", "text", "video"]
    body = service.calls[0].body
    assert list(body) == ["model", "parameters", "input"]
    assert body["model"] == "multimodal-embedding-v1"
    assert body["parameters"] == {}


@pytest.mark.parametrize("key", ["image-url", "image-base64", "video", "text"])
def test_the_plain_sdk_gets_the_documented_answer_from_the_emulator(service, key):
    import dashscope

    content = {
        "image-url": {"image": f"{service.host}/media/red.png"},
        "image-base64": {"image": f"data:image/png;base64,{base64.b64encode(encoded()).decode()}"},
        "video": {"video": "https://help-static.example.com/file/video.mp4"},
        "text": {"text": "通用多模态表征模型示例"},
    }[key]

    answer = dashscope.MultiModalEmbedding.call(
        model="multimodal-embedding-v1", input=[content], api_key=service.api_key, base_address=service.base_url
    )

    assert (answer.status_code, answer.code, answer.message) == (200, "", "")
    assert set(answer.output) == {"embeddings"}
    (entry,) = answer.output["embeddings"]
    assert set(entry) == {"index", "embedding", "type"}
    assert entry["type"] == next(iter(content))
    assert len(entry["embedding"]) == 1024
    assert set(answer.usage) == {"input_tokens", "image_tokens"}
    assert answer.request_id
    assert all(np.float16(v) == v for v in entry["embedding"])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
@pytest.mark.parametrize("source", ["path", "str", "bytes", "data"])
def test_pictures_at_hand_are_sent_as_they_are(service, client, tmp_path, kind, source):
    data = encoded(kind)
    path = tmp_path / "picture.dat"  # the name says nothing: the format comes from the bytes
    path.write_bytes(data)
    value = {
        "path": path,
        "str": str(path),
        "bytes": data,
        "data": f"data:image/x;base64,{base64.b64encode(data).decode()}",
    }[source]

    emb = mm.embed_images([value], model=client(), cache=False)

    assert sent_picture(service) == (f"data:image/{kind.lower()};base64", data)
    assert len(emb.notes) == 0


@pytest.mark.parametrize("source", ["pil", "array"])
def test_pixels_are_sent_as_png(service, client, source):
    pixels = np.full((30, 40, 3), 77, dtype=np.uint8)

    mm.embed_images([pixels if source == "array" else PILImage.fromarray(pixels)], model=client(), cache=False)

    head, data = sent_picture(service)
    assert head == "data:image/png;base64"
    assert (np.asarray(PILImage.open(io.BytesIO(data))) == 77).all()


@pytest.mark.parametrize("kind", ["WEBP", "TIFF", "GIF"])
def test_other_formats_are_transcoded_and_the_result_says_so(service, client, kind):
    emb = mm.embed_images([encoded(kind)], model=client(), cache=False)

    head, _ = sent_picture(service)
    assert head in ("data:image/png;base64", "data:image/jpeg;base64")
    assert kind in emb.notes["note"].iloc[0]


def test_formats_that_the_model_takes_are_left_alone(service, client):
    data = encoded("WEBP")

    emb = mm.embed_images([data], model=client(SNAPSHOT), cache=False)

    assert sent_picture(service) == ("data:image/webp;base64", data)
    assert len(emb.notes) == 0


def test_a_picture_over_the_limit_is_made_to_fit_and_noted(service, client, rng, tmp_path):
    path = tmp_path / "large.png"
    path.write_bytes(encoded(size=(1300, 1100), noise=True, rng=rng))
    assert path.stat().st_size > 3 * 1024 * 1024

    emb = mm.embed_images([path], model=client(), cache=False)

    _, data = sent_picture(service)
    assert len(data) <= 3 * 1024 * 1024
    assert emb.notes["note"].iloc[0].startswith("4.1 MB PNG sent as ")


def test_pixels_over_the_limit_are_made_to_fit(service, client, rng):
    pixels = rng.integers(0, 256, (1100, 1300, 3), dtype=np.uint8)

    mm.embed_images([pixels], model=client(), cache=False)

    assert len(sent_picture(service)[1]) <= 3 * 1024 * 1024


def test_a_change_of_the_limit_repays_only_what_it_touches(service, client, row, tmp_path, rng):
    small, middle = encoded(), encoded(size=(900, 800), noise=True, rng=rng)
    mm.embed_images([small, middle], model=client(), cache=tmp_path)
    row("multimodal-embedding-v1", image_bytes=1_000_000)

    again = mm.embed_images([small, middle], model=client(), cache=tmp_path)

    assert (again.usage["cached"], again.usage["computed"]) == (1, 1)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (mm.Image("ftp://example.com/a.png"), "expected an http or https URL"),
        (mm.Image("file:///etc/hostname"), "expected an http or https URL"),
        (mm.Video("ftp://example.com/a.mp4"), "expected an http or https URL"),
        (mm.Video("https://example.com/a.gif"), r"ends in \.gif"),
        (mm.Video("holiday.mp4"), r"only by URL.*publish.*frames=8"),
        (mm.Video("https://example.com/a.mp4", frames=4), "only be taken from a local video"),
        (mm.Fused(text="a", image="https://example.com/a.png"), "makes no fused vectors.*local_fusion=True"),
        (mm.Image(["https://a.example/1.png", "https://a.example/2.png"]), "at most 1 picture"),
        (mm.Text("  \n"), "blank"),
        (mm.Text(""), "blank"),
        (mm.Text("a \ud800 b"), "lone surrogate"),
        (mm.Image(b""), "empty"),
        (mm.Image(b"no picture at all"), "not a picture"),
        (mm.Image(np.zeros((5, 50, 3), np.uint8)), "at least 10 a side"),
        (mm.Image(np.zeros((10, 2010, 3), np.uint8)), "200:1"),
        (mm.Image("/no/such/file.png"), "there is no file"),
        (mm.Image("data:image/png;base64,!!!!"), "not valid Base64"),
        (mm.Image("data:image/png;base64,é"), "not valid Base64"),
        (mm.Image("http://x/\ud800.png"), "lone surrogate"),
        (mm.Image("http://[broken/a.png"), "is no URL"),
        (mm.Video("http://[broken/a.mp4"), "is no URL"),
        (mm.Image("http:///a.png"), "expected an http or https URL"),
        (mm.Image("http://[broken/a.png", inline=True), "is no URL"),
        (mm.Image("http://a..b/x.png", inline=True), "cannot fetch"),
        (mm.Image("http://127.0.0.1:99999/x.png", inline=True), "cannot fetch"),
    ],
)
def test_bad_items_are_named_before_anything_is_sent(service, client, tmp_path, monkeypatch, content, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "holiday.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42")

    emb = mm.embed([mm.Text("fine"), content], model=client(), cache=False, on_error="nan")

    assert emb.ok.tolist() == [True, False]
    assert emb.failed["row"].tolist() == [1]
    assert emb.failed["reason"].str.contains(words).all()
    assert len(service.calls) == 1


def test_resize_false_refuses_what_does_not_fit(service, client, rng):
    large = mm.Image(encoded(size=(1300, 1100), noise=True, rng=rng), resize=False)
    webp = mm.Image(encoded("WEBP"), resize=False)

    with pytest.raises(MMToolkitError, match=r"PNG of 4.1 MB.*BMP, JPEG, PNG up to 3.0 MB.*WEBP of 0.0 MB"):
        mm.embed([large, webp], model=client(), cache=False)

    assert not service.calls


def test_text_models_take_only_text(service, client):
    with pytest.raises(MMToolkitError, match="takes no images, only text"):
        mm.embed_images(["https://example.com/a.png"], model=client("text-embedding-v4"), cache=False)


def test_long_texts_are_warned_about_once_and_cut_on_request(service, client):
    long = "word " * 2000
    with pytest.warns(UserWarning, match=r"2 texts may be longer than the 512 tokens.*about 2001 tokens") as seen:
        emb = mm.embed([mm.Text(long), mm.Text(long + "!")], model=client(), cache=False, on_error="nan")
    cut = mm.embed([mm.Text(long, truncate=True)], model=client(), cache=False)

    assert len(seen) == 1
    assert emb.failed["code"].tolist() == ["InvalidParameter"] * 2
    assert len(service.contents()[-1]["text"].split()) == 512
    assert "text cut from 10000 to" in cut.notes["note"].iloc[0]


def test_a_url_is_fetched_here_only_when_asked_and_allowed(service, client):
    url = f"{service.host}/media/red.png"

    with pytest.raises(MMToolkitError, match="private address"):
        mm.embed([mm.Image(url, inline=True)], model=client(), cache=False)
    assert not service.records
    mm.embed([mm.Image(url, inline=True)], model=client(allow_private=True), cache=False)

    assert service.records[0].path == "/media/red.png"
    assert sent_picture(service)[0] == "data:image/png;base64"


def test_a_url_that_cannot_be_fetched_fails_its_item(service, client):
    emb = mm.embed(
        [mm.Image(f"{service.host}/media/none.png", inline=True), mm.Text("fine")],
        model=client(allow_private=True), cache=False, on_error="nan",
    )  # fmt: skip

    assert emb.ok.tolist() == [False, True]
    assert "HTTP 404" in emb.failed["reason"].iloc[0]


def unit(v):
    return v / np.linalg.norm(v)


def test_local_fusion_is_the_mean_of_unit_vectors_and_says_so(service, client):
    url = f"{service.host}/media/red.png"
    model = client(local_fusion=True)

    emb = mm.embed([mm.Text("red bird"), mm.Image(url), mm.Fused(text="red bird", image=url)], model=model, cache=False)

    expected = (unit(emb.vectors[0].astype(float)) + unit(emb.vectors[1].astype(float))) / 2
    assert np.allclose(emb.vectors[2], expected, atol=1e-6)
    assert "mean of the unit vectors of red bird + red.png" in emb.notes["note"].iloc[0]


@pytest.mark.video
def test_frames_of_a_local_video_are_embedded_as_pictures_and_averaged(service, client, request):
    clip = request.config.rootpath / "datasets" / "clips" / "clips" / "vtest.mp4"

    emb = mm.embed([mm.Video(clip, frames=3)], model=client(), cache=False)

    assert [next(iter(c)) for c in service.contents()] == ["image"] * 3
    assert "mean of the unit vectors of 3 frames" in emb.notes["note"].iloc[0]
    assert emb.shape == (1, 1024)


def test_parts_of_an_item_that_was_not_finished_are_not_paid_again(service, client, tmp_path):
    item = mm.Image([f"https://a.example/{i}.png" for i in range(8)])
    model = client(local_fusion=True)
    for _ in range(2):
        with pytest.raises(BudgetError, match="What arrived before is kept"):
            mm.embed([item], model=model, cache=tmp_path, budget=0.002)

    left = mm.estimate([item], model=model, cache=tmp_path)
    emb = mm.embed([item], model=model, cache=tmp_path)

    assert 0 < left.calls < 5
    assert sorted(c["image"] for c in service.contents()) == list(item.source)
    assert np.array_equal(emb.vectors, mm.embed([item], model=model, cache=False).vectors)
    assert "mean of the unit vectors of 8 pictures" in emb.notes["note"].iloc[0]


@pytest.mark.video
def test_frames_that_were_paid_before_the_run_stopped_are_kept(service, client, tmp_path, request):
    clip = request.config.rootpath / "datasets" / "clips" / "clips" / "vtest.mp4"
    service.fail_at = {6: "Arrearage"}
    with pytest.raises(ServiceStopError):
        mm.embed([mm.Video(clip, frames=8)], model=client(), cache=tmp_path)

    service.fail_at = {}
    before = len(service.calls)
    mm.embed([mm.Video(clip, frames=8)], model=client(), cache=tmp_path)

    assert len(service.calls) - before == 8 - sum(r.status == 200 for r in service.calls[:before]) <= 2


def test_a_part_that_is_an_item_too_is_sent_once(service, client, tmp_path):
    url = f"{service.host}/media/red.png"
    model = client(local_fusion=True)
    mm.embed([mm.Image(url)], model=model, cache=tmp_path)

    emb = mm.embed([mm.Text("red"), mm.Fused(text="red", image=url), mm.Image([url, url])], model=model, cache=tmp_path)

    assert service.contents() == [{"image": url}, {"text": "red"}]
    assert emb.ok.all()


def test_an_item_with_a_refused_part_fails_and_its_other_parts_are_kept(service, client, tmp_path):
    good, bad = f"{service.host}/media/red.png", "https://a.example/missing.png"
    model = client(local_fusion=True)

    emb = mm.embed([mm.Image([good, bad]), mm.Image([bad, good])], model=model, cache=tmp_path, on_error="nan")

    assert emb.failed["row"].tolist() == [0, 1]
    assert mm.estimate([mm.Image(good)], model=model, cache=tmp_path).cached == 1


@pytest.mark.parametrize(
    ("model", "content", "parameters"),
    [
        (SNAPSHOT, [{"text": "t", "image": "https://a.example/1.png"}], {}),
        ("qwen3-vl-embedding", [{"text": "t"}, {"image": "https://a.example/1.png"}], {"enable_fusion": True}),
        ("qwen2.5-vl-embedding", [{"text": "t"}, {"image": "https://a.example/1.png"}], {}),
        ("multimodal-embedding-one-peace-v1", [{"text": "t"}, {"image": "https://a.example/1.png"}], {}),
    ],
)
def test_each_model_fuses_in_its_own_way(service, client, model, content, parameters):
    emb = mm.embed([mm.Fused(text="t", image="https://a.example/1.png")], model=client(model), cache=False)

    (call,) = service.calls
    assert call.body["input"]["contents"] == content
    assert call.body["parameters"] == parameters
    assert emb.shape == (1, mm.get_model(model).dimension)
    assert len(emb.notes) == 0


def test_several_pictures_share_one_vector_where_the_model_can(service, client):
    urls = ["https://a.example/1.png", "https://a.example/2.png"]

    emb = mm.embed([mm.Image(urls)], model=client(PLUS), cache=False)

    assert service.contents() == [{"multi_images": urls}]
    assert emb.shape == (1, 1152)


@pytest.mark.parametrize("name", [n for n in mm.list_models() if n != "local"])
def test_every_model_of_the_table_embeds_a_text(service, client, name):
    if mm.get_model(name).provider != "dashscope" or name == "my-model":
        pytest.skip("not one of the service")

    emb = mm.embed_texts(["a red bird", "银行"], model=client(name), cache=False)

    assert emb.shape == (2, mm.get_model(name).dimension)
    assert emb.usage["text_tokens"] > 0 or emb.usage["media_tokens"] > 0


def test_dimension_and_parameters_reach_the_service_checked(service, client):
    emb = mm.embed_texts(["a"], model=client(SNAPSHOT), dimension=256, params={"fps": 0.5, "res_level": 2}, cache=False)

    assert emb.shape == (1, 256)
    assert service.calls[0].body["parameters"] == {"fps": 0.5, "res_level": 2, "dimension": 256}
    with pytest.raises(ValueError, match="no dimension 999; it has 1152, 1024"):
        mm.embed_texts(["a"], model=client(SNAPSHOT), dimension=999, cache=False)
    with pytest.raises(ValueError, match="no parameter 'fsp'; it has: fps"):
        mm.embed_texts(["a"], model=client(SNAPSHOT), params={"fsp": 1}, cache=False)


def test_colours_of_pictures_and_words_meet(service, client):
    pictures = [np.full((20, 20, 3), c, np.uint8) for c in [(200, 40, 40), (40, 60, 200)]]

    emb = mm.embed([mm.Text("red"), mm.Text("blue"), *map(mm.Image, pictures)], model=client(), cache=False)

    similar = emb.unit[:2] @ emb.unit[2:].T
    assert similar.argmax(axis=1).tolist() == [0, 1]


def test_no_text_or_path_is_ever_uploaded(service, client, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("private")
    (tmp_path / "a.png").write_bytes(encoded())

    mm.embed(
        [mm.Text("notes.txt"), mm.Text(str(tmp_path / "notes.txt")), mm.Text(f"file://{tmp_path}/notes.txt"), mm.Image("a.png")],
        model=client(), cache=False,
    )  # fmt: skip
    mm.embed_texts(["notes.txt"], model=client("text-embedding-v4"), cache=False)

    assert not service.uploads
    assert not any("X-DashScope-OssResourceResolve" in r.headers for r in service.calls)
    assert service.contents()[0] == {"text": "notes.txt"} or {"text": "notes.txt"} in service.contents()


def test_the_plain_sdk_does_upload_so_the_routes_are_watched(service, tmp_path, monkeypatch):
    import dashscope

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dashscope, "base_http_api_url", service.base_url)
    (tmp_path / "notes.txt").write_text("private")

    dashscope.MultiModalEmbedding.call(model=PLUS, input=[{"text": "notes.txt"}], api_key=service.api_key)

    assert len(service.uploads) == 2


def test_errors_carry_their_class(client):
    with pytest.raises(UnsupportedItemError):
        client().check(mm.Video("x.mp4"), dimension=1024, params={})
    with pytest.raises(UnreadableItemError):
        client().check(mm.Image(b"x"), dimension=1024, params={})
