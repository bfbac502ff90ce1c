"""What settings promise: precedence, origins, no silent typing errors, no widening by a project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sixfold.config import Settings, load
from sixfold.domain.errors import ConfigurationError


def read(
    tmp_path: Path, *, user: str = "", project: str = "", env: dict[str, str] | None = None, **flags: Any
) -> Settings:
    user_file = tmp_path / "user.toml"
    user_file.write_text(user)
    folder = tmp_path / "project"
    folder.mkdir(exist_ok=True)
    (folder / "sixfold.toml").write_text(project)
    environment = {"SIXFOLD_CONFIG": str(user_file), "SIXFOLD_HOME": str(tmp_path / "home"), **(env or {})}
    return load(flags=flags, env=environment, folder=folder)


def origin(settings: Settings, key: str) -> str:
    return next(item.origin for item in settings.listing if item.key == key)


def test_flag_beats_environment_beats_project_beats_user_beats_default(tmp_path: Path) -> None:
    user, project, env = 'plan = "direct"', 'plan = "direct"', {"SIXFOLD_PLAN": "direct"}
    assert read(tmp_path).plan == "auto"
    assert read(tmp_path, user=user).plan == "direct"
    assert read(tmp_path, user=user, project=project).plan == "direct"
    assert read(tmp_path, user=user, project=project, env=env).plan == "direct"
    settings = read(tmp_path, user=user, project=project, env=env, plan="auto")
    assert (settings.plan, origin(settings, "plan")) == ("auto", "flag")


def test_every_value_knows_where_it_comes_from(tmp_path: Path) -> None:
    settings = read(tmp_path, user="[budget]\nusd = 2", project="parallel = 2", env={"SIXFOLD_MODEL": "a:b"})
    assert origin(settings, "budget.usd").endswith("user.toml")
    assert origin(settings, "parallel").endswith("sixfold.toml")
    assert origin(settings, "model") == "SIXFOLD_MODEL"
    assert origin(settings, "review") == "default"


def test_state_folders_share_a_folder_of_environments_only_where_the_person_says_so(tmp_path: Path) -> None:
    assert read(tmp_path).environments == tmp_path / "home" / "environments"
    assert read(tmp_path, env={"SIXFOLD_ENVIRONMENTS": str(tmp_path / "all")}).environments == tmp_path / "all"
    with pytest.raises(ConfigurationError, match="may not set environments"):
        read(tmp_path, project=f'environments = "{tmp_path / "all"}"')


@pytest.mark.parametrize(
    ("where", "text", "near"),
    [
        ("user", "buget = 1", "budget"),
        ("project", "reveiw = 'all'", "review"),
        ("user", "[budget]\nusdd = 1", "budget.usd"),
    ],
)
def test_unknown_key_is_an_error_with_the_nearest_name(tmp_path: Path, where: str, text: str, near: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, **{where: text})
    assert near in caught.value.next


def test_misspelt_variable_is_an_error_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, env={"SIXFOLD_BUGDET_USD": "1"})
    assert "SIXFOLD_BUDGET_USD" in caught.value.next


def test_a_variable_that_the_benchmarks_read_does_not_stop_the_program(tmp_path: Path) -> None:
    shown = {"SIXFOLD_BENCHMARK_DATA": "/data", "SIXFOLD_PEER_LANGGRAPH": "/python", "SIXFOLD_AIDER_PYTHON": "/python"}
    assert read(tmp_path, env=shown) == read(tmp_path, env={})


@pytest.mark.parametrize(
    "line",
    [
        'sandbox = "sandlock"',
        'review = "none"',
        'unanswered = "default"',
        "[budget]\nusd = 100",
        "[budget]\ntokens = 10000000",
        "timeout_s = 100000",
        'packages = ["left-pad"]',
        'model = "command:rm -rf ."',
        'model = "relay:/tmp/x"',
        '[roles]\ncoder = "command:evil"',
        'home = "/tmp/elsewhere"',
        'database_url = "postgresql://evil/x"',
        "max_repairs = 99",
    ],
)
def test_project_file_cannot_widen_anything(tmp_path: Path, line: str) -> None:
    user = "timeout_s = 60\n[budget]\nusd = 5\ntokens = 1000"
    with pytest.raises(ConfigurationError, match="may not set"):
        read(tmp_path, user=user, project=line)


def test_project_file_may_narrow(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        user='review = "none"\nsandbox = "sandlock"\n[budget]\nusd = 5',
        project='review = "all"\ntimeout_s = 10\n[budget]\nusd = 1',
    )
    assert (settings.review, settings.sandbox, settings.budget.usd, settings.timeout_s) == ("all", "sandlock", 1, 10)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("budget.usd", -1),
        ("budget.usd", "nan"),
        ("budget.tokens", 1.5),
        ("timeout_s", 0),
        ("parallel", 0),
        ("parallel", True),
        ("review", "some"),
        ("model", "gpt"),
    ],
)
def test_value_of_the_wrong_kind_is_refused(tmp_path: Path, key: str, value: Any) -> None:
    with pytest.raises(ConfigurationError):
        load(flags={key: value}, env={"SIXFOLD_HOME": str(tmp_path)}, folder=tmp_path)


def test_broken_toml_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not valid TOML"):
        read(tmp_path, project="= nonsense")


def test_named_user_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no file"):
        load(env={"SIXFOLD_CONFIG": str(tmp_path / "none.toml")}, folder=tmp_path)


def test_models_become_roles_of_the_options(tmp_path: Path) -> None:
    settings = read(tmp_path, user='model = "a:b"\n[roles]\ncoder = "c:d"')
    assert settings.options().models == (("*", "a:b"), ("coder", "c:d"))


def test_without_home_the_platform_state_folder_is_used(tmp_path: Path) -> None:
    settings = load(env={}, folder=tmp_path)
    assert settings.home.is_absolute()
    assert settings.home.name == "sixfold"


def test_a_project_declares_how_another_language_is_tested(tmp_path: Path) -> None:
    (tmp_path / "sixfold.toml").write_text(
        '[languages.go]\nfiles = ["*.go"]\ntest = ["go", "test", "./..."]\nprobe = ["go", "version"]\n'
        '[languages.go.environment]\nGOFLAGS = "-mod=vendor"\n'
    )
    settings = load(env={"SIXFOLD_HOME": str(tmp_path)}, folder=tmp_path)
    profile = settings.options().languages[0]
    assert (profile.name, profile.test, profile.report) == ("go", ("go", "test", "./..."), "exit")
    assert profile.environment == (("GOFLAGS", "-mod=vendor"),)


@pytest.mark.parametrize(
    "text", ['[languages.go]\nfiles = ["*.go"]\n', '[languages.go]\ntest = "go test"\n', "languages = 3"]
)
def test_a_profile_that_is_not_understood_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "sixfold.toml").write_text(text)
    with pytest.raises(ConfigurationError, match="languages"):
        load(env={"SIXFOLD_HOME": str(tmp_path)}, folder=tmp_path)


def test_only_the_person_names_the_scanner_that_runs(tmp_path: Path) -> None:
    line = '[scan]\nsemgrep = "/opt/semgrep/bin/semgrep"'
    assert read(tmp_path, user=line).scan_semgrep == "/opt/semgrep/bin/semgrep"
    assert read(tmp_path, env={"SIXFOLD_SCAN_SEMGREP": "off"}).scan_semgrep == "off"
    with pytest.raises(ConfigurationError, match="may not set scan"):
        read(tmp_path, project=line)
