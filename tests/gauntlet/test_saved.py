"""Files that a client saves are judged by their bytes: whether they are what the server sent."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import requests
from PIL import Image

from mock_akool import MockAkool, SettingsError, gauntlet
from mock_akool.gauntlet import Judgement, Verdict
from mock_akool.gauntlet.saved import Folder
from tests.gauntlet.clients import API, GaveUpError

KEY: Final = {"x-api-key": "my-key"}
CREATE: Final = f"{API}/v3/content/image/createbyprompt"
POLL: Final = f"{API}/v3/content/image/infobymodelid"


def fetched() -> bytes:
    """Return the file of a job, or whatever came for it."""
    job = requests.post(CREATE, json={"prompt": "a fox"}, headers=KEY, timeout=30).json()["data"]
    while job["image_status"] != 3:
        time.sleep(3)
        job = requests.get(POLL, params={"image_model_id": job["_id"]}, headers=KEY, timeout=30).json()["data"]
    return requests.get(job["image"], timeout=30).content


def as_png(content: bytes) -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        image.resize((64, 64)).save(out, "PNG")
    return out.getvalue()


def judged(folder: Path, save: Callable[[Path, bytes], object], scenario: Any = "happy", **options: Any) -> Judgement:
    def client(mock: MockAkool) -> None:
        save(folder, fetched())

    (found,) = gauntlet.run(client, scenarios=[scenario], saves_to=folder, **options).judgements
    return found


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("a.jpg", lambda content: content),
        ("images/deep/a.jpg", lambda content: content),
        ("no-suffix", lambda content: content),
        ("a.png", as_png),
        ("a.mp4", lambda content: b"another format"),
    ],
)
def test_a_file_is_right_as_it_came_and_as_another_image(
    name: str, changed: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    def save(folder: Path, content: bytes) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(changed(content))

    found = judged(tmp_path, save)
    assert (found.verdict, found.findings) == (Verdict.SURVIVED, ())


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (lambda content: content[:1000], "a.jpg has only the first 1,000 of "),
        (lambda content: content[:700] + content, "a.jpg has 700 bytes of something else before the "),
        (lambda content: content.decode("utf-8", "replace").encode(), "a.jpg was read as text, which spoils its bytes"),
        (lambda content: content.decode("latin-1").encode(), "a.jpg was read as text, which spoils its bytes"),
        (lambda content: b"", "a.jpg is empty"),
        (lambda content: b"\xff\xd8 nonsense", "a.jpg is neither what the server sent nor an image that can be read"),
    ],
)
def test_a_file_that_is_not_what_the_server_sent_is_found(
    changed: Callable[[bytes], bytes], said: str, tmp_path: Path
) -> None:
    found = judged(tmp_path, lambda folder, content: (folder / "a.jpg").write_bytes(changed(content)))
    assert found.verdict is Verdict.FAILED
    (finding,) = found.findings
    assert finding.name == "broken file kept"
    assert said in finding.what


def test_a_page_that_was_saved_as_a_file_is_named_by_its_call(tmp_path: Path) -> None:
    scenario = {"rules": [{"on": "file", "fault": {"http": 503, "body": "<html>busy</html>"}}]}
    found = judged(tmp_path, lambda folder, content: (folder / "a.jpg").write_bytes(content), scenario)
    (finding,) = found.findings
    call = found.story.calls[-1]
    assert f"a.jpg is no file, but what #{call.number} was answered with, HTTP 503" in finding.what
    assert finding.calls == (call.number,)


def test_a_good_file_counts_although_the_last_download_was_broken(tmp_path: Path) -> None:
    def client(mock: MockAkool) -> None:
        (tmp_path / "a.jpg").write_bytes(fetched())
        file = next(call.path for call in mock.calls if call.path.endswith(".jpg"))
        with pytest.raises(requests.RequestException):
            requests.get(f"https://d2qf6ukcym4kn9.cloudfront.net{file}", timeout=30).raise_for_status()

    scenario = {"rules": [{"on": "file", "nth": 2, "fault": {"http": 503}}]}
    (found,) = gauntlet.run(client, scenarios=[scenario], saves_to=str(tmp_path)).judgements
    assert found.findings == ()
    (unknown,) = gauntlet.run(client, scenarios=[scenario]).judgements
    assert [each.name for each in unknown.findings] == ["broken file kept"]


def test_a_client_that_saves_nothing_has_no_file(tmp_path: Path) -> None:
    found = judged(tmp_path, lambda folder, content: (folder / "log.txt").write_text("I have it"))
    (finding,) = found.findings
    number = found.story.calls[-1].number
    assert (finding.name, finding.what, finding.calls) == (
        "nothing saved",
        f"nothing was saved in {tmp_path}, though the client downloaded #{number} completely; does it save elsewhere? "
        "(saves_to)",
        (number,),
    )


def test_a_client_that_downloads_and_saves_nothing_ended_without_a_file(tmp_path: Path) -> None:
    def client(mock: MockAkool) -> None:
        requests.post(CREATE, json={"prompt": "a fox"}, headers=KEY, timeout=30)

    (found,) = gauntlet.run(client, scenarios=["happy"], saves_to=tmp_path).judgements
    (finding,) = found.findings
    assert (finding.name, finding.what) == (
        "ended without a file",
        "the client ended as if all was well, but it saved no file",
    )


def test_what_was_there_before_is_not_judged_unless_it_is_written_again(tmp_path: Path) -> None:
    (tmp_path / "old.jpg").write_bytes(b"nonsense")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "old.jpg")
    assert judged(tmp_path, lambda folder, content: (folder / "a.jpg").write_bytes(content)).findings == ()
    found = judged(tmp_path, lambda folder, content: (folder / "old.jpg").write_bytes(b"NONSENSE"))
    assert "old.jpg is neither" in found.findings[0].what


def test_a_client_that_gives_up_may_leave_something_behind(tmp_path: Path) -> None:
    def save(folder: Path, content: bytes) -> None:
        (folder / "a.jpg").write_bytes(content[:10])
        raise GaveUpError("no")

    assert judged(tmp_path, save, {"expect": {"outcome": "either"}}).verdict is Verdict.GAVE_UP


def test_the_folder_is_made_and_what_cannot_be_one_is_refused(tmp_path: Path) -> None:
    Folder(tmp_path / "new" / "one")
    assert (tmp_path / "new" / "one").is_dir()
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"saves_to: .*file cannot be a folder: File exists; name a folder"):
        Folder(tmp_path / "file")


def test_what_cannot_be_read_or_is_too_large_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, lstat = Path.read_bytes, Path.lstat

    def failing(real: Callable[[Path], Any], name: str) -> Callable[[Path], Any]:
        def call(self: Path) -> Any:
            if self.name == name:
                raise PermissionError(name)
            return real(self)

        return call

    def save(folder: Path, content: bytes) -> None:
        for name in ("secret.jpg", "gone.jpg"):
            (folder / name).write_bytes(b"nonsense")
        with (folder / "large.jpg").open("wb") as file:
            file.truncate((64 << 20) + 1)
        (folder / "a.jpg").write_bytes(content)
        monkeypatch.setattr(Path, "read_bytes", failing(read, "secret.jpg"))
        monkeypatch.setattr(Path, "lstat", failing(lstat, "gone.jpg"))

    assert judged(tmp_path, save).findings == ()
