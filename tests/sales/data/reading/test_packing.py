"""Packed files: what they hold, and no more of it than is allowed."""

import bz2
import gzip
import io
import lzma
import zipfile

import pyarrow as pa
import pytest

from sales.data.reading import packing
from sales.errors import PipelineError

TEXT = b"a,b\n" + b"1,2\n" * 5000


def zst(content):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


def zipped(files):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return sink.getvalue()


PACKED = {
    ".gz": gzip.compress(TEXT),
    ".bz2": bz2.compress(TEXT),
    ".xz": lzma.compress(TEXT),
    ".zst": zst(TEXT),
    ".zip": zipped({"a.csv": TEXT}),
}


@pytest.mark.parametrize("kind", PACKED)
def test_what_a_file_holds(kind):
    body = PACKED[kind]
    assert packing.of_bytes(body) == kind
    assert packing.whole(body, kind, len(TEXT), "it") == TEXT
    if kind != ".zip":  # one may follow another
        assert packing.whole(body * 2, kind, 2 * len(TEXT), "it") == TEXT * 2


@pytest.mark.parametrize("kind", PACKED)
def test_no_more_is_unpacked_than_is_allowed(kind):
    with pytest.raises(packing.TooLargeError):
        packing.whole(PACKED[kind], kind, len(TEXT) - 1, "it")


@pytest.mark.parametrize("kind", PACKED)
def test_what_is_cut_short_is_told(kind):
    for body in (PACKED[kind][:-9], PACKED[kind][:9], packing.MAGIC[kind] + b"and then nothing"):
        with pytest.raises(PipelineError, match=r"^it: broken, or cut short: "):
            packing.whole(body, kind, 10**6, "it")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (zipped({}), "it: the zip holds no file, not one"),
        (
            zipped({"a.csv": b"a", "b.csv": b"b"}),
            r"it: the zip holds 2 files \(a.csv, b.csv…\), not one",
        ),
    ],
)
def test_a_zip_of_anything_but_one_file_is_refused(body, told):
    with pytest.raises(PipelineError, match=told):
        packing.whole(body, ".zip", 100, "it")


def test_what_a_mac_adds_to_a_zip_does_not_count():
    body = zipped({"o/": b"", "o/a.csv": b"a", "__MACOSX/o/a.csv": b"x", "o/.DS_Store": b"x"})
    assert packing.whole(body, ".zip", 100, "it") == b"a"


def test_a_locked_zip_is_told():
    body = bytearray(PACKED[".zip"])
    for place in (6, body.index(b"PK\1\2") + 8):  # the flag, in both headers
        body[place] |= 1
    with pytest.raises(PipelineError, match="locked by a password"):
        packing.whole(bytes(body), ".zip", 10**6, "it")
