"""Claims about the child processes that other tests start."""

from __future__ import annotations

import signal

import psutil
import pytest

from tests.support.processes import ChildProcess, UnexpectedEndError, python

_WAITS_FOR_EVER = "import signal; print('ready'); signal.pause()"
_IGNORES_SIGTERM = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {_WAITS_FOR_EVER}"


def test_a_line_is_found_on_either_stream() -> None:
    with python("-c", "import sys; print('one 1'); print('two 2', file=sys.stderr)") as child:
        assert child.wait_for_line(r"one (\d)")[1] == "1"
        assert child.wait_for_line(r"two (\d)")[1] == "2"
        assert child.wait() == 0
        assert (child.text("stdout"), child.text("stderr")) == ("one 1", "two 2")


def test_since_leaves_out_what_was_said_before() -> None:
    with python("-c", "print('a 1'); print('a 2')") as child:
        assert child.wait_for_line(r"a (\d)", since=1)[1] == "2"


def test_waiting_for_a_line_that_never_comes_reports_what_came_instead() -> None:
    with (
        python("-c", "print('something else'); raise SystemExit(3)") as child,
        pytest.raises(UnexpectedEndError, match="something else"),
    ):
        child.wait_for_line("never")
    assert child.return_code == 3


def test_waiting_for_a_line_is_bounded() -> None:
    with python("-c", _WAITS_FOR_EVER) as child:
        child.wait_for_line("ready")
        with pytest.raises(TimeoutError, match="ready"):
            child.wait_for_line("never", timeout_s=0.05)


def test_an_interrupt_ends_a_process_as_ctrl_c_does() -> None:
    with python("-c", _WAITS_FOR_EVER) as child:
        child.wait_for_line("ready")
        child.interrupt()
        assert child.wait() == -signal.SIGINT
        assert "KeyboardInterrupt" in child.text("stderr")


def test_stop_reaps_the_process_and_may_be_repeated() -> None:
    with python("-c", _WAITS_FOR_EVER) as child:
        child.wait_for_line("ready")
        assert child.stop() == -signal.SIGTERM
        assert child.stop() == -signal.SIGTERM
    assert not psutil.pid_exists(child.pid)


def test_a_process_that_ignores_sigterm_is_killed_after_the_bound() -> None:
    with python("-c", _IGNORES_SIGTERM) as child:
        child.wait_for_line("ready")
        assert child.stop(timeout_s=0.1) == -signal.SIGKILL


def test_what_the_process_started_ends_with_it() -> None:
    starts_another = (
        "import subprocess, sys, signal;"
        f"inner = subprocess.Popen([sys.executable, '-c', {_WAITS_FOR_EVER!r}]);"
        "print('inner', inner.pid); signal.pause()"
    )
    with python("-c", starts_another) as child:
        inner = psutil.Process(int(child.wait_for_line(r"inner (\d+)")[1]))
        child.wait_for_line("ready")
    psutil.wait_procs([inner], timeout=5)
    assert not inner.is_running() or inner.status() == psutil.STATUS_ZOMBIE


def test_a_program_that_is_not_there_is_said_at_once() -> None:
    with pytest.raises(FileNotFoundError):
        ChildProcess(["no-such-program-anywhere"])
