"""Texts, pictures, videos: taken from anywhere, fingerprinted by content, refused with a name."""

import base64
import contextlib
import hashlib
import io
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PILImage

import mmtoolkit as mm
from mmtoolkit.content import is_url
from mmtoolkit.errors import UnreadableItemError, UnsupportedItemError


@pytest.fixture
def png():
    buffer = io.BytesIO()
    PILImage.new("RGB", (3, 2), "red").save(buffer, "PNG")
    return buffer.getvalue()


# texts


def test_a_text_is_embedded_as_it_is():
    assert mm.Text(" a ").digest() == hashlib.sha256(b" a ").digest()
    assert mm.Text("/etc/passwd").text == "/etc/passwd"


@pytest.mark.parametrize(
    "text", ["", " ", "\n\t", "\u3000", "\xa0", "\u200b", "\ufeff", "\u00ad", "\x00", " \u2060\u202e"]
)
def test_blank_texts_are_refused(text):
    with pytest.raises(UnreadableItemError, match="the text is blank; expected at least one visible character"):
        mm.Text(text).digest()


@pytest.mark.parametrize("value", [b"a", 3, None, ["a"], float("nan")])
def test_what_is_no_text_is_refused(value):
    with pytest.raises(TypeError, match="Text takes a str, got"):
        mm.Text(value)


def test_a_lone_surrogate_is_named():
    with pytest.raises(UnreadableItemError, match="lone surrogate at position 1"):
        mm.Text("a\udc80").digest()


# pictures


def test_one_picture_has_one_digest_however_it_is_given(png, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png)
    uri = "data:image/png;base64," + base64.b64encode(png).decode()

    digests = {mm.Image(source).digest() for source in (path, str(path), png, bytearray(png), memoryview(png), uri)}

    assert digests == {hashlib.sha256(png).digest()}


def test_pixels_have_one_digest_whoever_holds_them():
    pixels = np.zeros((2, 3, 3), np.uint8)

    assert mm.Image(pixels).digest() == mm.Image(PILImage.fromarray(pixels)).digest()
    assert mm.Image(pixels).digest() != mm.Image(pixels.reshape(3, 2, 3)).digest()


def test_the_order_of_several_pictures_counts(png):
    other = mm.Image(np.zeros((2, 3, 3), np.uint8))

    assert mm.Image([png, other.source]).digest() != mm.Image([other.source, png]).digest()
    assert len(mm.Image([png, png]).parts) == 2


def test_a_list_of_one_picture_is_that_picture(png):
    assert mm.Image([png]).digest() == mm.Image(png).digest()


@pytest.mark.parametrize("value", [3, None, {"a": 1}, [], [None], ["a.png", 3]])
def test_what_is_no_picture_is_refused(value):
    with pytest.raises(
        (TypeError, ValueError), match=r"Image takes a path, URL, bytes, PIL image or array|at least one picture"
    ):
        mm.Image(value)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(UnreadableItemError, match=r"nowhere\.png: there is no file"):
        mm.Image(tmp_path / "nowhere.png").digest()
    with pytest.raises(UnreadableItemError, match=r"cannot read .*directory"):
        mm.Image(tmp_path).digest()


@pytest.mark.parametrize("kind", [mm.Image, mm.Video])
def test_an_empty_path_is_named_as_such(kind):
    with pytest.raises(UnreadableItemError, match="the path is empty; expected the path of a file, or a URL"):
        kind("").digest()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_named(tmp_path, png):
    path = tmp_path / "secret.png"
    path.write_bytes(png)
    path.chmod(0)

    with pytest.raises(UnreadableItemError, match=r"secret\.png: cannot read .*denied"):
        mm.Image(path).read()


def test_a_path_with_a_nul_is_refused():
    with pytest.raises(UnreadableItemError, match="cannot read"):
        mm.Image("a\0b.png").digest()


@pytest.mark.parametrize(
    "name", ["https://h/a.png?x=1", "HTTP://h/a.png", "ftp://h/a.png", "file:///a.png", "oss://b/k"]
)
def test_urls_are_known_by_their_scheme(name):
    assert is_url(name)
    assert mm.Image(name).path is None
    with pytest.raises(UnsupportedItemError, match="expected a picture at hand, got a URL"):
        mm.Image(name).read()


@pytest.mark.parametrize("name", ["a.png", "/a/b.png", "C:/a.png", "data:image/png;base64,x", "a:b.png"])
def test_paths_are_no_urls(name):
    assert not is_url(name)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("data:image/png;base64,!!!", "the data URI is not valid Base64"),
        ("data:image/png,abc", "expected a data URI like data:image/png;base64"),
        ("data:", "expected a data URI"),
        ("data:image/png;base64,é", "the data URI is not valid Base64"),
        ("data:image/png;base64,", r"empty \(0 bytes\)"),
    ],
)
def test_broken_data_uris_are_refused(uri, message):
    with pytest.raises(UnreadableItemError, match=message):
        mm.Image(uri).open()


