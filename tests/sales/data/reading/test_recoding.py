"""A text file's bytes as UTF-8, and none of them after it is closed."""

import io
import threading

from sales.data.reading.recoding import Recoded


def test_what_is_closed_takes_nothing_from_what_lies_beneath():
    beneath = io.BytesIO(b"abc" * 100)
    one = Recoded(beneath, "utf-8")
    assert one.read(6) == b"abcabc"
    at = beneath.tell()
    one.close()
    assert (one.read(6), beneath.tell()) == (b"", at)


def test_closing_waits_for_a_read_that_goes_on():
    began, may_end, told = threading.Event(), threading.Event(), []

    class Slow(io.BytesIO):
        def read(self, size=-1):
            began.set()
            may_end.wait()
            told.append("read")
            return super().read(size)

    one = Recoded(Slow(b"abc"), "utf-8")
    reading = threading.Thread(target=one.read, args=(3,))
    closing = threading.Thread(target=lambda: (one.close(), told.append("closed")))
    reading.start()
    began.wait()
    closing.start()
    may_end.set()
    reading.join()
    closing.join()
    assert told[-1] == "closed"
    assert "read" in told
