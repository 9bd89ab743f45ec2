"""The sound devices to choose from."""

from __future__ import annotations

from core.audio.portaudio import PortAudio


def device_labels(look_again: bool = False) -> list[str]:
    """Labels of all output devices, as `core.receiver.options.ListenOptions.output` takes them.

    ``look_again`` makes PortAudio search anew, which ends every open stream: only while nothing plays.

    Raises:
        core.audio.output.OutputError: PortAudio is not installed.
    """
    portaudio = PortAudio()
    if look_again:
        portaudio.refresh()
    return [device.label for device in portaudio.outputs()]
