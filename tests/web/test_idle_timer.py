"""One timer for a connection, however many requests come and go."""

from web.idle_timer import IdleTimer


class Loop:
    """A clock that is set by hand, and the timers that were made by it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Handle] = []

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, function: object) -> "Handle":
        self.timers.append(Handle(self.now + seconds, function))
        return self.timers[-1]

    def go_to(self, moment: float) -> None:
        while due := sorted((each for each in self.timers if each.due(moment)), key=Handle.when):
            self.now = due[0].goes_off
            due[0].fire()
        self.now = moment


class Handle:
    """A timer."""

    def __init__(self, goes_off: float, function: object) -> None:
        self.goes_off = goes_off
        self.function = function
        self.over = False

    def when(self) -> float:
        return self.goes_off

    def due(self, moment: float) -> bool:
        return not self.over and self.goes_off <= moment

    def cancel(self) -> None:
        self.over = True

    def fire(self) -> None:
        self.over = True
        assert callable(self.function)
        self.function()


def made() -> tuple[Loop, IdleTimer, list[float]]:
    loop, ended = Loop(), []
    return loop, IdleTimer(loop, lambda: ended.append(loop.now)), ended


def test_it_goes_off_when_it_was_idle_for_so_long() -> None:
    loop, timer, ended = made()
    timer.begin(5)
    loop.go_to(4.9)
    assert ended == []
    loop.go_to(20)
    assert ended == [5]


def test_what_comes_meanwhile_puts_the_end_off_and_makes_no_timer() -> None:
    loop, timer, ended = made()
    for moment in range(4):
        loop.go_to(moment)
        timer.stop()
        timer.begin(5)
    assert len(loop.timers) == 1
    loop.go_to(20)
    assert ended == [8]


def test_while_busy_it_never_goes_off_and_is_made_anew_only_when_idle() -> None:
    loop, timer, ended = made()
    timer.begin(5)
    timer.stop()
    loop.go_to(100)
    assert ended == []
    assert len(loop.timers) == 1
    timer.begin(5)
    loop.go_to(200)
    assert ended == [105]


def test_a_nearer_end_is_kept() -> None:
    loop, timer, ended = made()
    timer.begin(60)
    timer.begin(1)
    loop.go_to(100)
    assert ended == [1]


def test_closed_it_calls_nothing() -> None:
    loop, timer, ended = made()
    timer.begin(5)
    timer.close()
    loop.go_to(100)
    assert ended == []
