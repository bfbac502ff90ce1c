"""The HTML page."""

from html import escape
from typing import Any


def render(notices: list[dict[str, Any]]) -> str:
    """The whole page."""
    items = "".join(
        f"<li{' class=' + chr(34) + 'urgent' + chr(34) if one['urgent'] else ''}>{escape(one['text'])}</li>"
        for one in notices
    )
    listed = f"<ul>{items}</ul>" if items else "<p>No notices.</p>"
    form = '<form method="post"><input name="text"><input type="checkbox" name="urgent"><button>Post</button></form>'
    return f"<!doctype html><html><head><title>Notices</title></head><body>{listed}{form}</body></html>"
