"""The exceptions: their tree, and what they carry."""

import copy
import pickle

import pytest

from linkwrap.errors import DomainError, InvalidToken, LinkWrapError, OptionError


@pytest.mark.parametrize("error", [InvalidToken, OptionError, DomainError])
def test_one_except_clause_catches_everything(error: type[Exception]) -> None:
    """Each exception is a LinkWrapError."""
    assert issubclass(error, LinkWrapError)


@pytest.mark.parametrize("error", [OptionError, DomainError])
def test_a_callers_fault_is_a_value_error(error: type[Exception]) -> None:
    """What a caller did wrong can be caught as a ValueError too, a bad token can not."""
    assert issubclass(error, ValueError)
    assert not issubclass(InvalidToken, ValueError)


def test_an_invalid_token_says_why() -> None:
    """The reason is an attribute, the message is for people."""
    error = InvalidToken("the signature does not match", reason="signature")
    assert error.reason == "signature"
    assert str(error) == "the signature does not match"


def test_an_invalid_token_needs_a_reason() -> None:
    """No InvalidToken is without a reason."""
    with pytest.raises(TypeError, match="reason"):
        InvalidToken("the signature does not match")  # type: ignore[call-arg]


def test_an_invalid_token_survives_pickle_and_copy() -> None:
    """An InvalidToken that crosses a process boundary keeps message, reason and notes."""
    error = InvalidToken("not in our form", reason="malformed")
    error.add_note("seen by the proxy")
    for again in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):  # noqa: S301
        assert type(again) is InvalidToken
        assert (str(again), again.reason, again.__notes__) == ("not in our form", "malformed", ["seen by the proxy"])


@pytest.mark.parametrize("error", [LinkWrapError, OptionError, DomainError])
def test_the_other_errors_survive_pickle(error: type[Exception]) -> None:
    """The exceptions without data keep their message in pickle."""
    again = pickle.loads(pickle.dumps(error("no key")))  # noqa: S301
    assert (type(again), str(again)) == (error, "no key")