def test_a_file_that_changes_after_it_was_fingerprinted_is_noticed(png, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png)
    image, video = mm.Image(path), mm.Video(path)
    image.digest(), video.digest()

    path.write_bytes(png + b"x")

    for content in (image, video):
        with pytest.raises(
            UnreadableItemError, match=r"a\.png: the file changed while it was being embedded; run again"
        ):
            content.read()


@pytest.mark.parametrize("wrap", [lambda image: image, lambda image: mm.Fused(text="a", image=image)])
def test_a_file_that_changes_inside_a_list_is_noticed(png, tmp_path, wrap):
    (tmp_path / "a.png").write_bytes(png)
    image = mm.Image([tmp_path / "a.png", png])
    wrap(image).digest()

    (tmp_path / "a.png").write_bytes(png + b"x")

    with pytest.raises(UnreadableItemError, match=r"a\.png: the file changed while it was being embedded"):
        image.parts[0].read()


@pytest.mark.parametrize("kind", [mm.Image, mm.Video])
def test_a_lone_surrogate_in_a_url_is_named(kind):
    with pytest.raises(UnreadableItemError, match="the URL holds a lone surrogate at position 9"):
        kind("http://x/\ud800.png").digest()


@pytest.mark.parametrize("name", ['it\'s "x".png', "<script>.png", "鸟🐦.png", "two\nlines.png", "x" * 200 + ".png"])
def test_names_in_messages_are_one_short_line(tmp_path, name):
    with pytest.raises(UnreadableItemError) as caught:
        mm.Image(tmp_path / name).read()

    assert len(caught.value.name) <= 60
    assert "\n" not in caught.value.name


# videos


@pytest.mark.parametrize("value", [3, None, np.zeros((2, 2))])
def test_what_is_no_video_is_refused(value):
    with pytest.raises(TypeError, match="Video takes a path, URL or bytes, got"):
        mm.Video(value)


@pytest.mark.parametrize("frames", [0, -1, 65, 2.5, "8", True])
def test_a_wrong_number_of_frames_is_refused(frames):
    with pytest.raises(ValueError, match="frames must be None or an int from 1 to 64, got"):
        mm.Video("a.mp4", frames=frames)


def test_frames_lie_at_the_centres_of_equal_slices():
    av = pytest.importorskip("av")
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width = stream.height = 64
        for i in range(40):
            frame = av.VideoFrame.from_image(PILImage.new("RGB", (64, 64), (i * 6, i * 6, i * 6)))
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)

    taken = mm.Video(buffer.getvalue()).sample(4)

    tones = [round(np.asarray(picture).mean() / 6) for picture in taken]
    np.testing.assert_allclose(tones, [5, 15, 25, 35], atol=1)
    assert len(mm.Video(buffer.getvalue()).sample(64)) == 64


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"empty \(0 bytes\); expected a video"),
        (b"no video at all", "not a readable video"),
        (b"\x00" * 5000, "not a readable video"),
    ],
)
@pytest.mark.video
def test_what_is_no_video_file_is_named(data, message):
    with pytest.raises(UnreadableItemError, match=message):
        mm.Video(data).sample(2)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
@pytest.mark.video
def test_a_cut_off_video_is_read_as_far_as_it_goes_or_refused(share):
    with open(mm.load_dataset("clips")["video"][0], "rb") as file:
        data = file.read()

    with contextlib.suppress(UnreadableItemError):
        assert len(mm.Video(data[: int(len(data) * share)]).sample(3)) == 3


@pytest.mark.video
def test_sound_alone_is_no_video():
    import wave

    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(1600))

    with pytest.raises(UnreadableItemError, match="not a readable video but a sound without pictures"):
        mm.Video(buffer.getvalue()).sample(1)


# fused, keys


def test_fused_needs_two_and_wraps_plain_values(png):
    fused = mm.Fused(text="a", image=png)

    assert [type(part).__name__ for part in fused.parts] == ["Text", "Image"]
    with pytest.raises(ValueError, match="Fused needs at least two of text, image and video"):
        mm.Fused(text="a")
    with pytest.raises(TypeError, match="Text takes a str"):
        mm.Fused(text=3, image=png)


@given(st.text(min_size=1), st.text(min_size=1))
def test_different_texts_have_different_digests(a, b):
    try:
        same = mm.Text(a).digest() == mm.Text(b).digest()
    except UnreadableItemError:
        return
    assert same == (a == b)
