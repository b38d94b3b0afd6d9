"""The rows' numbers are those of a spreadsheet."""

import pyarrow as pa
import pyarrow.parquet
import pytest

from sales.serving import upload
from ui import row_numbers


def of_rows(rows):
    return pa.table({"a": ["x"] * rows})


@pytest.mark.parametrize(
    ("body", "numbers"),
    [
        (b"a,b\n1,2\n3,4\n", [2, 3]),
        (b"a,b\n1,2\n3,4", [2, 3]),
        (b"a,b\r\n1,2\r\n3,4\r\n", [2, 3]),
        (b"a,b\r1,2\r3,4\r", [2, 3]),
        (b"\xef\xbb\xbfa,b\n1,2\n3,4\n", [2, 3]),
        (b"a,b\n1,2\n\n\n3,4\n", [2, 5]),
        (b'a,b\n1,"two\nlines"\n3,4\n', [2, 3]),
        (b'a,b\n\n1,"two\n\nlines"\n\n3,4\n\n', [3, 5]),
        (b'a;b\n\n1;"two; or\nmore"\n3;4\n', [3, 4]),
        ("a\tb\n\nKöln\t2\n3\t4\n".encode("utf-16"), [3, 4]),
        ("a|b\n\nKöln|2\n3|4\n".encode("latin-1"), [3, 4]),
        (b'{"a": 1}\n{"a": 2}\n', [1, 2]),
    ],
)
def test_a_row_stands_where_a_spreadsheet_shows_it(body, numbers):
    table = upload.read(body, 10)
    assert row_numbers.of(body, table).tolist() == numbers


def test_a_blank_first_line_is_row_1():
    assert row_numbers.of(b"\na,b\n1,2\n3,4\n", of_rows(2)).tolist() == [3, 4]


@pytest.mark.parametrize(("rows", "numbers"), [(3, [2, 3, 4]), (2, [2, 4])])
def test_lines_of_commas_alone_are_counted_whether_they_were_read_as_rows_or_not(rows, numbers):
    assert row_numbers.of(b"a,b\n1,2\n,\n3,4\n\n", of_rows(rows)).tolist() == numbers


def test_a_parquet_file_has_no_header_line():
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(pa.table({"a": [1, 2]}), sink)
    assert row_numbers.of(sink.getvalue().to_pybytes(), of_rows(2)).tolist() == [1, 2]
