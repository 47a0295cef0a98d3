"""What a unit writes into the container environment: who sees it, and what the report says."""

from collections.abc import Callable

from tests.support.native_boot import NativeBoot

WRITE = 'printf %s "{1}" > $EDGEPAAS_RUN_DIR/env/{0}'
SHOW = 'echo "COLOUR=${COLOUR-unset}" >> seen'


def test_the_next_unit_inherits_what_a_unit_wrote_and_the_report_names_it(
    boot: NativeBoot,
) -> None:
    boot.oneshot("decide", f"{WRITE.format('COLOUR', 'blue')}; {WRITE.format('SIZE', '5')}")
    boot.oneshot("see", SHOW, requires="decide")
    boot.start()
    boot.wait("ready")
    assert boot.written("seen") == ["COLOUR=blue"]
    assert boot.entry("decide")["exported"] == ["COLOUR", "SIZE"]
    assert boot.entry("see")["exported"] == []


def test_a_unit_that_is_run_again_sees_what_it_was_given_and_not_what_it_wrote(
    new_boot: Callable[..., NativeBoot],
) -> None:
    boot = new_boot(COLOUR="original")
    boot.oneshot("decide", f"{SHOW}; {WRITE.format('COLOUR', 'blue')}")
    boot.oneshot("see", SHOW, requires="decide")
    boot.start()
    boot.wait("ready")
    boot.ctl("start", "decide")
    boot.wait_for(lambda: boot.entry("decide")["attempts"] == 2, "a second run")
    boot.wait_state("decide", "done")
    boot.ctl("start", "see")
    boot.wait_for(lambda: len(boot.written("seen")) == 4, "the fourth")
    assert boot.written("seen") == [
        "COLOUR=original",
        "COLOUR=blue",
        "COLOUR=original",
        "COLOUR=blue",
    ]


def test_a_value_overwritten_in_place_is_seen_too(boot: NativeBoot) -> None:
    boot.oneshot("one", WRITE.format("COLOUR", "blue"))
    boot.oneshot("two", WRITE.format("COLOUR", "grey"), requires="one")
    boot.oneshot("see", SHOW, requires="two")
    boot.start()
    boot.wait("ready")
    assert boot.written("seen") == ["COLOUR=grey"]
    assert boot.entry("two")["exported"] == ["COLOUR"]


def test_a_value_passes_whatever_it_holds(boot: NativeBoot) -> None:
    hostile = "a%b 'c' $(touch harm) \"d\" \\ ;é\nsecond line"
    boot.file("value", hostile)
    boot.oneshot("decide", "cp value $EDGEPAAS_RUN_DIR/env/COLOUR")
    boot.oneshot("see", 'printf %s "$COLOUR" > seen', requires="decide")
    boot.start()
    boot.wait("ready")
    assert (boot.directory / "seen").read_text() == hostile + "\n"
    assert not (boot.directory / "harm").exists()


def test_what_no_environment_can_hold_is_left_out_with_a_word(boot: NativeBoot) -> None:
    boot.oneshot("decide", r"printf 'a\000b' > $EDGEPAAS_RUN_DIR/env/COLOUR")
    boot.oneshot("see", SHOW, requires="decide")
    boot.start()
    boot.wait("ready")
    assert boot.written("seen") == ["COLOUR=unset"]
    assert "COLOUR holds a NUL byte, which no environment can: left out" in boot.messages()
