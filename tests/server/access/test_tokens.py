"""Which tokens are believed, and which keys are taken."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from core.server.access.keys import Key, load_keys, private_key
from core.server.access.settings import AccessError, AccessSettings
from core.server.access.tokens import Claims, ExpiredTokenError, TokenError, TokenVerifier
from tests.fuzzing.tokens import CONTENTS, HEADERS, part, signed_by_hand
from tests.server.access.making import SECRET, claims, ec_key, private_pem, public_pem, rsa_key, token, with_secret

VERIFIER = TokenVerifier([Key("HS256", SECRET.encode())], AccessSettings(secret_env="X"))  # noqa: S106


def verifier(settings: AccessSettings) -> TokenVerifier:
    return TokenVerifier(load_keys(settings), settings)


def test_a_good_token_gives_what_it_says() -> None:
    found = VERIFIER.verify(token(streams=["main", "voice"], set=False))
    assert (found.subject, found.streams, found.may_set) == ("alice", frozenset({"main", "voice"}), False)
    assert found.allows("main")
    assert not found.allows("other")
    assert found.expires_unix_s == pytest.approx(time.time() + 65, abs=2)
    assert VERIFIER.verify(token()).allows("other")


def test_a_token_that_says_nothing_gives_nothing() -> None:
    found = VERIFIER.verify(token(sub=None, streams=None, set=None))
    assert found == Claims("", frozenset(), False, found.expires_unix_s)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"exp": None}, "lacks the claim 'exp'"),
        ({"exp": "soon"}, "malformed"),
        ({"exp": [1]}, "malformed"),
        ({"exp": float("nan")}, "malformed"),
        ({"nbf": int(time.time()) + 600}, "not valid yet"),
        ({"aud": "others"}, "another audience"),
        ({"streams": 5}, "'streams' is neither"),
        ({"streams": ["a", 5]}, "'streams' is neither"),
        ({"streams": "main"}, "'streams' is neither"),
        ({"set": 1}, "'set' is neither"),
        ({"set": "true"}, "'set' is neither"),
    ],
)
def test_a_claim_that_does_not_hold_is_named(more: dict[str, Any], words: str) -> None:
    with pytest.raises(TokenError, match=words):
        VERIFIER.verify(signed_by_hand({"alg": "HS256", "typ": "JWT"}, claims(**more)))


@pytest.mark.parametrize("subject", [5, ["alice"], {"a": 1}])
def test_a_subject_is_a_name(subject: object) -> None:
    with pytest.raises(TokenError, match="malformed"):
        VERIFIER.verify(signed_by_hand({"alg": "HS256"}, claims(sub=subject)))


def test_clocks_may_differ_by_the_leeway_and_no_more() -> None:
    now_s = int(time.time())
    assert VERIFIER.verify(token(exp=now_s - 2, nbf=now_s + 3)).expires_unix_s == now_s + 3
    with pytest.raises(ExpiredTokenError, match="has expired"):
        VERIFIER.verify(token(exp=now_s - 8))


def test_the_star_means_all_streams_in_a_list_as_well() -> None:
    for streams in ("*", ["*"], ["main", "*"]):
        assert VERIFIER.verify(token(streams=streams)).allows("voice")
    assert not VERIFIER.verify(token(streams=["mai*"])).allows("main")


def test_an_expiry_beyond_all_reckoning_is_the_year_3000() -> None:
    for expiry in (1e300, 10**400):
        assert VERIFIER.verify(token(exp=expiry)).expires_unix_s < 33_000_000_000


def test_audience_and_issuer_have_to_be_those_of_the_server(tmp_path: Path) -> None:
    strict = verifier(with_secret(tmp_path, audience="radio", issuer="desk"))
    assert strict.verify(token(aud=["tv", "radio"], iss="desk")).subject == "alice"
    for more, words in (
        ({"iss": "desk"}, "lacks the claim 'aud'"),
        ({"aud": "radio"}, "lacks the claim 'iss'"),
        ({"aud": "tv", "iss": "desk"}, "another audience"),
        ({"aud": "radio", "iss": "mallory"}, "another issuer"),
    ):
        with pytest.raises(TokenError, match=words):
            strict.verify(token(**more))


def test_a_token_without_a_signature_is_not_believed() -> None:
    unsigned = jwt.encode(claims(), None, "none")
    for candidate in (unsigned, unsigned + "AA", f"{part({'alg': 'none'})}.{part(claims())}.", token(SECRET[::-1])):
        with pytest.raises(TokenError):
            VERIFIER.verify(candidate)
    for algorithm in ("HS384", "HS512"):
        with pytest.raises(TokenError, match="not signed with the key"):
            VERIFIER.verify(token(SECRET * 2, algorithm))


@pytest.mark.parametrize(("make", "algorithm"), [(rsa_key, "RS256"), (ec_key, "ES256")])
def test_a_public_key_decides_the_algorithm(tmp_path: Path, make: Any, algorithm: str) -> None:
    key, file = make(), tmp_path / "public.pem"
    file.write_bytes(public_pem(key))
    checking = verifier(AccessSettings(public_key_file=file))
    assert checking.verify(token(key, algorithm)).subject == "alice"
    # The public key, known to all, as a secret (RFC 8725 §2.1).
    for secret in (public_pem(key), public_pem(key).strip()):
        with pytest.raises(TokenError, match="not signed with the key"):
            checking.verify(signed_by_hand({"alg": "HS256"}, claims(), secret))
    with pytest.raises(TokenError):
        checking.verify(jwt.encode(claims(), None, "none") + "AA")


def key_set(*keys: dict[str, Any]) -> str:
    return json.dumps({"keys": keys})


def as_jwk(key: Any, **more: Any) -> dict[str, Any]:
    algorithm = jwt.algorithms.RSAAlgorithm if key is rsa_key() else jwt.algorithms.ECAlgorithm
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), **more}


def test_a_key_set_knows_its_keys_by_name(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(key_set(as_jwk(rsa_key(), kid="r"), as_jwk(ec_key(), kid="e"), as_jwk(ec_key(), use="enc")))
    checking = verifier(AccessSettings(jwks_file=file))
    assert checking.verify(token(rsa_key(), "RS256", {"kid": "r"})).subject == "alice"
    assert checking.verify(token(ec_key(), "ES256", {"kid": "e"})).subject == "alice"
    for headers in ({"kid": "x"}, {}):
        with pytest.raises(TokenError, match="names no key"):
            checking.verify(token(ec_key(), "ES256", headers))
    with pytest.raises(TokenError, match="not signed"):
        checking.verify(token(ec_key(), "ES256", {"kid": "r"}))
    file.write_text(key_set(as_jwk(ec_key(), kid="only")))
    assert verifier(AccessSettings(jwks_file=file)).verify(token(ec_key(), "ES256")).subject == "alice"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "holds no key set"),
        ("[]", "holds no key set"),
        ('{"keys": 5}', "holds no key set"),
        ('{"keys": [5]}', "holds no key set"),
        (key_set(), "holds no key for signatures"),
        (key_set({"kty": "oct", "k": "c2VjcmV0"}), "not a public key"),
        (key_set({"kty": "RSA"}), "cannot be used"),
        (key_set({"kty": "EC", "crv": "P-256", "x": "!", "y": 5}), "cannot be used"),
    ],
)
def test_a_key_set_that_cannot_be_is_one_line(tmp_path: Path, content: str, words: str) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(content)
    with pytest.raises(AccessError, match=words) as refused:
        load_keys(AccessSettings(jwks_file=file))
    assert "\n" not in str(refused.value)


def test_keys_that_cannot_be_told_apart_or_are_for_something_else_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    for content, words in (
        (key_set(as_jwk(ec_key()), as_jwk(rsa_key())), "a 'kid' of its own"),
        (key_set(as_jwk(rsa_key(), alg="RS512")), "for another algorithm than RS256"),
        (key_set(jwk_of_weak_rsa()), "1024 bits"),
    ):
        file.write_text(content)
        with pytest.raises(AccessError, match=words):
            load_keys(AccessSettings(jwks_file=file))


def jwk_of_weak_rsa() -> dict[str, Any]:
    return dict(jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key(1_024).public_key(), as_dict=True))


def test_secrets_that_are_weak_or_none_are_refused_and_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    for content, words in ((b"geheim\n", "has 6 bytes"), (public_pem(rsa_key()), "is a key or certificate")):
        file.write_bytes(content)
        with pytest.raises(AccessError, match=words) as refused:
            load_keys(AccessSettings(secret_file=file))
        assert "geheim" not in str(refused.value)
    with pytest.raises(AccessError, match="cannot be read: No such file"):
        load_keys(AccessSettings(secret_file=tmp_path / "nothing"))
    monkeypatch.delenv("OPUSCOPE_TEST_SECRET", raising=False)
    named = AccessSettings(secret_env="OPUSCOPE_TEST_SECRET")  # noqa: S106 - its name
    with pytest.raises(AccessError, match="OPUSCOPE_TEST_SECRET for the token secret is not set"):
        load_keys(named)
    monkeypatch.setenv("OPUSCOPE_TEST_SECRET", SECRET)
    assert verifier(named).verify(token()).subject == "alice"
    assert SECRET not in repr(load_keys(named))


def test_public_keys_of_other_kinds_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    for content, words in (
        (b"", "holds no public key"),
        (private_pem(ec_key()), "holds no public key"),
        (public_pem(ec.generate_private_key(ec.SECP384R1())), "of another kind"),
        (public_pem(rsa_key(1_024)), "has 1024 bits"),
    ):
        file.write_bytes(content)
        with pytest.raises(AccessError, match=words):
            load_keys(AccessSettings(public_key_file=file))
    file.write_bytes(public_pem(ec_key()))
    with pytest.raises(AccessError, match="no private key"):
        private_key(file)


def believed(candidate: str) -> bool:
    try:
        VERIFIER.verify(candidate)
    except TokenError as error:
        assert "\n" not in str(error)
        assert candidate[:200] not in str(error) or len(candidate) < 12
        return False
    return True


@given(st.one_of(st.text(), st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape"))))
def test_any_text_is_refused(candidate: str) -> None:
    assert not believed(candidate)


@given(st.lists(st.binary(max_size=60), min_size=3, max_size=3))
def test_any_bytes_in_the_clothes_of_a_token_are_refused(parts: list[bytes]) -> None:
    assert not believed(".".join(base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in parts))


@settings(max_examples=300)
@given(HEADERS, CONTENTS)
def test_signed_nonsense_is_refused_or_holds_what_can_be_reckoned_with(header: dict[str, Any], content: object) -> None:
    candidate = signed_by_hand(header, content)
    try:
        found = VERIFIER.verify(candidate)
    except TokenError:
        return
    assert isinstance(found.subject, str)
    assert 0 < found.expires_unix_s < 33_000_000_000
    assert round(found.expires_unix_s * 1e9) > 0


@given(st.data())
def test_a_token_that_was_tampered_with_is_refused(data: st.DataObject) -> None:
    good = token()
    at = data.draw(st.integers(0, len(good.rpartition(".")[0]) - 1))
    letter = data.draw(st.sampled_from("ABCxyz019-_."))
    if good[at] != letter:
        assert not believed(good[:at] + letter + good[at + 1 :])
