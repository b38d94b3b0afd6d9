"""What the asking process tells the workers."""

import pytest

from sales.serving import contact
from sales.serving.contact import Contact


def test_what_was_told_is_read(tmp_path):
    told = Contact(1.5, "away", 2.5, "behind")
    contact.write(tmp_path / "server" / contact.FILE, told)
    assert contact.read(tmp_path / "server" / contact.FILE) == told


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"strange": 1}'])
def test_what_cannot_be_read_is_no_news(tmp_path, content):
    if content is not None:
        (tmp_path / "told").write_text(content)
    assert contact.read(tmp_path / "told") == contact.WELL
