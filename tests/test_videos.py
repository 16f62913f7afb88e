"""Frames of videos: the same as decoding everything, upright, from all containers; strangers' files harm nobody."""

import functools
import io
import os
import signal
import struct
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit import _decoding
from mmtoolkit.errors import UnreadableItemError

av = pytest.importorskip("av")
from mmtoolkit import _video_frames  # noqa: E402 - it needs PyAV
from mmtoolkit._formats import video_format  # noqa: E402

UPRIGHT = np.full((96, 64, 3), 255, np.uint8)
UPRIGHT[8:40, 8:40] = (220, 40, 30)
UPRIGHT[60:90, 20:30] = (20, 60, 200)
KINDS = {  # ending: container, codec, options
    "mp4": ("mp4", "libx264", {}),
    "mov": ("mov", "mpeg4", {}),
    "3gp": ("3gp", "h263", {}),
    "mkv": ("matroska", "libx264", {}),
    "webm": ("webm", "libvpx", {"auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "realtime", "cpu-used": "5"}),
    "avi": ("avi", "mpeg4", {"bf": "2"}),
    "mts": ("mpegts", "libx264", {}),
    "m2ts": ("mpegts", "libx264", {}),
    "mpg": ("mpeg", "mpeg2video", {"bf": "2"}),
    "flv": ("flv", "flv", {}),
    "wmv": ("asf", "wmv2", {}),
    "gif": ("gif", "gif", {}),
}


def clip(kind, pictures, rate=8, **options):
    container, codec, more = KINDS[kind]
    buffer = io.BytesIO()
    packing = {"mpegts_m2ts_mode": "1"} if kind == "m2ts" else {}
    with av.open(buffer, "w", format=container, options=packing) as file:
        stream = file.add_stream(codec, rate=rate, options={**more, **options})
        stream.height, stream.width = (144, 176) if codec == "h263" else pictures[0].shape[:2]
        stream.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            file.mux(stream.encode(frame.reformat(stream.width, stream.height, stream.pix_fmt)))
        file.mux(stream.encode())
    return buffer.getvalue()


@functools.cache
def long_clip(kind):
    return clip(kind, moving(400, 48, 32), rate=25, g="40")


def moving(n, height=96, width=64):
    """Return pictures in which a bar wanders."""
    pictures = []
    for i in range(n):
        picture = np.full((height, width, 3), (i * 5 % 256, 200, 90), np.uint8)
        picture[:, (3 * i) % (width - 8) : (3 * i) % (width - 8) + 8] = (20, 30, 220)
        pictures.append(picture)
    return pictures


def by_decoding_all(data, n):
    """Return the frames at the centres of equal time slices, by the plainest way there is."""
    with av.open(io.BytesIO(data)) as container:
        shown = [(frame.time, frame.to_image()) for frame in container.decode(video=0)]
    times = [t for t, _ in shown]
    length = times[-1] - times[0] + (times[-1] - times[0]) / max(len(times) - 1, 1)
    centres = [times[0] + (i + 0.5) * length / n for i in range(n)]
    return [shown[max((k for k, t in enumerate(times) if t <= c), default=0)][1] for c in centres]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_frames_at_the_centres_of_equal_slices(kind):
    data = clip(kind, moving(21))

    frames = mm.Video(data).sample(5)

    assert [f.tobytes() for f in frames] == [f.tobytes() for f in by_decoding_all(data, 5)]


@pytest.mark.parametrize("kind", ["mp4", "mkv", "webm", "avi", "mts", "m2ts", "mpg", "flv", "wmv", "gif"])
@pytest.mark.parametrize("n", [1, 7])
def test_long_videos_are_sought_in_and_give_the_same_frames(kind, n):
    data = long_clip(kind)

    frames = mm.Video(data).sample(n)

    assert [f.tobytes() for f in frames] == [f.tobytes() for f in by_decoding_all(data, n)]


@pytest.mark.parametrize("kind", ["mp4", "mkv", "webm", "mts", "m2ts"])
def test_few_frames_of_a_long_video_are_decoded(kind):
    data = long_clip(kind)

    assert (
        len(list(_video_frames._by_seeking(data, 3, video_format(data)))) == 3
    )  # it did not fall back to decoding all


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_short_videos_repeat_frames(n):
    frames = mm.Video(clip("mp4", moving(2))).sample(n)

    assert len(frames) == n
    assert len({f.tobytes() for f in frames}) == min(n, 2)


# the display matrix

TURNS = {  # a, b, c, d of the matrix; what the sensor wrote, given what the person saw
    "as it is": ((1, 0, 0, 1), lambda seen: seen),
    "turned right": ((0, 1, -1, 0), lambda seen: np.rot90(seen)),
    "turned left": ((0, -1, 1, 0), lambda seen: np.rot90(seen, -1)),
    "upside down": ((-1, 0, 0, -1), lambda seen: np.rot90(seen, 2)),
    "mirrored": ((-1, 0, 0, 1), lambda seen: seen[:, ::-1]),
    "flipped": ((1, 0, 0, -1), lambda seen: seen[::-1]),
    "mirrored and turned": ((0, 1, 1, 0), lambda seen: seen.transpose(1, 0, 2)),
    "mirrored and turned back": ((0, -1, -1, 0), lambda seen: np.rot90(seen, 2).transpose(1, 0, 2)),
}


def with_matrix(data, a, b, c, d):
    """Write a display matrix into the track header of an MP4."""
    flat = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    at = data.index(flat, data.index(b"tkhd"))
    return data[:at] + struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30) + data[at + 36 :]


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("kind", ["mp4", "mov"])
def test_videos_stand_as_they_were_seen(kind, turn):
    matrix, sensor = TURNS[turn]
    data = with_matrix(clip(kind, [np.ascontiguousarray(sensor(UPRIGHT))] * 4), *matrix)

    (frame,) = mm.Video(data).sample(1)

    assert frame.size == (64, 96)
    assert np.abs(np.asarray(frame, dtype=int) - UPRIGHT).mean() < 12


def test_a_turned_3gp_is_upright():
    data = with_matrix(clip("3gp", moving(4, 144, 176)), 0, 1, -1, 0)

    assert mm.Video(data).sample(1)[0].size == (144, 176)


def test_thumbnails_of_turned_videos_are_upright(tmp_path):
    from mmtoolkit.thumbnails import thumbnail_uri

    path = tmp_path / "phone.mp4"
    path.write_bytes(with_matrix(clip("mp4", moving(4)), 0, 1, -1, 0))

    assert thumbnail_uri(path, size=48) == thumbnail_uri(mm.Video(path), size=48)
    assert mm.Video(path).sample(1)[0].size == (96, 64)


# what strangers send


def mp4_that_refers_to(name):
    """Return an MP4 whose samples lie in another file."""
    data = clip("mp4", moving(4))
    at = data.index(b"dref")
    alias = name.encode() + b"\0"
    entry = struct.pack(">I4sI", 12 + len(alias), b"url ", 0) + alias
    box = struct.pack(">I4sII", 16 + len(entry), b"dref", 0, 1) + entry
    return data[: at - 4] + box + data[at - 4 + struct.unpack(">I", data[at - 4 : at])[0] :]


@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile 'secret.mp4'\n",
        "#EXTM3U\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n",
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nm=video 5004 RTP/AVP 96\r\n",
        "<?xml version='1.0'?><MPD><Period/></MPD>",
        "frame%03d.png",
        "RTSPtext rtsp://127.0.0.1/x",
    ],
)
def test_scripts_that_name_other_files_are_no_videos(tmp_path, monkeypatch, text):
    (tmp_path / "secret.mp4").write_bytes(clip("mp4", moving(4)))
    (tmp_path / "evil.mp4").write_text(text)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UnreadableItemError, match=r"evil\.mp4: not a readable video"):
        mm.Video("evil.mp4").sample(1)


