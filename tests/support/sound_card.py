"""A sound card made of software: a private PipeWire with null sinks, whose monitors hear what a user would hear.

Nothing of the machine is touched or needed: neither its sound hardware, nor a running PipeWire, nor its
ALSA configuration, nor a system bus, nor the right to real-time priorities (PipeWire only says it runs without).
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.support.processes import ChildProcess

SAMPLE_RATE_HZ: Final = 48_000
_READY_WITHIN_S = 15.0
_POLL_EVERY_S = 0.02
BYTES_PER_FRAME: Final = 8
"""A recorded frame: two channels of float32."""
_TAIL_S = 0.15
"""What is recorded on after the last instruction: more than the 10-40 ms that are still on their way to the sink."""

_DESKTOP_PERIODS: Final = (32, 1024, 2048)
"""PipeWire's own smallest, usual and largest period in samples, where it does not run in a virtual machine."""

_PROGRAMS = ("dbus-daemon", "pipewire", "wireplumber", "pw-cli", "pw-link", "pw-profiler", "pw-record")

_SINK = """
    {{ factory = adapter
       args = {{ factory.name = support.null-audio-sink node.name = "{name}" node.description = "{name}"
                media.class = Audio/Sink audio.position = [ FL FR ] audio.rate = 48000
                # A sink that falls asleep would cost the first tenths of a second of every sound.
                session.suspend-timeout-seconds = 0 priority.session = {priority} }} }}"""

_WIREPLUMBER_0_4: Final = {
    "main.lua.d/51-no-hardware.lua": (
        "alsa_monitor.enabled = false\nv4l2_monitor.enabled = false\nlibcamera_monitor.enabled = false\n"
        'default_access.properties["enable-flatpak-portal"] = false\n'
    ),
    "bluetooth.lua.d/51-no-hardware.lua": "bluez_monitor.enabled = false\n",
}
_WIREPLUMBER_0_5: Final = """
wireplumber.profiles = {
  main = {
    hardware.audio = disabled
    hardware.bluetooth = disabled
    hardware.video-capture = disabled
  }
}
"""

# No hooks into /etc/alsa: whichever plugin the machine calls `default`, here it is PipeWire's.
_ALSA_DEVICE = """
pcm.{name} {{ type pipewire server "pipewire-0" playback_node "{speaker}" capture_node "{microphone}" }}
ctl.{name} {{ type pipewire server "pipewire-0" }}
"""


class SoundCardError(RuntimeError):
    """The sound card could not be started or stopped responding; the message holds what its parts wrote."""


