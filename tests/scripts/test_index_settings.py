"""What pip and uv were told is understood the way pip and uv understand it."""

from __future__ import annotations

from pathlib import Path

import pytest
from fetch_uv import choose_wheel
from index_settings import DEFAULT_INDEX, Sources, read_sources
from package_index import Link


def sources(tmp_path: Path, pip: str = "", uv: str = "", **variables: str) -> Sources:
    """Settings of a person with these files and variables."""
    for folder, name, text in (("pip", "pip.conf", pip), ("uv", "uv.toml", uv)):
        (tmp_path / ".config" / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / ".config" / folder / name).write_text(text)
    surroundings = {
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / ".config"),
        "XDG_CONFIG_DIRS": str(tmp_path),
    }
    return read_sources(surroundings | variables, site=tmp_path / "site", system=tmp_path / "etc")


def test_nothing_configured_means_the_default_index(tmp_path: Path) -> None:
    found = sources(tmp_path)
    assert found.indexes == (DEFAULT_INDEX,)
    assert "UV_DEFAULT_INDEX" not in found.uv_variables


def test_variable_wins_over_files_and_site_file_over_user_file(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    user = "[global]\nindex-url = https://user.example/simple\n"
    assert sources(tmp_path, pip=user).indexes == ("https://user.example/simple",)
    (tmp_path / "site/pip.conf").write_text("[global]\nindex-url = https://site.example/simple\n")
    assert sources(tmp_path, pip=user).indexes == ("https://site.example/simple",)
    assert sources(tmp_path, pip=user, PIP_INDEX_URL="https://v.example/s").indexes == ("https://v.example/s",)


def test_install_section_wins_over_global_and_percent_signs_are_plain_text(tmp_path: Path) -> None:
    pip = "[global]\nindex-url = https://a.example/s\n[install]\nindex-url = https://u:p%40ss@b.example/s\n"
    assert sources(tmp_path, pip=pip).indexes == ("https://u:p%40ss@b.example/s",)


def test_config_file_variable_adds_a_file_and_dev_null_turns_all_files_off(tmp_path: Path) -> None:
    pip = "[global]\nindex-url = https://user.example/simple\n"
    (tmp_path / "own.conf").write_text("[global]\nindex-url = https://own.example/simple\n")
    assert sources(tmp_path, pip=pip, PIP_CONFIG_FILE=str(tmp_path / "own.conf")).indexes == (
        "https://own.example/simple",
    )
    assert sources(tmp_path, pip=pip, PIP_CONFIG_FILE="/dev/null").indexes == (DEFAULT_INDEX,)


def test_extra_indexes_and_link_folders_reach_uv(tmp_path: Path) -> None:
    pip = "[global]\nextra-index-url =\n    https://b.example/s\n    file:///c/s\nfind-links = /wheels\n"
    found = sources(tmp_path, pip=pip)
    assert found.indexes == (DEFAULT_INDEX, "https://b.example/s", "file:///c/s")
    assert found.links == ("/wheels",)
    assert found.uv_variables["UV_EXTRA_INDEX_URL"] == "https://b.example/s file:///c/s"
    assert found.uv_variables["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert found.uv_variables["UV_FIND_LINKS"] == "/wheels"


def test_setting_made_for_uv_wins_over_the_one_made_for_pip(tmp_path: Path) -> None:
    pip = "[global]\nindex-url = https://pip.example/s\n"
    uv = '[[index]]\nurl = "https://uv.example/s"\ndefault = true\n[[index]]\nurl = "https://more.example/s"\n'
    found = sources(tmp_path, pip=pip, uv=uv)
    assert found.indexes == ("https://uv.example/s", "https://more.example/s")
    assert "UV_DEFAULT_INDEX" not in found.uv_variables  # uv reads its own file
    found = sources(tmp_path, pip=pip, UV_INDEX="named=https://w.example/s", UV_DEFAULT_INDEX="https://d.example/s")
    assert found.indexes == ("https://d.example/s", "https://w.example/s")


def test_certificates_proxy_time_limit_and_trusted_hosts_of_pip_reach_uv(tmp_path: Path) -> None:
    pip = "[global]\ncert = /ca.pem\nproxy = http://p.example:3128\ntimeout = 60\ntrusted-host = a.example b.example\n"
    found = sources(tmp_path, pip=pip)
    assert found.ca_file == found.uv_variables["SSL_CERT_FILE"] == "/ca.pem"
    assert found.uv_variables["HTTPS_PROXY"] == "http://p.example:3128"
    assert found.uv_variables["UV_HTTP_TIMEOUT"] == "60"
    assert found.timeout_s == 60
    assert found.insecure_hosts == {"a.example", "b.example"}
    assert found.uv_variables["UV_INSECURE_HOST"] == "a.example b.example"


@pytest.mark.parametrize("name", ["PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"])
def test_every_usual_name_of_the_certificate_file_is_known(tmp_path: Path, name: str) -> None:
    assert sources(tmp_path, **{name: "/ca.pem"}).ca_file == "/ca.pem"


def test_without_a_certificate_file_uv_trusts_what_the_machine_trusts(tmp_path: Path) -> None:
    assert sources(tmp_path).uv_variables["UV_SYSTEM_CERTS"] == "true"


def test_damaged_configuration_file_is_passed_over_with_a_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sources(tmp_path, pip="index-url = https://no-section.example\n", uv="[[").indexes == (DEFAULT_INDEX,)
    shown = capsys.readouterr().err
    assert "pip.conf" in shown
    assert "uv.toml" in shown


def test_wheel_for_another_machine_or_version_is_not_chosen() -> None:
    names = (
        "uv-1.0-py3-none-win_amd64.whl",
        "uv-1.0-py3-none-manylinux_9_99_x86_64.whl",
        "uv-1.0.tar.gz",
        "other-1.0.whl",
    )
    assert choose_wheel([Link(name, name) for name in names], "1.0") is None
