"""What the fault tests share: a sky and a site to watch, a model that knows green, people who get mail.

Everything is real but the sky: real HTTP on loopback, the real daemon with its threads, its database
and its page, a real model file on ONNX Runtime. Time may run faster; :data:`CADENCE_S` of the watch's
own seconds lie between two looks.
"""

from tests.faults.harness.inbox import Inbox, Mail
from tests.faults.harness.invariants import Promises, Snapshot, check, check_watch, rows
from tests.faults.harness.process import aurorad, dark_here, soon, unexpected, write_config
from tests.faults.harness.sky import CADENCE_S, NIGHT, SLACK_S, SPEED, Sky, green_model, spells
from tests.faults.harness.watch import Notes, Watch, back_in_time, camera, watching

__all__ = [
    "CADENCE_S",
    "NIGHT",
    "SLACK_S",
    "SPEED",
    "Inbox",
    "Mail",
    "Notes",
    "Promises",
    "Sky",
    "Snapshot",
    "Watch",
    "aurorad",
    "back_in_time",
    "camera",
    "check",
    "check_watch",
    "dark_here",
    "green_model",
    "rows",
    "soon",
    "spells",
    "unexpected",
    "watching",
    "write_config",
]
