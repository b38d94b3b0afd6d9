"""What `make setup` downloads, by uv.lock."""

import sys

from bench import downloads

HERE = f"cp{sys.version_info[0]}{sys.version_info[1]}"


def test_the_wheel_for_this_python_is_taken_else_one_for_all_else_the_source():
    def wheel(tags, size):
        return {"url": f"https://somewhere/a-1.0-{tags}.whl", "size": size}

    other, own = wheel("cp27-cp27m-win32", 7), wheel(f"{HERE}-none-any", 5)
    lock = {
        "package": [
            {"name": "a", "wheels": [other, wheel("py3-none-any", 9), own], "sdist": {"size": 3}},
            {"name": "b", "wheels": [other, wheel("py3-none-any", 9)]},
            {"name": "c", "wheels": [other], "sdist": {"size": 3}},
            {"name": "unwanted", "wheels": [own]},
        ]
    }
    assert downloads.sizes(lock, {"a", "b", "c"}) == {"a": 5, "b": 9, "c": 3}


def test_what_runs_is_told_apart_from_what_develops():
    sizes = {"large": 30_000_000, "tool": 20_000_000, "small": 1_000_000, "least": 500_000}
    assert downloads.told(sizes, {"large", "small"}).splitlines()[2:] == [
        "| large | 30.0 | run |",
        "| tool | 20.0 | development |",
        "| 1 smaller ones | 1.0 | run |",
        "| 1 smaller ones | 0.5 | development |",
        "| **4 packages** | **52 = 31 + 20** | |",
    ]


def test_no_library_for_graphics_cards_and_none_that_draws_maps_is_downloaded():
    assert not {name for name in downloads.wanted() if name.startswith(("nvidia-nccl", "pydeck"))}


def test_the_servers_tools_alone_are_no_part_of_what_runs():
    assert {"moto", "mypy"} <= downloads.wanted() - downloads.wanted("--no-dev")
