"""The formats of pictures and videos that are read: how their files begin, and how their names end."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = [
    "IMAGE_ENDINGS",
    "MAGIC_BYTES",
    "PILLOW_FORMATS",
    "VIDEO_ENDINGS",
    "PictureFormat",
    "VideoFormat",
    "other_kind",
    "picture_format",
    "video_format",
]

MAGIC_BYTES = 64  # as many as `picture_format` looks at


class PictureFormat(NamedTuple):
    """A format of pictures: its name (Pillow's, where Pillow reads it), how a file begins, the endings of names."""

    name: str
    start: bytes
    endings: str


class VideoFormat(NamedTuple):
    """A container format: FFmpeg's name of the one reader that opens it, how a file begins, the endings of names."""

    demuxer: str
    start: bytes
    endings: str


_HEIF_BRANDS = rb"hei[cxms]|hev[cxms]"
_PICTURES = (
    PictureFormat("JPEG", rb"\xff\xd8\xff", "jpg jpeg jfif jpe mpo"),
    PictureFormat("PNG", rb"\x89PNG\r\n\x1a\n", "png apng"),
    PictureFormat("BMP", rb"BM", "bmp"),
    PictureFormat("GIF", rb"GIF8", "gif"),
    PictureFormat("WEBP", rb"RIFF....WEBP", "webp"),
    PictureFormat("TIFF", rb"II\*\x00|MM\x00\*", "tif tiff"),
    PictureFormat("unusual TIFF", rb"II\+\x00|MM\x00\+|II\x00\*|MM\*\x00", ""),  # of 64 bits, or of mixed byte order
    PictureFormat("ICO", rb"\x00\x00\x01\x00", "ico"),
    PictureFormat("ICNS", rb"icns", "icns"),
    PictureFormat("SGI", rb"\x01\xda", "sgi"),
    PictureFormat("DIB", rb"[\x0c(48@l|]\x00\x00\x00", "dib"),
    PictureFormat("PPM", rb"P[0-6fy]", "ppm pgm pbm pnm"),
    PictureFormat("HEIF", rb"....ftyp(" + _HEIF_BRANDS + rb")", "heic heif hif"),
    PictureFormat("HEIF", rb"....ftyp(mif1|msf1)....(?:(?!avi[fs])....)*?(" + _HEIF_BRANDS + rb")", ""),
    PictureFormat("AVIF", rb"....ftyp(avif|avis|mif1|msf1)", "avif"),
    PictureFormat("JPEG2000", rb"\x00\x00\x00\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51\x00", "jp2 j2k j2c jpc jpf jpx"),
)
_VIDEOS = (
    VideoFormat("mov", rb"....(ftyp|moov|mdat|free|skip|wide|pnot|uuid)", "mp4 m4v mov 3gp 3gpp 3g2 qt"),
    VideoFormat("matroska", rb"\x1aE\xdf\xa3", "mkv webm"),
    VideoFormat("avi", rb"RIFF....AVI[ X\x19]", "avi"),
    VideoFormat("flv", rb"FLV\x01", "flv"),
    VideoFormat("mpegts", rb"(?=\x47.{187}\x47|.{4}\x47.{191}\x47)", "mts m2ts"),  # not "ts": programs end so, too
    VideoFormat("mpeg", rb"\x00\x00\x01\xba", "mpg mpeg vob"),
    VideoFormat("mpegvideo", rb"\x00\x00\x01\xb3", "m2v"),
    VideoFormat("asf", rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "wmv asf"),
    VideoFormat("ogg", rb"OggS", "ogv"),
    VideoFormat("gif", rb"GIF8", ""),  # a GIF in a folder is a picture
)
_OTHERS = (
    ("an SVG drawing, which has no pixels", rb"(\xef\xbb\xbf)?\s*(<\?xml|<!--|<!DOCTYPE svg|<svg).*", b"<svg"),
    ("a sound without pictures", rb"RIFF....WAVE|ID3|fLaC|\xff[\xfb\xf3\xf2]", b""),
    ("a web page", rb"\s*<(!doctype html|html)", b""),
    ("a PDF document", rb"%PDF-", b""),
    ("a PostScript document", rb"%!PS", b""),
    ("a Photoshop document", rb"8BPS", b""),
    ("a ZIP archive", rb"PK\x03\x04", b""),
    ("a compressed file (gzip)", rb"\x1f\x8b", b""),
)
_PICTURE_STARTS = tuple((re.compile(row.start, re.DOTALL), row.name) for row in _PICTURES)
_VIDEO_STARTS = tuple((re.compile(row.start, re.DOTALL), row.demuxer) for row in _VIDEOS)
_OTHER_STARTS = tuple((name, re.compile(start, re.DOTALL | re.IGNORECASE), within) for name, start, within in _OTHERS)
_NOT_PILLOWS = ("HEIF", "unusual TIFF")

PILLOW_FORMATS = tuple(dict.fromkeys(row.name for row in _PICTURES if row.name not in _NOT_PILLOWS))
IMAGE_ENDINGS = frozenset(f".{ending}" for row in _PICTURES for ending in row.endings.split())
VIDEO_ENDINGS = frozenset(f".{ending}" for row in _VIDEOS for ending in row.endings.split())


def picture_format(head: bytes) -> str:
    """Return the format of a picture, by the first bytes of its file.

    Parameters
    ----------
    head : bytes
        At least the first `MAGIC_BYTES`, where there are so many.

    Returns
    -------
    str
        A name of the table; empty when the bytes promise no picture. Phones' "MPO" begins like a JPEG and is called so.
    """
    head = head[:MAGIC_BYTES]
    return next((name for start, name in _PICTURE_STARTS if start.match(head)), "")


def video_format(head: bytes) -> str:
    """Return the name of the only FFmpeg reader that may open a file with these first bytes; "" for other files.

    Parameters
    ----------
    head : bytes
        At least the first 512 bytes, where there are so many.

    Returns
    -------
    str
        FFmpeg's name of the container format.
    """
    if picture_format(head) in ("HEIF", "AVIF"):  # they begin like an MP4
        return ""
    return next((demuxer for start, demuxer in _VIDEO_STARTS if start.match(head)), "")


def other_kind(head: bytes) -> str:
    """Return in words what a file is that is neither a picture nor a video ("an SVG drawing, ..."); "" when unknown.

    Parameters
    ----------
    head : bytes
        The beginning of the file, some hundred bytes.

    Returns
    -------
    str
        Words for a message.
    """
    head = head[:4096]
    return next((name for name, start, within in _OTHER_STARTS if start.match(head) and within in head.lower()), "")
