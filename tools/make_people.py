"""Makes the table of people whose names are in tokens: `python -m tools.make_people`.

It is made once, with Faker, and kept: another release of Faker would draw other names, and the same seed would no
longer give the same bytes. Make it anew only to change the people of everybody's tests.
"""

from __future__ import annotations

from typing import Final

from faker import Faker

from mock_akool.server.people import FILE

_COUNT: Final = 1500
_SEED: Final = 20261128


def people() -> list[str]:
    """Return the lines of the table: a first name and an e-mail address of a reserved domain, each address once."""
    faker = Faker("en_US")
    faker.seed_instance(_SEED)
    found: dict[str, str] = {}
    while len(found) < _COUNT:
        found.setdefault(faker.ascii_safe_email(), faker.first_name())
    return [f"{name} {email}" for email, name in found.items()]


def main() -> None:
    """Write the table anew."""
    FILE.write_text("\n".join([*people(), ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
