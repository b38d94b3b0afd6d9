"""The table of what the image holds."""

from bench import image


def test_parts_below_a_bound_are_told_together_and_the_whole_last():
    seen = {"small": 1_000_000, "large": 70_000_000, "other": 2_000_000, "middle": 4_000_000}
    lines = image.told(77_000_000, seen, 3.14, 2.76).splitlines()
    assert lines[2:] == [
        "| large | 70.0 |",
        "| middle | 4.0 |",
        "| 2 smaller ones | 3.0 |",
        "| **the image** | **77** |",
        "",
        "Ready 3.1 s after its start, of 2.8 s of processor time.",
    ]


def test_what_is_in_no_package_is_debian_and_python(monkeypatch):
    monkeypatch.setattr(
        image, "backend", lambda *words: "900" if "inspect" in words else '{"a": 2}'
    )
    assert image.parts() == (900, {"a": 2, "Debian and Python": 898})
