"""How a branch came to be, as an in-toto statement with SLSA provenance 1.0.

It is not signed: whoever releases the branch signs it with a key of their own.
"""

from __future__ import annotations

import msgspec

from sixfold.domain.data import Json, canonical, digest, to_json
from sixfold.domain.errors import UsageError
from sixfold.domain.view import RunView

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "https://arxiv.org/abs/2501.11354"


def document(view: RunView) -> str:
    """Subject: the commit and tree of the branch. Everything else says what they were made from.

    Raises:
        UsageError: there is no branch yet.
    """
    if not view.branch or view.tree is None:
        raise UsageError(f"{view.run or 'the run'} has no branch yet", next=f"sixfold show {view.run or 'RUN'}")
    offer = view.offer
    packages = offer.components if offer else ()
    sources: list[Json] = [{"uri": "git+file:.", "digest": {"gitCommit": view.base_commit}}] if view.base_commit else []
    sources += [{"uri": f"pkg:pypi/{one.name.lower()}@{one.version}"} for one in packages]
    models = sorted({name for _, name in view.options.models} | {item.name for item in view.by_model})
    content: Json = {
        "_type": STATEMENT,
        "subject": [{"name": view.branch, "digest": {"gitCommit": view.commit, "gitTree": view.tree}}],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "request": {"sha256": digest(view.request.text)},
                    "attachments": [{"name": one.name, "sha256": one.digest} for one in view.request.attachments],
                    "options": to_json(view.options),
                },
                "internalParameters": {"models": models},
                "resolvedDependencies": sources,
            },
            "runDetails": {
                "builder": {"id": "https://pypi.org/project/sixfold", "version": {"sixfold": view.version}},
                "metadata": {"invocationId": view.run, "startedOn": view.created_at, "finishedOn": view.last_at},
                "byproducts": [
                    {"name": "head of the event log's hash chain", "digest": {"sha256": view.head}},
                    {
                        "name": "checks of the release",
                        "digest": {"sha256": digest(canonical(offer.checks if offer else ()))},
                        "annotations": {
                            check.name: _verdict(check.ok, check.skipped) for check in (offer.checks if offer else ())
                        },
                    },
                    *(
                        {
                            "name": f"approval of {one.subject}",
                            "annotations": {
                                "by": one.who,
                                "verdict": one.verdict,
                                "gitTree": one.tree,
                                "stale": one.stale,
                            },
                        }
                        for one in view.approvals
                    ),
                ],
            },
        },
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"


def _verdict(ok: bool, skipped: bool) -> str:
    return "not verified" if skipped else "ok" if ok else "failed"
