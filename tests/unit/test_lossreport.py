"""Reports of losses: at most once a second while tracing, and in total."""

from __future__ import annotations

import pytest

from tcpconnect.batch import Batch, Losses
from tcpconnect.lossreport import DROPPED, MEANING, PERIOD_S, LossReport
from tcpconnect.outputs.alerting import Alerting
from tcpconnect.outputs.service import Service


class Clock:
    """A time module whose clock is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Return the time that was set."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that the report goes by."""
    stopped = Clock()
    monkeypatch.setattr("tcpconnect.lossreport.time", stopped)
    return stopped


@pytest.fixture
def report(clock: Clock) -> LossReport:  # noqa: ARG001 (it must be there first)
    """A report that has said nothing yet."""
    return LossReport()


def warn(report: LossReport, losses: Losses) -> None:
    """Say what was lost until now, if it is time."""
    report.update(Batch([], losses, [], 0))


def said(capfd: pytest.CaptureFixture[str]) -> list[str]:
    """Return the lines on stderr since the last call."""
    out, err = capfd.readouterr()
    assert out == ""
    return [line.removeprefix("tcpconnect: ") for line in err.splitlines()]


def counts(lines: list[str]) -> list[str]:
    """Return the first words of warnings."""
    return [line.removeprefix("warning: ").split()[0] for line in lines]


def test_no_loss(report: LossReport, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing is reported if nothing was lost."""
    warn(report, Losses())
    report.total(Losses())
    assert said(capfd) == []


def test_first_loss(report: LossReport, capfd: pytest.CaptureFixture[str]) -> None:
    """The first loss is reported at once, with its meaning and the remedy."""
    warn(report, Losses(ring=7))
    (line,) = said(capfd)
    assert line == (
        "warning: 7 attempts lost: the ring buffer was full; "
        "write to a file, or trace less with -p, -u or -P"
    )


def test_once_a_second(
    report: LossReport, clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    """Within a second of a warning there is no other, however often it is asked."""
    for ring in range(1, 100):
        warn(report, Losses(ring=ring))
        clock.now += PERIOD_S / 100
    assert counts(said(capfd)) == ["1"]


def test_programs_without_probes(
    report: LossReport, clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    """What each start of a container increases is reported once, and in total."""
    for unprobed in (0, 3, 5):
        warn(report, Losses(unprobed=unprobed))
        clock.now += PERIOD_S
    assert counts(said(capfd)) == ["3"]
    report.total(Losses(unprobed=5))
    (line,) = said(capfd)
    assert line.startswith(
        "in total, 5 programs of this machine ended before their new"
    )


def test_next_second(
    report: LossReport, clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    """After a second the next warning has what was lost since the last one."""
    warn(report, Losses(ring=5))
    warn(report, Losses(ring=8))
    clock.now += PERIOD_S
    warn(report, Losses(ring=12))
    assert counts(said(capfd)) == ["5", "7"]


def test_no_news(
    report: LossReport, clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    """When no more was lost, nothing is reported again."""
    for _ in range(3):
        warn(report, Losses(ring=5))
        clock.now += PERIOD_S
    assert counts(said(capfd)) == ["5"]


def test_several_kinds(
    report: LossReport, clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each kind of loss has its line; one that did not grow has none."""
    warn(report, Losses(ring=1, untracked=2))
    clock.now += PERIOD_S
    warn(report, Losses(ring=1, untracked=5))
    assert counts(said(capfd)) == ["1", "2", "3"]


@pytest.mark.parametrize("kind", Losses.__struct_fields__)
def test_every_kind_has_a_meaning(
    report: LossReport, capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    """Whatever can be lost has words for it, in which the number stands."""
    losses = Losses(**{kind: 42})
    warn(report, losses)
    report.total(losses)
    warning, total = said(capfd)
    assert warning.startswith("warning: 42 ")
    assert total.startswith("in total, 42 ")


def test_no_other_meanings() -> None:
    """There are no words for what can't be lost."""
    assert set(MEANING) == set(Losses.__struct_fields__)


def test_total_has_all(
    report: LossReport, clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    """The total counts from the beginning, whatever was reported before."""
    warn(report, Losses(ring=5))
    clock.now += PERIOD_S
    warn(report, Losses(ring=6))
    report.total(Losses(ring=9, flows=2))
    actual = [line for line in said(capfd) if line.startswith("in total")]
    assert [line.split()[2] for line in actual] == ["9", "2"]


def test_attempts_without_alerts(
    report: LossReport, capfd: pytest.CaptureFixture[str]
) -> None:
    """Alerts write no attempts: those that came too fast were not checked."""
    slow = Service()
    slow.name, slow.dropped = Alerting.name, 7
    report.update(Batch([], Losses(), [], 0), [slow])
    report.total(Losses(), [slow])
    expected = "7 attempts not checked for alerts: that is too slow; trace less with"
    assert [
        line.startswith(f"{before}{expected}")
        for before, line in zip(("warning: ", "in total, "), said(capfd), strict=True)
    ] == [True, True]


def test_other_words() -> None:
    """They are those of an output that there is."""
    assert set(DROPPED) == {Alerting.name}
