"""Encodings of text files: read right, said in a note, or failed by name; no replaced character in a vector."""

import numpy as np
import pytest

import mmtoolkit as mm

CHINESE = "红色的鸟停在树枝上，天空很蓝。"
FRENCH = "Le café près de l'école est fermé – déjà « à midi »…"
ENGLISH = "a small grey cat"

READ = [
    ("utf-8", CHINESE, None),
    ("utf-8-sig", CHINESE, None),
    ("utf-16", CHINESE, "read as UTF-16"),
    ("utf-16-le", ENGLISH + "\n" + CHINESE, "read as UTF-16"),
    ("utf-16-be", ENGLISH, "read as UTF-16"),
    ("utf-32", FRENCH, "read as UTF-32"),
    ("gb18030", CHINESE, "read as GB18030"),
    ("gbk", "鸟", "read as GB18030"),
    ("gbk", "Nikon 相机 D90", "read as GB18030"),
    ("cp1252", FRENCH, "read as Latin-1"),
    ("latin-1", "El niño comió piñas", "read as Latin-1"),
    ("latin-1", "Größe: 5 m² für £5", "read as Latin-1"),
]
REFUSED = [
    ("big5", "紅色的鳥在樹上，今天天氣很好。"),
    ("shift_jis", "赤い鳥が木の上にいます"),
    ("euc_jp", "赤い鳥が木の上にいます"),
    ("iso2022_jp", "赤い鳥"),
    ("euc_kr", "빨간 새가 나무 위에 앉아 있다"),
    ("cp1251", "красная птица на дереве"),
    ("koi8_r", "красная птица на дереве"),
    ("iso8859-2", "Příliš žluťoučký kůň"),
    ("cp1253", "κόκκινο πουλί"),
    ("cp1254", "ağaçta kırmızı bir kuş var"),
    ("mac-roman", "un café à Paris"),
    ("cp437", "un café à Paris"),
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "good.txt").write_text("a red bird", "utf-8")
    return tmp_path


@pytest.mark.filterwarnings("ignore:texts that look like another language")  # French is
@pytest.mark.parametrize(("encoding", "text", "note"), READ)
def test_an_encoding_is_read_and_said(folder, encoding, text, note):
    (folder / "odd.txt").write_bytes(text.encode(encoding))

    emb = mm.embed(mm.read_folder(folder), model="local", cache=False)

    assert emb.items["text"].tolist() == ["a red bird", text]
    assert emb.notes[["id", "note"]].values.tolist() == ([] if note is None else [["odd.txt", note]])
    assert np.array_equal(emb.vectors[1], mm.embed_texts([text], model="local", cache=False).vectors[0])


@pytest.mark.parametrize(("encoding", "text"), REFUSED)
def test_an_encoding_that_is_not_clear_fails_its_file_by_name(folder, encoding, text):
    (folder / "odd.txt").write_bytes(text.encode(encoding))

    emb = mm.embed(mm.read_folder(folder), model="local", cache=False, on_error="nan")

    assert emb.ok.tolist() == [True, False]
    assert emb.failed["id"].tolist() == ["odd.txt"]
    assert emb.failed["reason"][0].endswith("save it as UTF-8")
    with pytest.raises(mm.MMToolkitError, match=r"row 1, id 'odd\.txt': .*save it as UTF-8"):
        mm.embed(emb.items, model="local", cache=False)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("鸟在树上".encode()[:-1], r"byte 9 \(0xe4\) is not UTF-8"),
        (b"\xff\xfea", r"the file begins as UTF-16, but byte 2 is not"),
        (b"\xef\xbb\xbfcaf\xe9", r"the file begins as UTF-8, but byte 3 is not"),
        (b"\x00\x01\x02\x03PK", "zero bytes and is not UTF-16"),
        (bytes(range(256)), "zero bytes and is not UTF-16"),
        (b"\x89PNG\r\n\x1a\n", r"byte 0 \(0x89\) is not UTF-8"),
    ],
)
def test_what_is_broken_or_no_text_fails_by_name(folder, raw, reason):
    (folder / "odd.txt").write_bytes(raw)

    with pytest.raises(mm.MMToolkitError, match=rf"1 of 2 items .*id 'odd\.txt': .*{reason}"):
        mm.embed(mm.read_folder(folder), model="local", cache=False)


def test_the_counts_of_a_folder_are_said_in_the_report(folder):
    for number in range(3):
        (folder / f"{number}.txt").write_bytes((CHINESE * (number + 1)).encode("gbk"))

    frame = mm.read_folder(folder)
    rep = mm.report(mm.cluster(mm.embed(frame, model="local", cache=False), 2))

    assert frame.attrs["notes"] == ["3 of the text files were read as GB18030"]
    assert "3 of the text files were read as GB18030." in rep.to_html()