def test_an_mp4_that_refers_to_another_file_does_not_read_it(tmp_path, monkeypatch):
    (tmp_path / "secret.mp4").write_bytes(clip("mp4", moving(4)))
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UnreadableItemError):
        mm.Video(mp4_that_refers_to(os.fspath(tmp_path / "secret.mp4"))).sample(1)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b"\xff\xd8\xff" + bytes(50), r"a JPEG picture; pass it as mm\.Image"),
        (b"<svg xmlns='x'/>", "an SVG drawing"),
        (b"hello", "the file starts with b'hello'; read are 3g2"),
        (b"\0\0\0\x14ftypisom" + bytes(40), "not a readable video"),
        (b"RIFF\0\0\0\0AVI LIST" + bytes(40), "not a readable video"),
    ],
)
def test_what_is_no_video_is_named(data, said):
    with pytest.raises(UnreadableItemError, match=said):
        mm.Video(data).sample(1)


def test_a_large_file_of_another_kind_is_not_read_into_memory(tmp_path):
    with (tmp_path / "disk.mp4").open("wb") as file:
        file.truncate(300 * 2**20)

    tracemalloc.start()
    emb = mm.embed_videos([tmp_path / "disk.mp4"], model="local", cache=False, on_error="nan", progress=False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert "not a readable video: the file starts with" in emb.failed["reason"][0]
    assert peak < 60 * 2**20


def test_sound_alone_is_no_video():
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as file:
        stream = file.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate = 8000
        file.mux(stream.encode(frame))
        file.mux(stream.encode())

    with pytest.raises(UnreadableItemError, match="the file has no video stream"):
        mm.Video(buffer.getvalue()).sample(1)


def test_frames_that_are_too_large_are_refused():
    data = clip("gif", moving(2))

    with pytest.raises(UnreadableItemError, match=r"more than 35,651,584 pixels|at most 35,651,584"):
        mm.Video(data[:6] + struct.pack("<HH", 16_000, 16_000) + data[10:]).sample(1)


def test_a_video_with_too_many_frames_is_refused(monkeypatch):
    data = clip("mp4", moving(12))
    monkeypatch.setattr(_video_frames, "MAX_FRAMES", 10)

    with pytest.raises(UnreadableItemError, match="more than 10 frames"):
        list(_video_frames.frames(data, 1, "mov"))


# the process that decodes


def decoder():
    """Return the process that waits for the next video."""
    mm.Video(clip("mp4", moving(2))).sample(1)
    return _decoding._idle[-1].process


def test_one_process_decodes_one_video_after_another():
    first = decoder()

    with pytest.raises(UnreadableItemError):
        mm.Video(b"\0\0\0\x14ftypisom" + bytes(40)).sample(1)

    assert decoder() is first


def test_a_dead_process_is_replaced():
    process = decoder()
    process.kill()
    process.wait()

    assert decoder() is not process


def test_a_process_that_dies_fails_its_video_only():
    process = decoder()
    os.kill(process.pid, signal.SIGSTOP)  # it neither answers nor ends by itself
    threading.Timer(0.3, process.kill).start()

    with pytest.raises(UnreadableItemError, match=r"the decoder broke down on it \(SIGKILL\)"):
        mm.Video(clip("mp4", moving(2))).sample(1)

    assert len(mm.Video(clip("mp4", moving(2))).sample(2)) == 2


def test_a_video_that_takes_too_long_fails_alone(monkeypatch):
    monkeypatch.setattr("mmtoolkit._videos._SECONDS", 0.5)
    monkeypatch.setattr("mmtoolkit._videos._SECONDS_A_FRAME", 0.0)
    os.kill(decoder().pid, signal.SIGSTOP)

    emb = mm.embed_videos([clip("mp4", moving(3))], model="local", cache=False, on_error="nan", progress=False)

    assert "decoding took more than 0.5 s" in emb.failed["reason"].iloc[0]


def test_a_reader_that_stops_early_leaves_no_half_answer_behind():
    stream = mm.Video(clip("mp4", moving(8))).stream(8)
    next(stream)
    stream.close()

    assert mm.Video(clip("mp4", moving(2, 32, 48))).sample(1)[0].size == (48, 32)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
def test_the_process_can_open_no_file_and_has_a_memory_limit():
    pid = decoder().pid

    with open(f"/proc/{pid}/limits") as file:
        limits = {line[:25].strip(): line[25:].split()[:2] for line in file}

    assert limits["Max open files"] == ["0", "0"]
    assert int(limits["Max address space"][0]) < 6e9
    assert len(os.listdir(f"/proc/{pid}/fd")) <= 4


def test_several_threads_and_forks_do_not_mix_answers():
    clips = [clip("mp4", moving(3, 32 + 16 * i, 64)) for i in range(6)]

    with ThreadPoolExecutor(6) as pool:
        sizes = list(pool.map(lambda data: mm.Video(data).sample(2)[1].size, clips))
    child = os.fork()
    if child == 0:
        os._exit(0 if mm.Video(clips[0]).sample(1)[0].size == (64, 32) else 1)

    assert sizes == [(64, 32 + 16 * i) for i in range(6)]
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_processes_end_with_ours(tmp_path):
    import subprocess
    import sys

    path = tmp_path / "a.mp4"
    path.write_bytes(clip("mp4", moving(2)))
    script = (
        "import sys, os, signal, mmtoolkit as mm\nfrom mmtoolkit import _decoding\nmm.Video(sys.argv[1]).sample(1)\n"
        "print(_decoding._idle[0].process.pid, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    )

    out = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False).stdout

    end = time.monotonic() + 10
    while os.path.isdir(f"/proc/{int(out)}") and time.monotonic() < end:
        time.sleep(0.05)
    assert not os.path.isdir(f"/proc/{int(out)}")


@pytest.mark.parametrize(("kind", "there"), [("TIFF", True), ("GIF", True), ("PNG", False)])
def test_pictures_that_claim_much_for_their_bytes_are_decoded_there(monkeypatch, kind, there):
    from PIL import Image as PILImage

    buffer = io.BytesIO()
    options = {"compression": "tiff_deflate"} if kind == "TIFF" else {}
    PILImage.new("L", (3000, 2000), 77).save(buffer, kind, **options)
    asked = []
    real = _decoding.decoded
    monkeypatch.setattr(_decoding, "decoded", lambda *args, **words: asked.append(args[1]) or real(*args, **words))

    opened = mm.Image(buffer.getvalue()).open()

    assert asked == [{"kind": "picture", "alpha": False}] * there  # PNG is read fast, however few bytes it has
    assert opened.size == (3000, 2000)
    assert opened.getextrema() == ((77, 77),) * 3
