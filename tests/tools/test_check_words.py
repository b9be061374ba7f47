"""The words that are not written are found in docs, texts and comments, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.check_words import WORDS, check, found_in


# So does `make lint`.
@pytest.mark.slow
def test_the_repository_has_none_of_them() -> None:
    assert list(map(str, check())) == []


FOUND = (
    ("A fault befalls the next call.", "befalls"),
    ("a job, be it by a button", "be it by"),
    ("the record tells of a job", "tells of"),
    ("what a failing test is told", "told"),
    ("ask a running server whether it is well", "is well"),
    ("a client cannot bear that", "bear"),
    ("unfired rules", "unfired"),
    ("it is at the elsewhere", "the elsewhere"),
    ("Anybody who reaches this port", "Anybody who"),
    ("the record that there is none", "that there is none"),
    ("as things stand", "as things stand"),
    ("if need be only those", "if need be"),
    ("ends of its own accord", "of its own accord"),
    ("goes on calmly", "calmly"),
    ("wherefrom it came", "wherefrom"),
    ("a rule afflicts it", "afflicts"),
    ("spelt so", "spelt"),
    ("spelled so", "spelled"),
    ("it shall fail", "shall"),
    ("by the law of this package", "the law"),
    ("a callback is sent", "callback"),
    ("through every door", "door"),
    ("The Journal keeps calls", "Journal"),
    ("the last exchanges", "exchanges"),
    ("the pictures of a job", "pictures"),
    ("the control API", "control API"),
    ("Put a scenario in force", "in force"),
    ("it waits for ever", "for ever"),
    ("stuck for ever", "stuck for ever"),
    ("the courier", "courier"),
    ("after all tries failed", "all tries"),
    ("1 job entry", "job entry"),
)


@pytest.mark.parametrize(("text", "word"), FOUND)
def test_a_word_is_found(text: str, word: str) -> None:
    ((line, found, instead),) = found_in(text)
    assert (line, found) == (0, word)
    assert instead


def test_every_word_has_a_case() -> None:
    assert {instead for text, _ in FOUND for *_, instead in found_in(text)} == set(WORDS.values())


@pytest.mark.parametrize(
    "text",
    [
        "A Bearer token, as well as an API key",
        "a server elsewhere",
        "a client that tries again",
        "future.add_done_callback(f)",
        "everybody's rules, for everybody",
        "a forced answer, enforced",
        "indoor, outdoor",
    ],
)
def test_other_words_are_left_alone(text: str) -> None:
    assert list(found_in(text)) == []


def test_python_is_read_by_its_texts_and_comments(tmp_path: Path) -> None:
    folder = tmp_path / "mock_akool"
    folder.mkdir()
    (folder / "a.py").write_text(
        '"""One door."""\n\ncallback = 1  # a door\n\n\ndef picture(journal):\n    return f"{journal} in force\\n"\n'
    )
    (tmp_path / "README.md").write_text("# A\n\nThe door\nand a picture\n")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "b.md").write_text("`callback` too\n")
    found = [str(each) for each in check(tmp_path)]
    assert found == [
        "README.md:3: 'door': write interceptor, transport",
        "README.md:4: 'picture': write image",
        "mock_akool/a.py:1: 'door': write interceptor, transport",
        "mock_akool/a.py:3: 'door': write interceptor, transport",
        "mock_akool/a.py:7: 'in force': write active",
        "docs/b.md:1: 'callback': write webhook",
    ]


@pytest.mark.parametrize("name", ["a.js", "a.html", "a.css", "a.cjs", "a.go", "a.php", "a.yml", "a.svg"])
def test_what_people_see_is_read_in_every_kind_of_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "mock_akool" / "dashboard").mkdir(parents=True)
    (tmp_path / "mock_akool" / "dashboard" / name).write_text("a door")
    assert [each.word for each in check(tmp_path)] == ["door"]
