"""Settings: one frozen object, read once. Flag > `SIXFOLD_*` > project `sixfold.toml` > user `config.toml` > default.

A project file comes with a repository, so it is not trusted: it may make sandbox, budget and approval stricter, never
wider, and may not name programs to run. An unknown key anywhere is an error with the nearest known name, because a
cap with a typing error in its name is no cap.
"""

from __future__ import annotations

import difflib
import shlex
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from sixfold.domain.data import Data, from_json, to_json
from sixfold.domain.errors import ConfigurationError, InvalidData, StorageError
from sixfold.domain.language import Profile
from sixfold.domain.run import Budget, Options

ROLES = ("analyst", "architect", "coder", "tester", "reviewer")
ALL_ROLES = (*ROLES, "expert")
"""The last may be without a model: nobody stands in for it."""
PROJECT_FILE = "sixfold.toml"


class Setting(Data, frozen=True, kw_only=True):
    """One key with its value and where that came from, for `config show --origin`."""

    key: str
    value: Any
    origin: str
    """`default`, `flag`, `SIXFOLD_…`, or the path of a file."""


class Settings(Data, frozen=True, kw_only=True):
    """Everything an operator can set, already checked."""

    home: Path
    """State folder: runs, cassettes, reports, the database."""
    shared_environments: Path | None = None
    """Folder of installed toolchains and packages that several state folders share; None = each has its own."""
    database_url: str = ""
    """PostgreSQL for the engine; empty = one SQLite file a run."""
    models: tuple[tuple[str, str], ...] = ()
    """(role, model) pairs; role `*` is the default model."""
    sandbox: str = "auto"
    """`auto`, or the name of a backend."""
    sandbox_image: str = ""
    """Image for Docker and Podman; empty = none, this machine's programs are mounted read-only."""
    clarify: str = "auto"
    unanswered: str = "wait"
    plan: str = "auto"
    review: str = "risky"
    budget: Budget = Budget()
    phase_budget: Budget = Budget()
    task_budget: Budget = Budget()
    timeout_s: float | None = None
    max_questions: int = 5
    max_repairs: int = 3
    edit_format: str = "auto"
    candidates: int = 3
    languages: tuple[Profile, ...] = ()
    parallel: int = 4
    stubs: bool = True
    """Whether a task on the critical path may begin on stand-ins for contracts whose providers are not done."""
    packages: tuple[str, ...] = ()
    min_package_age_days: float = 7.0
    """Packages uploaded later than so many days ago are not installed."""
    scan_semgrep: str = "auto"
    """`auto` (the Semgrep on PATH, if any), `off`, or the path of the program."""
    step_summary: Path | None = None
    """File a job's page shows (`GITHUB_STEP_SUMMARY`); a summary of each stop of a run is added to it."""
    listing: tuple[Setting, ...] = ()
    """Every key, in the order of the documentation."""

    @property
    def environments(self) -> Path:
        """Where installed toolchains and packages lie."""
        return self.shared_environments or self.home / "environments"

    def options(self) -> Options:
        """The options a new run gets when no flag says otherwise."""
        return from_json(
            {
                "models": self.models,
                "clarify": self.clarify,
                "unanswered": self.unanswered,
                "plan": self.plan,
                "review": self.review,
                "budget": {"usd": self.budget.usd, "tokens": self.budget.tokens},
                "phase_budget": {"usd": self.phase_budget.usd, "tokens": self.phase_budget.tokens},
                "task_budget": {"usd": self.task_budget.usd, "tokens": self.task_budget.tokens},
                "timeout_s": self.timeout_s,
                "max_questions": self.max_questions,
                "max_repairs": self.max_repairs,
                "edit_format": self.edit_format,
                "candidates": self.candidates,
                "languages": to_json(self.languages),
                "parallel": self.parallel,
                "stubs": self.stubs,
                "packages": self.packages,
            },
            Options,
        )