class SoundCard:
    """Starts on entering, and ends on leaving, a PipeWire with 48 kHz stereo null sinks.

    Child processes started with `environment` find it through PortAudio as ALSA's ``default`` and ``pipewire``:
    output goes to the first sink, input comes from the last sink's monitor. Each sink is also a device of
    its own name, for output to it and input from its monitor.
    """

    def __init__(self, sinks: Sequence[str] = ("ear", "mouth"), *, period: int | None = 512) -> None:
        """Name the sinks, and choose the ``period`` in samples at which all of the card is processed.

        ``None`` leaves it to the programs as a desktop does: the shortest that one of them asks for counts.

        Nothing is started yet. Whatever a process fails to deliver within one period is heard as a gap of that
        length, and a virtual machine may stall for about 5 ms at any time. Measured on one of two cores, a tone through
        PortAudio: 256 is the 10 ms path of a desktop, with a gap every few seconds; 512 had 2 gaps in 80 s,
        1024 had none. A device latency below 20 ms starves at 512, and below 30 ms at 1024. So: 256 to
        measure delay, 1024 to claim that nothing is missing.
        """
        self.sinks = tuple(sinks)
        self.period = period
        self._stack = ExitStack()
        self._daemons: list[ChildProcess] = []
        self._folder = Path()
        self.environment: dict[str, str] = {}
        """Variables that lead a child process to this card; to be laid over ``os.environ``."""

    def __enter__(self) -> Self:
        """Start everything and wait until each sink can be played to; takes about 0.2 s.

        Raises:
            SoundCardError: a program is missing, or a part is not ready within 15 s.
        """
        missing = [program for program in _PROGRAMS if shutil.which(program) is None]
        if missing:
            raise SoundCardError(f"not installed: {', '.join(missing)}; run 'resources/setup/system-packages.sh test'")
        with ExitStack() as stack:
            # Short on purpose: a socket's path may have 107 characters.
            self._folder = Path(tempfile.mkdtemp(prefix="ear-", dir="/tmp"))
            stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
            self._configure()
            self._start_daemons(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        self._daemons.clear()

    @contextmanager
    def record(self, sink: str, wav_path: Path) -> Iterator[None]:
        """Record what is played to ``sink`` while the body runs, into a float32 stereo WAV file of 48 kHz.

        The body starts when samples already arrive, and recording ends a little after it, so that what
        was on its way to the sink is heard, too.
        """
        with self._recording(wav_path, {"FL": (sink, "FL"), "FR": (sink, "FR")}):
            yield

    @contextmanager
    def record_side_by_side(self, left: str, right: str, wav_path: Path) -> Iterator[None]:
        """As `record`, but the file's left channel hears sink ``left`` and its right channel sink ``right``.

        Both channels share one clock: the shift between them is the delay from one sink to the other, to the sample.
        """
        with self._recording(wav_path, {"FL": (left, "FL"), "FR": (right, "FL")}):
            yield

    def play(self, sink: str, wav_path: Path) -> ChildProcess:
        """Start to play a sound file to ``sink``; the process ends when all is played. To be used with ``with``."""
        return self._child("pw-play", "--target", sink, str(wav_path))

    def links(self) -> str:
        """What is connected to what, as ``pw-link -l`` says it."""
        return self._ask("pw-link", "-l")

    def ports(self) -> set[str]:
        """All ports, as ``node:port``."""
        return {line.strip() for line in self._ask("pw-link", "-io").splitlines()}

    def connect(self, output_port: str, input_port: str) -> None:
        """Connect two ports, named ``node:port``; harmless if they are connected already.

        Raises:
            SoundCardError: there is no such port.
        """
        with self._child("pw-link", output_port, input_port) as child:
            code = child.wait(_READY_WITHIN_S)
            if code and "exists" not in child.text():
                raise SoundCardError(f"cannot connect {output_port} to {input_port}: {child.text()}")

    def _configure(self) -> None:
        """Write the private configuration of every part, and the variables that lead to it."""
        folder = self._folder
        config, state = folder / "config", folder / "state"
        least, usual, most = _DESKTOP_PERIODS if self.period is None else (self.period,) * 3
        sinks = "".join(_SINK.format(name=name, priority=2000 - 10 * at) for at, name in enumerate(self.sinks))
        files = {
            "pipewire/pipewire.conf.d/10-sinks.conf": (
                f"context.properties = {{ default.clock.rate = {SAMPLE_RATE_HZ} default.clock.quantum = {usual}"
                f" default.clock.min-quantum = {least} default.clock.max-quantum = {most}"
                # In a virtual machine PipeWire otherwise insists on 1024.
                f" vm.overrides = {{ default.clock.min-quantum = {least} }} }}\n"
                f"context.objects = [{sinks}\n]\n"
            ),
            "wireplumber/wireplumber.conf.d/51-no-hardware.conf": _WIREPLUMBER_0_5,
            **{f"wireplumber/{name}": text for name, text in _WIREPLUMBER_0_4.items()},
            "alsa.conf": "".join(_ALSA_DEVICE.format(**device) for device in self._alsa_devices()),
        }
        for name, text in files.items():
            path = config / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        state.mkdir()
        self.environment = {
            "XDG_RUNTIME_DIR": str(folder),
            "XDG_CONFIG_HOME": str(config),
            "XDG_STATE_HOME": str(state),
            "PIPEWIRE_RUNTIME_DIR": str(folder),
            "PIPEWIRE_REMOTE": "pipewire-0",
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={folder / 'bus'}",
            # Parts that look for real-time rights on a bus must not reach the machine's own.
            "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={folder / 'no-system-bus'}",
            "ALSA_CONFIG_PATH": str(config / "alsa.conf"),
            # Recording "from a sink" means from its monitor.
            "PIPEWIRE_ALSA": "{ stream.capture.sink = true }",
        }

    def _alsa_devices(self) -> Iterator[dict[str, str]]:
        """Every device by name. The file has no hooks into /etc/alsa: whichever plugin the machine calls
        ``default``, and whatever hardware it has, here it is PipeWire alone.
        """
        for name in ("default", "pipewire"):
            yield {"name": name, "speaker": self.sinks[0], "microphone": self.sinks[-1]}
        for sink in self.sinks:
            yield {"name": sink, "speaker": sink, "microphone": sink}

    def _start_daemons(self, stack: ExitStack) -> None:
        bus = self._folder / "bus"
        commands: list[tuple[tuple[str, ...], Callable[[], bool]]] = [
            (("dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address=unix:path={bus}"), bus.exists),
            (("pipewire",), self._sinks_exist),
            (("wireplumber",), self._sinks_have_ports),
        ]
        for command, ready in commands:
            daemon = stack.enter_context(ChildProcess(command, self.environment))
            self._daemons.append(daemon)
            self._wait_until(ready, f"{daemon.name} is not ready", daemon)

    def _sinks_exist(self) -> bool:
        nodes = self._ask("pw-cli", "ls", "Node")
        return all(f'node.name = "{sink}"' in nodes for sink in self.sinks)

    def _sinks_have_ports(self) -> bool:
        """Whether the session manager works: it is what gives the sinks their ports, and streams their sink."""
        ports = self.ports()
        return all({f"{sink}:playback_FL", f"{sink}:monitor_FR"} <= ports for sink in self.sinks)

    @contextmanager
    def _recording(self, wav_path: Path, sources: dict[str, tuple[str, str]]) -> Iterator[None]:
        """``sources``: channel of the file -> (sink, channel of its monitor)."""
        node = f"recorder-{wav_path.stem}-{time.monotonic_ns()}"
        arguments = ["--target", "0", "--format", "f32", "--rate", str(SAMPLE_RATE_HZ), "--channels", "2"]
        latency = "" if self.period is None else f'node.latency = "{self.period}/48000"'
        properties = f'{{ node.name = "{node}" {latency} }}'
        with self._child("pw-record", *arguments, "-P", properties, str(wav_path)) as recorder:
            inputs = {f"{node}:input_{channel}" for channel in sources}
            self._wait_until(lambda: inputs <= self.ports(), "pw-record has no ports", recorder)
            for channel, (sink, sink_channel) in sources.items():
                self.connect(f"{sink}:monitor_{sink_channel}", f"{node}:input_{channel}")
            self._wait_for_growth(wav_path, recorder)
            try:
                yield
            finally:
                self._wait_for_growth(wav_path, recorder)
                recorder.interrupt()  # pw-record then writes the file's length and closes it
                recorder.wait(_READY_WITHIN_S)

    def _wait_for_growth(self, wav_path: Path, recorder: ChildProcess) -> None:
        goal = _size(wav_path) + int(_TAIL_S * SAMPLE_RATE_HZ) * BYTES_PER_FRAME
        self._wait_until(lambda: _size(wav_path) >= goal, f"nothing is recorded into {wav_path}", recorder)

    def _wait_until(self, ready: Callable[[], bool], complaint: str, child: ChildProcess) -> None:
        deadline = time.monotonic() + _READY_WITHIN_S
        while not ready():
            if child.return_code is not None or time.monotonic() > deadline:
                state = f"after {_READY_WITHIN_S:g} s" if child.return_code is None else "since it ended"
                written = "\n".join(f"{each.name}: {each.text()}" for each in (*self._daemons, child))
                raise SoundCardError(f"{complaint} {state}; written so far:\n{written}")
            time.sleep(_POLL_EVERY_S)

    def _child(self, *arguments: str) -> ChildProcess:
        # The warnings about missing real-time rights would drown what matters.
        return ChildProcess(arguments, {**self.environment, "PIPEWIRE_DEBUG": "1"})

    def _ask(self, *arguments: str) -> str:
        with self._child(*arguments) as child:
            child.wait(_READY_WITHIN_S)
            return child.text("stdout")


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116
    except FileNotFoundError:
        return 0
