"""`seal` and `open_envelope`: the contract's vectors, a second crypto library, laws, and what is said of mistakes."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any, Final

import pytest
from Crypto.Cipher import AES
from Crypto.Util.Padding import pad
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_akool.webhooks import (
    Base64Error,
    EnvelopeError,
    KeyLengthError,
    PaddingError,
    PayloadError,
    SignatureError,
    open_envelope,
    seal,
)
from mock_akool.webhooks.envelope import signed
from tests.extent import choose

ID = "AAECAwQFBgcICQoLDA0ODw=="
SECRET = "nmwUjMAK0PJpl0MOiXLOOOwZADm0gkLo"
PAYLOAD = {"_id": "64dd90f9f0b6684651e90d60", "status": 3, "type": "image", "url": "https://a.test/b.jpeg"}

VECTORS = [
    (
        ID,
        '{"_id":"64dd90f9f0b6684651e90d60","status":4,"type":"image"}',
        "sBfo4mb3cxMdkCBj1rzzstEPueSOvbckbV2iYWUhmpeQ8+3nk08Wk+fYdYYMAjCQPg0UEo4Qvjs4iJMTvt4L7Q==",
        "c311110af91785b214f5906d4055aeb018bf69f5",
    ),
    (
        "short-id",
        '{"_id":"64dd90f9f0b6684651e90d60","status":2,"type":"image"}',
        "6vmGS5vKyqjerH7qjDyeXawdX/RS6NTIqRwvRb5PoC4BXPlMkgYT7DXAX8ref5ztc3bZxhsKSqkRj66KEOwW6Q==",
        "a97483c4a13514ecfd41560ccdb5707ed895f9f7",
    ),
]
"""The test vectors of contract section 9."""

EXAMPLES: Final = choose(30, 100)
ids = st.text(min_size=0, max_size=40)
secrets = st.sampled_from([16, 24, 32]).flatmap(
    lambda size: st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=size, max_size=size)
)
payloads = st.dictionaries(
    st.text(max_size=12),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=40), lambda each: st.lists(each), max_leaves=4
    ),
    max_size=6,
)


@pytest.mark.parametrize(("client_id", "plaintext", "data_encrypt", "signature"), VECTORS)
def test_the_contracts_vectors(client_id: str, plaintext: str, data_encrypt: str, signature: str) -> None:
    envelope = seal(plaintext, client_id, SECRET, timestamp=1710757981609, nonce="1529")
    assert envelope == {
        "signature": signature,
        "dataEncrypt": data_encrypt,
        "timestamp": 1710757981609,
        "nonce": "1529",
    }
    assert open_envelope(envelope, client_id, SECRET) == json.loads(plaintext)
    assert open_envelope(json.dumps(envelope), client_id, SECRET) == json.loads(plaintext)
    assert open_envelope(json.dumps(envelope).encode(), client_id, SECRET) == json.loads(plaintext)


@settings(max_examples=EXAMPLES)
@given(payload=payloads, client_id=ids, secret=secrets)
def test_what_is_sealed_can_be_opened(payload: dict[str, Any], client_id: str, secret: str) -> None:
    assert open_envelope(seal(payload, client_id, secret), client_id, secret) == payload


@settings(max_examples=EXAMPLES)
@given(plaintext=st.binary(max_size=200), client_id=ids, secret=secrets)
def test_a_second_library_makes_the_same_ciphertext(plaintext: bytes, client_id: str, secret: str) -> None:
    iv = client_id.encode()[:16].ljust(16, b"\0")
    other = AES.new(secret.encode(), AES.MODE_CBC, iv).encrypt(pad(plaintext, 16))
    assert base64.b64decode(seal(plaintext, client_id, secret)["dataEncrypt"]) == other


@settings(max_examples=EXAMPLES)
@given(payload=payloads, client_id=ids, timestamp=st.integers(0, 2**45), nonce=st.from_regex(r"\d{4}", fullmatch=True))
def test_the_signature_is_that_of_the_sorted_parts(
    payload: dict[str, Any], client_id: str, timestamp: int, nonce: str
) -> None:
    envelope = seal(payload, client_id, SECRET, timestamp=timestamp, nonce=nonce)
    parts = sorted([client_id, str(timestamp), nonce, envelope["dataEncrypt"]])
    assert envelope["signature"] == hashlib.sha1("".join(parts).encode()).hexdigest()


@settings(max_examples=EXAMPLES)
@given(data=st.data(), payload=payloads, client_id=ids, secret=secrets)
def test_any_flipped_bit_is_detected(data: st.DataObject, payload: dict[str, Any], client_id: str, secret: str) -> None:
    envelope = seal(payload, client_id, secret)
    name = data.draw(st.sampled_from(sorted(envelope)))
    whole = envelope[name]
    if isinstance(whole, int):
        changed: Any = whole ^ (1 << data.draw(st.integers(0, 44)))
    else:
        place = data.draw(st.integers(0, len(whole) - 1))
        flipped = chr(ord(whole[place]) ^ (1 << data.draw(st.integers(0, 6))))
        changed = whole[:place] + flipped + whole[place + 1 :]
    with pytest.raises(SignatureError):
        open_envelope(envelope | {name: changed}, client_id, secret)


@settings(max_examples=EXAMPLES)
@given(data=st.data(), payload=payloads)
def test_any_flipped_bit_of_the_json_is_detected(data: st.DataObject, payload: dict[str, Any]) -> None:
    body = bytearray(json.dumps(seal(payload, ID, SECRET)).encode())
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(EnvelopeError):
        open_envelope(bytes(body), ID, SECRET)


def test_a_drawn_nonce_has_four_digits_and_the_timestamp_is_in_milliseconds() -> None:
    envelope = seal(PAYLOAD, ID, SECRET)
    assert len(envelope["nonce"]) == 4
    assert envelope["nonce"].isdigit()
    assert 1.6e12 < envelope["timestamp"] < 1e14


@pytest.mark.parametrize("secret", ["", "my-key", "s" * 15, "s" * 17, "s" * 31, "s" * 33, "é" * 32])
def test_a_key_of_another_length_cannot_encrypt(secret: str) -> None:
    size = len(secret.encode())
    with pytest.raises(KeyLengthError, match=rf"the clientSecret has {size} bytes, .* AES takes a key of 16, 24 or 32"):
        seal(PAYLOAD, ID, secret)
    with pytest.raises(KeyLengthError, match=rf"the clientSecret has {size} bytes"):
        open_envelope(seal(PAYLOAD, ID, SECRET), ID, secret)


def test_a_letter_may_count_as_two_bytes_of_a_key() -> None:
    assert open_envelope(seal(PAYLOAD, ID, "é" * 16), ID, "é" * 16) == PAYLOAD


def test_another_client_id_has_another_signature() -> None:
    with pytest.raises(
        SignatureError, match=r"with this clientId give '[0-9a-f]{40}'\. Either the clientId is another"
    ):
        open_envelope(seal(PAYLOAD, ID, SECRET), "another", SECRET)


def test_an_upper_case_signature_is_wrong() -> None:
    envelope = seal(PAYLOAD, ID, SECRET)
    with pytest.raises(SignatureError):
        open_envelope(envelope | {"signature": envelope["signature"].upper()}, ID, SECRET)


def test_another_key_shows_in_the_padding() -> None:
    with pytest.raises(PaddingError, match=r"not PKCS#7 padding\. Either the clientSecret is another account's"):
        open_envelope(seal(PAYLOAD, ID, SECRET, timestamp=1, nonce="0001"), ID, SECRET[::-1])


def test_another_iv_shows_in_the_first_block() -> None:
    envelope = seal(PAYLOAD, ID, SECRET)
    from_other_iv = signed(base64.b64decode(envelope["dataEncrypt"]), "Z" + ID[1:], 1, "0001")
    with pytest.raises(PayloadError, match=r"no JSON object: .*the IV is, which is the first 16 bytes of the clientId"):
        open_envelope(from_other_iv, "Z" + ID[1:], SECRET)


def test_every_byte_of_the_padding_counts() -> None:
    """The mistake of receivers in the wild: to trust the last byte."""
    iv = ID.encode()[:16]
    badly_padded = b'{"status":3}' + b"\x01\x02\x03\x04"
    assert len(badly_padded) == 16
    envelope = signed(AES.new(SECRET.encode(), AES.MODE_CBC, iv).encrypt(badly_padded), ID, 1, "0001")
    with pytest.raises(PaddingError, match="01 02 03 04, which is not PKCS#7 padding"):
        open_envelope(envelope, ID, SECRET)


@pytest.mark.parametrize("size", [0, 1, 15, 17])
def test_ciphertext_comes_in_whole_blocks(size: int) -> None:
    with pytest.raises(PaddingError, match=f"dataEncrypt holds {size} bytes"):
        open_envelope(signed(b"x" * size, ID, 1, "0001"), ID, SECRET)


def test_what_is_no_base64_is_reported() -> None:
    whole = signed(b"x" * 16, ID, 1, "0001")
    cut = whole["dataEncrypt"][:-3]
    from mock_akool.webhooks.envelope import sign

    envelope = whole | {"dataEncrypt": cut, "signature": sign(ID, 1, "0001", cut)}
    with pytest.raises(Base64Error, match="dataEncrypt is no base64"):
        open_envelope(envelope, ID, SECRET)


@pytest.mark.parametrize(
    ("envelope", "said"),
    [
        ("{", "the envelope is no JSON"),
        (b"\xff", "the envelope is no JSON"),
        ("[]", "the envelope is no JSON object, but list"),
        ('{"_id":"1","status":3}', "the envelope's dataEncrypt is missing, and not a text"),
        ({"dataEncrypt": "", "nonce": 1234}, "the envelope's nonce is 1234, and not a text"),
        ({"dataEncrypt": "", "nonce": "", "signature": None}, "the envelope's signature is None, and not a text"),
        ({"dataEncrypt": "", "nonce": "", "signature": ""}, "timestamp is missing, and not a whole number"),
        (
            {"dataEncrypt": "", "nonce": "", "signature": "", "timestamp": "1"},
            "timestamp is '1', and not a whole number",
        ),
        ({"dataEncrypt": "", "nonce": "", "signature": "", "timestamp": True}, "timestamp is True"),
    ],
)
def test_what_is_no_envelope_is_reported(envelope: Any, said: str) -> None:
    with pytest.raises(EnvelopeError) as error:
        open_envelope(envelope, ID, SECRET)
    assert said in str(error.value)
    assert "An envelope is {signature, dataEncrypt, timestamp, nonce}" in str(error.value)


@pytest.mark.parametrize("text", ["", "null", "[1]", "3", '"a"', "{"])
def test_a_payload_that_is_no_object_is_reported(text: str) -> None:
    with pytest.raises(PayloadError, match="what was encrypted is no JSON object"):
        open_envelope(seal(text, ID, SECRET), ID, SECRET)


def test_every_error_is_an_envelope_error_of_its_own() -> None:
    kinds = [SignatureError, KeyLengthError, Base64Error, PaddingError, PayloadError]
    assert all(issubclass(kind, EnvelopeError) for kind in kinds)