class _Refused(Exception):
    """A value does not fit its key; the text says what would."""


def _choice(*values: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in values:
            raise _Refused(f"one of {', '.join(values)}")
        return str(value)

    return read


def _number(kind: type[int] | type[float], least: float) -> Callable[[Any], int | float]:
    def read(value: Any) -> int | float:
        try:
            if isinstance(value, bool):
                raise ValueError
            number = kind(value)
            if isinstance(value, float) and number != value:
                raise ValueError
        except (TypeError, ValueError, OverflowError):
            raise _Refused(f"a{' whole' if kind is int else ''} number") from None
        if not least <= number < float("inf"):
            raise _Refused(f"a number from {least:g} up")
        return number

    return read


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value not in ("true", "false"):
        raise _Refused("true or false")
    return bool(value == "true")


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Refused("a text")
    return value


def _model(value: Any) -> str:
    if not isinstance(value, str) or not value.partition(":")[2].strip() or not value.partition(":")[0].strip():
        raise _Refused("PROVIDER:NAME, relay:DIR, command:PROGRAM or replay:DIR")
    return value


def _profiles(value: Any) -> tuple[Profile, ...]:
    """`[languages.NAME]` tables: test commands that run in the sandbox and nowhere else, so a project may name them."""
    if value == ():
        return ()
    if not isinstance(value, dict) or not all(isinstance(table, dict) for table in value.values()):
        raise _Refused("a table of tables: [languages.NAME] with files and test")
    found = []
    for name, table in value.items():
        content = dict(table)
        variables = content.pop("environment", {})
        if not isinstance(variables, dict) or not content.get("test"):
            raise _Refused(f"[languages.{name}] with a test command, a list of words")
        try:
            pairs = sorted((str(key), str(item)) for key, item in variables.items())
            found.append(from_json({**content, "name": name, "environment": pairs}, Profile))
        except InvalidData as error:
            raise _Refused(f"a profile in [languages.{name}] ({error.why or error.what})") from None
    return tuple(found)


def _names(value: Any) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise _Refused("a list of package names")
    return tuple(name.strip() for name in names if name.strip())


class _Key(Data, frozen=True, kw_only=True):
    name: str
    read: Callable[[Any], Any]
    default: Any = None
    strictness: tuple[str, ...] | None = None
    """Values from widest to strictest: a project file may only go up."""
    project: str = "free"
    """`free`, `lower` (a number that may only fall), `stricter`, `provider` (no local programs), `never`."""


_KEYS = {
    key.name: key
    for key in (
        _Key(name="home", read=_text, project="never"),
        _Key(name="environments", read=_text, default="", project="never"),
        _Key(name="database_url", read=_text, default="", project="never"),
        _Key(name="model", read=_model, default="", project="provider"),
        *(_Key(name=f"roles.{role}", read=_model, default="", project="provider") for role in ALL_ROLES),
        _Key(name="sandbox", read=_text, default="auto", project="never"),
        _Key(name="sandbox_image", read=_text, default="", project="never"),
        _Key(name="clarify", read=_choice("auto", "always", "never"), default="auto"),
        _Key(
            name="unanswered",
            read=_choice("wait", "defer", "default"),
            default="wait",
            project="stricter",
            strictness=("default", "defer", "wait"),
        ),
        _Key(name="plan", read=_choice("auto", "direct", "static"), default="auto"),
        _Key(
            name="review",
            read=_choice("risky", "all", "none"),
            default="risky",
            project="stricter",
            strictness=("none", "risky", "all"),
        ),
        _Key(name="budget.usd", read=_number(float, 0), project="lower"),
        _Key(name="budget.tokens", read=_number(int, 0), project="lower"),
        _Key(name="phase_budget.usd", read=_number(float, 0), project="lower"),
        _Key(name="phase_budget.tokens", read=_number(int, 0), project="lower"),
        _Key(name="task_budget.usd", read=_number(float, 0), project="lower"),
        _Key(name="task_budget.tokens", read=_number(int, 0), project="lower"),
        _Key(name="timeout_s", read=_number(float, 0.001), project="lower"),
        _Key(name="max_questions", read=_number(int, 0), default=5),
        _Key(name="max_repairs", read=_number(int, 0), default=3, project="lower"),
        _Key(name="languages", read=_profiles, default=()),
        _Key(name="edit_format", read=_choice("auto", "blocks", "whole", "unified", "objects"), default="auto"),
        _Key(name="candidates", read=_number(int, 1), default=3, project="lower"),
        _Key(name="parallel", read=_number(int, 1), default=4, project="lower"),
        _Key(name="stubs", read=_switch, default=True),
        _Key(name="packages", read=_names, default=(), project="never"),
        _Key(name="min_package_age_days", read=_number(float, 0), default=7.0, project="never"),
        _Key(name="scan.semgrep", read=_text, default="auto", project="never"),
    )
}

_ENVIRONMENT = {f"SIXFOLD_{key.replace('.', '_').replace('roles_', 'role_').upper()}": key for key in _KEYS}
_ENVIRONMENT["SIXFOLD_CONFIG"] = ""
_OF_BENCHMARKS = ("SIXFOLD_BENCHMARK_", "SIXFOLD_PEER_", "SIXFOLD_AIDER_")
"""Beginnings of variables that `benchmarks/` reads; whoever sets one may still run the program."""
"""Path of the user file, instead of the platform's place."""

_HEADLINE = "a setting that is not understood is never ignored"


def editor(env: Mapping[str, str]) -> tuple[str, ...]:
    """The command line of the person's own editor, as other programs find it; empty when none is set."""
    return tuple(shlex.split(env.get("VISUAL") or env.get("EDITOR") or ""))


def load(*, flags: Mapping[str, Any] | None = None, env: Mapping[str, str], folder: Path) -> Settings:
    """Read every source once and give the settings in force.

    Args:
        flags: key (`review`, `budget.usd`, …) to value, only what was really typed; None values are left out.
        env: the process environment.
        folder: the user's folder; its `sixfold.toml` is the project file.

    Raises:
        ConfigurationError: an unknown key, a value of the wrong kind, or a project file that widens something.
    """
    values: dict[str, tuple[Any, str]] = {name: (key.default, "default") for name, key in _KEYS.items()}
    user_file = Path(env["SIXFOLD_CONFIG"]) if env.get("SIXFOLD_CONFIG") else _platform_folder("config") / "config.toml"
    for name, value in _flat(user_file, must_exist=bool(env.get("SIXFOLD_CONFIG"))).items():
        values[name] = (_read(name, value, str(user_file)), str(user_file))
    project_file = folder / PROJECT_FILE
    for name, value in _flat(project_file).items():
        read = _read(name, value, str(project_file))
        _refuse_widening(name, read, values[name][0], project_file)
        values[name] = (read, str(project_file))
    for variable, text in env.items():
        ours = variable.startswith("SIXFOLD_") and not variable.startswith(_OF_BENCHMARKS)
        if not ours or variable == "SIXFOLD_CONFIG" or not text:
            continue
        if variable not in _ENVIRONMENT:
            _unknown(variable, list(_ENVIRONMENT), "the environment")
        name = _ENVIRONMENT[variable]
        values[name] = (_read(name, text, variable), variable)
    for name, value in (flags or {}).items():
        if value is not None:
            values[name] = (_read(name, value, "flag"), "flag")
    if values["home"][0] is None:
        values["home"] = (str(_platform_folder("state")), "default")
    return _settings(values, step_summary=env.get("GITHUB_STEP_SUMMARY") or "")


def _settings(values: Mapping[str, tuple[Any, str]], *, step_summary: str) -> Settings:
    now = {name: value for name, (value, _) in values.items()}
    pairs = [("*", now["model"]), *((role, now[f"roles.{role}"]) for role in ALL_ROLES)]
    return Settings(
        home=Path(now["home"]).expanduser(),
        shared_environments=Path(now["environments"]).expanduser().absolute() if now["environments"] else None,
        database_url=now["database_url"],
        models=tuple((role, model) for role, model in pairs if model),
        sandbox=now["sandbox"],
        sandbox_image=now["sandbox_image"],
        clarify=now["clarify"],
        unanswered=now["unanswered"],
        plan=now["plan"],
        review=now["review"],
        budget=Budget(usd=now["budget.usd"], tokens=now["budget.tokens"]),
        phase_budget=Budget(usd=now["phase_budget.usd"], tokens=now["phase_budget.tokens"]),
        task_budget=Budget(usd=now["task_budget.usd"], tokens=now["task_budget.tokens"]),
        timeout_s=now["timeout_s"],
        max_questions=now["max_questions"],
        max_repairs=now["max_repairs"],
        edit_format=now["edit_format"],
        candidates=now["candidates"],
        languages=now["languages"],
        parallel=now["parallel"],
        stubs=now["stubs"],
        packages=now["packages"],
        min_package_age_days=now["min_package_age_days"],
        scan_semgrep=now["scan.semgrep"],
        step_summary=Path(step_summary) if step_summary else None,
        listing=tuple(Setting(key=name, value=value, origin=origin) for name, (value, origin) in values.items()),
    )


def _platform_folder(kind: str) -> Path:
    import platformdirs  # costs 50 ms, and whoever sets SIXFOLD_HOME and SIXFOLD_CONFIG does not need it

    if kind == "config":
        return platformdirs.user_config_path("sixfold", appauthor=False)
    return platformdirs.user_state_path("sixfold", appauthor=False)


def _flat(path: Path, *, must_exist: bool = False) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_bytes().decode())
    except FileNotFoundError:
        if must_exist:
            raise ConfigurationError(f"there is no file {path}", next="unset or correct SIXFOLD_CONFIG") from None
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not valid TOML", why=str(error), next="correct the file") from None
    except OSError as error:
        raise StorageError(f"cannot read {path}", why=str(error.strerror or error)) from error
    flat: dict[str, Any] = {}
    for name, value in content.items():
        spread = isinstance(value, dict) and name != "languages"
        inner = {f"{name}.{key}": item for key, item in value.items()} if spread else {name: value}
        flat.update(inner)
    for name in flat:
        if name not in _KEYS:
            _unknown(name, list(_KEYS), str(path))
    return flat


