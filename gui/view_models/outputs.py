"""The choice of outputs: two that are always there, the devices found, and the wanted one even while it is away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.receiver.options import DEFAULT_OUTPUT, NULL_OUTPUT
from core.receiver.status import OutputStatus
from gui.translation import translate
from gui.view_models.text import count, milliseconds


@dataclass(frozen=True, slots=True)
class OutputChoice:
    """``name`` is what a session takes, ``label`` what people read."""

    name: str
    label: str


def output_choices(devices: Iterable[str], wanted: str) -> list[OutputChoice]:
    """The entries of the combo box."""
    choices = [
        OutputChoice(DEFAULT_OUTPUT, translate("Outputs", "System default")),
        OutputChoice(NULL_OUTPUT, translate("Outputs", "No sound (null output)")),
        *(OutputChoice(device, device) for device in devices),
    ]
    if wanted not in {choice.name for choice in choices}:
        label = translate("Outputs", "{name} (not there now)").format(name=wanted)
        choices.append(OutputChoice(wanted, label))
    return choices


@dataclass(frozen=True, slots=True)
class OutputProblem:
    """Why nothing is heard; ``is_final`` unless it ends by itself as soon as the device works again."""

    text: str
    is_final: bool


def output_problem(output: OutputStatus | None) -> OutputProblem | None:
    """What the banner has to say about the output in use; ``None`` while there is nothing."""
    if output is None or output.problem is None:
        return None
    if not output.is_waiting:
        text = translate("Outputs", "{problem}; going on without sound")
    else:
        text = translate("Outputs", "{problem}; going on without sound until it returns, or choose another output")
    return OutputProblem(text.format(problem=output.problem), not output.is_waiting)


def output_text(output: OutputStatus | None) -> str:
    """One line about the output in use: its name, delay and device underflows."""
    if output is None:
        return translate("Outputs", "No output is open.")
    if not output.is_device:
        text = translate("Outputs", "No sound: played to a clock only")
        return f"{text} · {output.problem}" if output.problem else text
    text = translate("Outputs", "{name} · latency {latency} · xruns {xruns}").format(
        name=output.name, latency=milliseconds(output.latency_ms), xruns=count(output.xruns)
    )
    return f"{text} · {output.problem}" if output.problem else text
