"""What becomes of the two clients in each scenario of the library: tests check it, and the docs show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Survival(NamedTuple):
    """How each client ends, whatever kind of job it is and whatever library sends its requests."""

    naive: str
    robust: str


PICTURE: Final = "gets the image"
BROKEN_FILE: Final = "saves a broken file"
NEVER_ENDS: Final = "never ends"
NO_ANSWER: Final = "crashes: no answer"
NO_JSON: Final = "crashes: no JSON"
MISSING_KEY: Final = "crashes: a key is missing"
PAYS_TWICE: Final = "gets the image, pays twice"

SURVIVAL: Final[Mapping[str, Survival]] = {
    "bad-key": Survival(MISSING_KEY, "gives up: refused with 1109"),
    "banned": Survival(MISSING_KEY, "gives up: refused with 1200"),
    "broken-files": Survival(BROKEN_FILE, PICTURE),
    "done-but-empty": Survival(MISSING_KEY, "gives up: the job is done, but has no image"),
    "double-charge": Survival(PAYS_TWICE, "gives up: paid, but the answer was lost"),
    "drops-connections": Survival(NO_ANSWER, PICTURE),
    "empty-list": Survival(PICTURE, PICTURE),
    "expired-files": Survival(BROKEN_FILE, "gives up: the file answers HTTP 403"),
    "fails": Survival(NEVER_ENDS, "gives up: the job failed"),
    "fails-late": Survival(NEVER_ENDS, "gives up: the job failed"),
    "flaky-gateway": Survival(NO_JSON, PICTURE),
    "garbage-bodies": Survival(NO_JSON, PICTURE),
    "happy": Survival(PICTURE, PICTURE),
    "late-answers": Survival(PAYS_TWICE, "gives up: paid, but the answer was lost"),
    "maintenance": Survival(NO_JSON, PICTURE),
    "no-face": Survival(PICTURE, PICTURE),
    "one-language-fails": Survival(PICTURE, PICTURE),
    "out-of-credits": Survival(MISSING_KEY, "gives up: refused with 1104"),
    # Videos come in batches, which the two clients do not order.
    "partial-batch": Survival(PICTURE, PICTURE),
    "rate-limited": Survival(MISSING_KEY, PICTURE),
    "runs-backwards": Survival(PICTURE, PICTURE),
    "session-busy": Survival(PICTURE, PICTURE),
    "session-expires": Survival(PICTURE, PICTURE),
    "slow": Survival(PICTURE, PICTURE),
    "stuck-in-queue": Survival(NEVER_ENDS, "gives up: the job does not end in time"),
    "stuck-processing": Survival(NEVER_ENDS, "gives up: the job does not end in time"),
    "swap-url-too-early": Survival(PICTURE, PICTURE),
    "token-expires": Survival(MISSING_KEY, PICTURE),
    "try-again-later": Survival(MISSING_KEY, PICTURE),
    "vanishing-job": Survival(MISSING_KEY, PICTURE),
    # These are about who receives webhooks, which the two clients, who poll, do not.
    **{
        f"webhook-{what}": Survival(PICTURE, PICTURE)
        for what in ("forged", "garbled", "late", "lost", "out-of-order", "twice")
    },
}
