"""Where everything that a model or a repository wrote is executed: isolated backends, chosen by a probe run.

`choose` gives the strongest backend that holds on this machine; `describe` says what each enforces. Backends differ
only in how they build the cage; one `supervisor` program starts, watches and ends the commands in it.
"""

from sixfold.layers.testing.sandbox.bubblewrap import Bubblewrap
from sixfold.layers.testing.sandbox.opening import Backend
from sixfold.layers.testing.sandbox.policy import Enforced
from sixfold.layers.testing.sandbox.sandlock import Sandlock
from sixfold.layers.testing.sandbox.selection import NAMES, Tried, choose, describe
from sixfold.layers.testing.sandbox.workspace import IsolatedWorkspace

__all__ = ["NAMES", "Backend", "Bubblewrap", "Enforced", "IsolatedWorkspace", "Sandlock", "Tried", "choose", "describe"]
