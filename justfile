# The recipes of `just`; scripts/test is the same set in one go, without just.

bin := justfile_directory() / ".venv/bin"

# list the recipes
default:
    @just --list

# make or update .venv, with everything the checks need
setup:
    scripts/setup --dev

# format the code in place and apply safe fixes
fmt: setup
    {{bin}}/ruff format .
    {{bin}}/ruff check --fix .

# style and import contracts
lint: setup
    {{bin}}/ruff check .
    {{bin}}/ruff format --check .
    {{bin}}/lint-imports

# strict types
types: setup
    {{bin}}/mypy

# every test but the live ones; arguments go to pytest
test *arguments: setup
    {{bin}}/pytest -m "not live" {{arguments}}

# tests that talk to a real model, with the keys you have set
live *arguments: setup
    {{bin}}/pytest -m live {{arguments}}

# what to run while working: seconds
fast: lint types
    {{bin}}/pytest -m "not live and not slow" -q

# all of it, exactly as CI does
check:
    scripts/test

# hold the documentation against the code: named paths, decision pages, style guide
docs: setup
    {{bin}}/pytest -q tests/test_architecture.py

# resolve the locks anew after a change of dependencies (hashes, no index address)
lock *arguments: setup
    {{bin}}/uv pip compile pyproject.toml --universal --generate-hashes --python-version 3.11 --custom-compile-command "just lock" -o requirements.lock --quiet {{arguments}}
    {{bin}}/uv pip compile pyproject.toml --group dev --universal --generate-hashes --python-version 3.11 -c requirements.lock --custom-compile-command "just lock" -o requirements-dev.lock --quiet {{arguments}}
