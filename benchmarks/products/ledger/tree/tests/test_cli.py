from ledger import cli


def test_add_reports_the_id(tmp_path, capsys):
    assert cli.main(["--db", str(tmp_path / "x"), "add", "2026-01-01", "1.00", "food"]) == 0
    assert capsys.readouterr().out == "added 1\n"
