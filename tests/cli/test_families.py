"""`mock-akool families`: the table of words says of each family what its endpoints say."""

from __future__ import annotations

from mock_akool.akool.families import FAMILIES
from tests.children import run_here


def test_each_create_has_a_line_with_its_words() -> None:
    shown = run_here("families")
    head, *lines = shown.stdout.splitlines()
    assert (shown.returncode, shown.stderr) == (0, "")
    assert head.split("  ")[0] == "FAMILY"
    told = [tuple(filter(None, map(str.strip, line.split("  ")))) for line in lines]
    assert [(name, create) for name, create, *_ in told] == [
        (family.name, create.endpoint) for family in FAMILIES for create in family.creates for _ in family.readings
    ]
    assert (
        "faceswap_v3",
        "specifyimage",
        "listbyids",
        "faceswap_status",
        "url",
        "the final address",
        "faceswap",
    ) in told
    assert ("faceswap_pro", "faceswapByImage", "listbyids", "faceswap_status", "url", "empty text", "faceswap") in told
    assert ("image_v3", "createbyprompt", "infobymodelid", "image_status", "image", "no key", "image") in told
    session = ("live_avatar", "liveAvatar/session/create", "liveAvatar/session/detail", "status", "-", "-", "-")
    assert session in told
