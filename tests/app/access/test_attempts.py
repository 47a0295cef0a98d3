import pytest

from app.access.attempts import ADDRESSES_MOST, ALLOWED, SECONDS, Attempts, network


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def guess(attempts: Attempts, address: str, times: int) -> None:
    for number in range(times):
        attempts.note(address, b"%d" % number)


def test_one_who_guesses_is_shut_out_until_the_minute_is_over(clock: Clock) -> None:
    attempts = Attempts(clock)
    guess(attempts, "10.0.0.1", ALLOWED - 1)
    assert attempts.shut_out("10.0.0.1") == 0
    guess(attempts, "10.0.0.1", ALLOWED)
    clock.now += 20
    assert attempts.shut_out("10.0.0.1") == 40
    assert attempts.shut_out("10.0.0.2") == 0
    clock.now += 40
    assert attempts.shut_out("10.0.0.1") == 0


def test_one_who_repeats_a_wrong_token_is_told_to_wait_and_shuts_nobody_out(clock: Clock) -> None:
    attempts = Attempts(clock)
    waits = [attempts.note("10.0.0.1", b"same")[1] for _ in range(ALLOWED + 2)]
    assert waits == [0] * ALLOWED + [SECONDS, SECONDS]
    assert attempts.shut_out("10.0.0.1") == 0


def test_however_many_addresses_guess_only_so_many_are_remembered(clock: Clock) -> None:
    attempts = Attempts(clock)
    guess(attempts, "first", ALLOWED)
    for number in range(ADDRESSES_MOST * 2):
        guess(attempts, f"address {number}", ALLOWED * 2)
    assert len(attempts._windows) == ADDRESSES_MOST
    assert max(len(window.different) for window in attempts._windows.values()) == ALLOWED
    assert attempts.shut_out("first") == 0
    assert attempts.shut_out(f"address {ADDRESSES_MOST * 2 - 1}") > 0


@pytest.mark.parametrize(
    ("address", "same"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("not:an:address", "not:an:address"),
        ("", ""),
    ],
)
def test_a_client_is_known_by_what_it_has_of_its_own(address: str, same: str) -> None:
    assert network(address) == same
