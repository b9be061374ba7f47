"""Scenario files: how mistakes in them are reported, and that no file can do harm."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mock_akool import Scenario, ScenarioError
from mock_akool.scenario_library.library import load, load_all, named, names, read_file
from mock_akool.scenario_library.loader import read_text
from tests.extent import choose
from tests.scenarios.scenarios import SCENARIOS, Plain

BOUND_S = 20.0
"""Far more than the slowest machine takes, and far less than what grows without measure."""


def error_of(text: str, file: str = "my.yaml") -> str:
    with pytest.raises(ScenarioError) as caught:
        read_text(text, file)
    return str(caught.value)


class TestMistakes:
    def test_an_unknown_key_is_reported_with_file_line_and_the_nearest(self) -> None:
        text = "description: x\nrules:\n  - on: infobymodelid\n    nht: 2\n    fault: {http: 502}\n"
        assert error_of(text) == "my.yaml:4: rules[0].nht: there is no such key; did you mean 'nth'?"

    def test_a_wrong_value_is_reported_with_its_line(self) -> None:
        text = "rules:\n  - on: any\n    fault:\n      http: 502\n  - on: any\n    fault:\n      http: 2\n"
        assert error_of(text) == "my.yaml:7: rules[1].fault.http: 2 is not a whole number from 200 to 599"

    def test_what_does_not_go_together_is_reported_where_it_begins(self) -> None:
        assert error_of("rules:\n- on: any\n  fault:\n    http: 502\n    drop: true\n").startswith(
            "my.yaml:3: rules[0].fault: a fault is either http or drop, not both"
        )

    def test_lines_of_json_are_reported_too(self) -> None:
        text = '{\n\t"jobs": [\n\t\t{"stages": [{"queueing": "2s"},\n\t\t {"procesing": 1}]}\n\t]\n}'
        assert error_of(text, "my.json") == (
            "my.json:4: jobs[0].stages[1].procesing: 'procesing' is not a status; did you mean 'processing'?"
        )

    @pytest.mark.parametrize("as_json", [False, True])
    def test_all_are_reported_at_once_in_the_order_of_their_lines(self, as_json: bool) -> None:
        text = (
            '{"rulse": [],\n "seed": "x", "jobs": [\n  {"times": 0, "times": 1},\n  {"stages": [\n    "later"]}],\n'
            ' "seed": 1.5}'
        )
        file = "my.json" if as_json else "my.yaml"
        lines = error_of(text, file).splitlines()
        assert lines == [
            "5 mistakes:",
            f"  {file}:1: rulse: there is no such key; did you mean 'rules'?",
            f"  {file}:3: the key 'times' is here twice; remove one",
            f"  {file}:5: jobs[1].stages[0]: 'later' is not a stage; write one status and its length, such as "
            "{queueing: 2s}",
            f"  {file}:6: the key 'seed' is here twice; remove one",
            f"  {file}:6: seed: 1.5 is not a whole number from -9,223,372,036,854,775,808 to 9,223,372,036,854,775,807",
        ]

    def test_what_yaml_has_and_scenarios_have_not_is_reported_all_at_once(self) -> None:
        text = "seed: &a 1\nprofile: !!str observed\n? {b: c}\n: d\naccount: *a\ndescription: x\n"
        assert error_of(text).splitlines() == [
            "5 mistakes:",
            "  my.yaml:1: anchors and aliases are not allowed; write the value out",
            "  my.yaml:2: the tag 'tag:yaml.org,2002:str' is not allowed; remove it",
            "  my.yaml:3: a key must be a plain text; write a word",
            "  my.yaml:5: anchors and aliases are not allowed; write the value out",
            "  my.yaml:5: account: None is not an account; use an object with the keys credits, status, token_lifetime",
        ]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("a: [1", "my.yaml:2: this is not YAML: "),
            ("rules:\n\t- on: any", "my.yaml:2: this is not YAML: "),
            ('{"seed": 1,}x', "my.yaml:1: this is not YAML: "),
            ("seed: \x07", "my.yaml:1: this is not YAML: "),
            ("seed: 1\ndescription: !!python/object:os.system x", "my.yaml:2: the tag 'tag:yaml.org,2002:python"),
            ("seed: !!int 1", "my.yaml:1: the tag 'tag:yaml.org,2002:int' is not allowed; remove it"),
            ("seed: 1\nseed: 2", "my.yaml:2: the key 'seed' is here twice; remove one"),
            ("seed: 1\n---\nseed: 2", "my.yaml:2: a second document begins here; write one scenario in a file"),
            ("? [seed]\n: 1", "my.yaml:1: a key must be a plain text; write a word"),
            ("[" * 50 + "]" * 50, "my.yaml:1: this is nested over 20 deep; a scenario is flat"),
            ("- 1", "my.yaml:1: [1] is not a scenario; use an object with the keys description, advice"),
            ("x" * 70_000, "my.yaml: over 65,536 bytes; a scenario is a short file"),
            ("seed: yes", "my.yaml:1: seed: 'yes' is not a whole number"),
            ("seed: 0x10", "my.yaml:1: seed: '0x10' is not a whole number"),
            ("rules: 5e3", "my.yaml:1: rules: '5e3' is not a list"),
        ],
    )
    def test_what_a_file_may_not_have(self, text: str, message: str) -> None:
        assert error_of(text).startswith(message)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('{"seed": 1,}', "my.json:1: this is not JSON: a key in double quotes is missing"),
            ('{"seed": 1}\nx', "my.json:2: this is not JSON: something follows the end of the object"),
            ("{seed: 1}", "my.json:1: this is not JSON: a key in double quotes is missing"),
            ('{"seed"\n 1}', "my.json:2: this is not JSON: a colon is missing after a key"),
            ('{"seed": 1\n "profile": 2}', "my.json:2: this is not JSON: a comma or } is missing"),
            ('{"jobs": [1\n\n', "my.json:3: this is not JSON: a comma or ] is missing"),
            ('{"jobs":\n}', "my.json:2: this is not JSON: Expecting value"),
            ('{"seed":\nNaN}', "my.json:2: this is not JSON: NaN is not a number"),
            ('{"description": "a\n"}', "my.json:1: this is not JSON: Invalid control character"),
            ('{"description": "\\x"}', "my.json:1: this is not JSON: Invalid \\escape"),
            ("# a comment\n{}", "my.json:1: this is not JSON: Expecting value"),
            ("[" * 50 + "]" * 50, "my.json:1: this is nested over 20 deep; a scenario is flat"),
            ('{"seed": 1e3}', "my.json:1: seed: 1000.0 is not a whole number"),
            ('{"seed": ' + "9" * 5000 + "}", "my.json:1: seed: inf is not a whole number"),
        ],
    )
    def test_what_a_json_file_may_not_have(self, text: str, message: str) -> None:
        assert error_of(text, "my.json").startswith(message)

    def test_json_is_read_as_json(self) -> None:
        text = '\t{"description": "\\ud83e\\udd8a \\/ \x7f yes", "advice":\r\n"", "seed"\n:-0, "rules": [ ],"jobs":[]}'
        scenario = read_text(text, "my.JSON")
        assert (scenario.description, scenario.advice, scenario.seed) == ("🦊 / \x7f yes", "", 0)

    def test_words_that_yaml_took_for_yes_or_no_are_texts(self) -> None:
        scenario = read_text("description: on\nadvice: no\nrules: [{on: any, fault: {drop: true}}]")
        assert (scenario.description, scenario.advice, len(scenario.rules)) == ("on", "no", 1)

    def test_an_empty_file_is_an_empty_scenario(self) -> None:
        assert read_text("") == read_text("# nothing\n") == read_text("{}") == Scenario()
        assert read_text(" ", "my.json") == read_text("{}", "my.json") == Scenario()


class TestSources:
    def test_a_name(self) -> None:
        assert load("flaky-gateway") is named("flaky-gateway")
        assert named("flaky-gateway").name == "flaky-gateway"

    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("flakey", "flaky-gateway"),
            ("flaky", "flaky-gateway"),
            ("gateway", "flaky-gateway"),
            ("credits", "out-of-credits"),
            ("rate", "rate-limited"),
            ("stuck", "stuck-in-queue"),
            ("slo", "slow"),
        ],
    )
    def test_a_part_of_a_name_is_enough(self, name: str, meant: str) -> None:
        with pytest.raises(ScenarioError) as caught:
            load(name)
        assert str(caught.value) == f"there is no scenario '{name}'; did you mean '{meant}'?"

    def test_a_wrong_name_is_reported_with_the_nearest(self) -> None:
        with pytest.raises(ScenarioError) as caught:
            load("flaky-gatewy")
        assert str(caught.value) == "there is no scenario 'flaky-gatewy'; did you mean 'flaky-gateway'?"

    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            ("mine", "did you mean the file 'mine.yaml'?"),
            ("all", "'all' is a folder; give its files, such as all/*.yaml"),
        ],
    )
    def test_a_name_of_what_is_in_the_working_directory(
        self, name: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "mine.yaml").write_text("description: mine", encoding="utf-8")
        (tmp_path / "all").mkdir()
        with pytest.raises(ScenarioError) as caught:
            load(name)
        assert str(caught.value) == f"there is no scenario {name!r}; {hint}"

    def test_a_file(self, tmp_path: Path) -> None:
        file = tmp_path / "mine.yaml"
        file.write_text("seed: 7\n", encoding="utf-8")
        assert (load(file).seed, load(str(file)).seed, load(file).name) == (7, 7, "mine")

    def test_a_dict(self) -> None:
        assert load({"seed": 7}).seed == 7

    def test_several_separated_by_commas(self, tmp_path: Path) -> None:
        file = tmp_path / "mine.json"
        file.write_text('{"seed": 7}', encoding="utf-8")
        assert [each.name for each in load_all(f"flaky-gateway, {file}")] == ["flaky-gateway", "mine"]
        assert [each.name for each in load_all(["flaky-gateway", file])] == ["flaky-gateway", "mine"]

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("gone.yaml", None, "gone.yaml: cannot read it: No such file or directory"),
            ("notes.txt", b"seed: 7", "'notes.txt' is neither the name of a scenario nor a file that ends in .yaml"),
            ("latin.yaml", b"description: \xe9", "latin.yaml: it is not UTF-8"),
        ],
    )
    def test_a_file_that_cannot_be_read(
        self, name: str, content: bytes | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        if content is not None:
            Path(name).write_bytes(content)
        with pytest.raises(ScenarioError) as caught:
            load(name)
        assert caught.value.message.startswith(message)

    def test_a_byte_order_mark_is_let_be(self, tmp_path: Path) -> None:
        file = tmp_path / "bom.yaml"
        file.write_bytes(b"\xef\xbb\xbfseed: 7\n")
        assert read_file(file).seed == 7

    @pytest.mark.parametrize("source", [3, None, object(), b"x"])
    def test_what_is_no_source(self, source: object) -> None:
        with pytest.raises(ScenarioError, match="is not a scenario"):
            load(source)


def check_quickly(text: str, file: str) -> None:
    """A text is a scenario or one clear error, and soon."""
    began = time.perf_counter()
    outcome: Scenario | ScenarioError
    try:
        outcome = read_text(text, file)
    except ScenarioError as error:
        outcome = error
    if isinstance(outcome, ScenarioError):
        assert all(mistake.what and mistake.source for mistake in outcome.mistakes)
        lines = str(outcome).split("\n")
        assert len(lines) == 1 if len(outcome.mistakes) == 1 else len(lines) <= 22
    assert time.perf_counter() - began < BOUND_S


YAML_BITS = st.sampled_from(
    [
        *"{}[]:,-?&*!|>'\"%@`#\n\t ",
        *("---\n", "...\n", "&a ", "*a", "!!map ", "<<: ", "\\u", "\x00", "\ufeff", "\u2028"),
        *("rules", "on", "fault", "jobs", "stages", "queueing", "1", "1e9", "forever", "true", "null", "502"),
    ]
)


class TestFuzz:
    @settings(max_examples=choose(75, 1000))
    @given(st.one_of(st.text(max_size=300), st.lists(YAML_BITS, max_size=80).map("".join)))
    @example("a: " + "[" * 30_000)
    @example("[" * 60_000)
    @example("{" * 60_000)
    @example('{"a":' * 12_000)
    @example("- " * 30_000)
    @example("? " * 30_000)
    @example("a" + ": a" * 20_000)
    @example("'" + "x" * 60_000)
    @example("\n" * 60_000 + "x: [")
    @example("x: |\n" + " a\n" * 20_000)
    @example("a: &a [" + "&b [" * 10_000)
    @example("a: [" + "*a," * 20_000)
    @example("!" * 60_000)
    @example("%YAML 1.1\n" * 5_000)
    @example("seed: " + "9" * 60_000)
    @example('{"seed": ' + "9" * 60_000 + "}")
    @example('{"description": "\\ud800"}')
    def test_any_text_is_a_scenario_or_one_clear_error_soon(self, text: str) -> None:
        check_quickly(text, "my.yaml")
        check_quickly(text, "my.json")

    @settings(max_examples=choose(50, 500))
    @given(SCENARIOS, st.data())
    def test_so_is_a_scenario_with_a_bit_changed(self, plain: Plain, data: st.DataObject) -> None:
        text = json.dumps(plain, indent=1)
        at = data.draw(st.integers(0, len(text)))
        changed = text[:at] + data.draw(YAML_BITS) + text[at + data.draw(st.integers(0, 3)) :]
        check_quickly(changed, "my.yaml")
        check_quickly(changed, "my.json")

    def test_without_the_parser_in_c_it_is_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import yaml

        texts = [f"description: {name}\nrules:\n  - on: any\n    fault: {{http: 502}}\n" for name in names()]
        with_c = [read_text(text) for text in texts]
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
        assert [read_text(text) for text in texts] == with_c
        assert error_of("seed: &x 1").startswith("my.yaml:1: anchors and aliases")