def _unknown(name: str, known: list[str], where: str) -> NoReturn:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else "see every key: sixfold config show"
    raise ConfigurationError(f"unknown setting {name!r} in {where}", why=_HEADLINE, next=hint)


def _read(name: str, value: Any, origin: str) -> Any:
    try:
        return _KEYS[name].read(value)
    except _Refused as wanted:
        raise ConfigurationError(f"{name} from {origin} is {value!r}", next=f"give {wanted}") from None


def _refuse_widening(name: str, value: Any, before: Any, path: Path) -> None:
    key = _KEYS[name]
    problem = ""
    if key.project == "never":
        problem = "only flags, the environment and the user's own config.toml may set it"
    elif key.project == "provider" and value.partition(":")[0] in ("command", "relay", "replay"):
        problem = "a project file may name a provider's model, not a program or a folder of this machine"
    elif key.project == "lower" and before is not None and value > before:
        problem = f"it may lower {before}, not raise it"
    elif key.project == "stricter" and key.strictness and key.strictness.index(value) < key.strictness.index(before):
        problem = f"it may be stricter than {before!r}, not wider"
    if problem:
        raise ConfigurationError(
            f"{path} may not set {name} = {value!r}",
            why=problem,
            next="remove the line, or set it yourself with a flag or in your config.toml",
        )
