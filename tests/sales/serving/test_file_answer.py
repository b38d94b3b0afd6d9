"""What a header tells of the warnings."""

import json

from sales.serving.file_answer import in_short


def test_a_header_holds_whole_warnings_in_ascii_as_many_as_fit():
    few = ["Köln", 'a "quoted"\nline', "😀"]
    assert json.loads(in_short(few)) == few
    assert in_short([]) == "[]"
    many = [f"City: 'Ж{n}' was not in the training data" for n in range(1000)]
    assert in_short(many).isascii()
    told = json.loads(in_short(many))
    assert 30 < len(told) < 60
    assert told == many[: len(told)]


def test_a_warning_that_is_too_long_for_a_header_is_cut_there():
    [told] = json.loads(in_short(["x" * 5000]))
    assert told == "x" * 299 + "…"
