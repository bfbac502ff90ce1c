"""The command line."""

import argparse
import datetime
import sys

from ledger import money, report
from ledger.store import Store


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(argv)
    store = Store(options.db)
    if options.command == "add":
        return _add(store, options)
    if options.command == "list":
        for entry in store.entries(options.first, options.last):
            print(entry.id, entry.date, money.show(entry.cents), entry.category, entry.note, sep="\t")
        return 0
    if options.command == "remove":
        if store.remove(options.id):
            print(f"removed {options.id}")
            return 0
        print(f"no entry {options.id}", file=sys.stderr)
        return 1
    if options.command == "total":
        chosen = [entry for entry in store.entries() if options.category in (None, entry.category)]
        print(money.show(sum(entry.cents for entry in chosen)))
        return 0
    lines = report.by_category(store.entries())
    for category, cents in lines:
        print(category, money.show(cents), sep="\t")
    if not lines:
        print("no entries")
    return 0


def _add(store: Store, options: argparse.Namespace) -> int:
    try:
        date = datetime.date.fromisoformat(options.date).isoformat()
        cents = money.parse(options.amount)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"added {store.add(date, cents, options.category, note=options.note)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ledger")
    parser.add_argument("--db", required=True)
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add")
    add.add_argument("date")
    add.add_argument("amount")
    add.add_argument("category")
    add.add_argument("--note", default="")
    show = commands.add_parser("list")
    show.add_argument("--from", dest="first", default="")
    show.add_argument("--to", dest="last", default="")
    commands.add_parser("remove").add_argument("id", type=int)
    commands.add_parser("total").add_argument("category", nargs="?")
    commands.add_parser("report")
    return parser
