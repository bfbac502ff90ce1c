"""Opens a service's front page in a browser without a screen and tells what a person would see. Inside the sandbox."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import tempfile
from html.parser import HTMLParser
from typing import Any

from sixfold.layers.testing.harness.channel import print_result
from sixfold.layers.testing.harness.product import Product, Service, Services
from sixfold.layers.testing.harness.supervisor import close_memory

SHOW_S = 30
PRODUCT_BYTES = 4 << 30
"""Address space of the product's processes; that of this sandbox is a browser's."""
ERROR = re.compile(r"CONSOLE[^\"]*\"(Uncaught[^\"]*)\"")


class Seen(HTMLParser):
    """Elements and text of a page as the browser built it, script and style left out."""

    def __init__(self) -> None:
        super().__init__()
        self.elements, self.text, self._hidden = 0, "", 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        """Count."""
        self.elements += 1
        self._hidden += tag in ("script", "style", "title")

    def handle_endtag(self, tag: str) -> None:
        """Leave."""
        self._hidden -= tag in ("script", "style", "title")

    def handle_data(self, data: str) -> None:
        """Collect."""
        if self._hidden <= 0:
            self.text += data.strip()


def main(job: dict[str, Any], folder: str) -> None:
    """Show the page and print the sealed report."""
    nonce = job.pop("nonce")
    close_memory()
    product = Product(job["folder"], job["entries"], job["path"])
    with tempfile.TemporaryDirectory() as place:
        data = os.path.join(place, "data")
        os.mkdir(data)
        services = Services(product, data)
        try:
            print_result(_shown(job["browser"], _started(services, job["entry"]).url, place), nonce)
        except (RuntimeError, OSError, LookupError) as error:
            print_result({"trouble": str(error)[:300]}, nonce)
        finally:
            services.stop()


def _started(services: Services, name: str) -> Service:
    most = resource.getrlimit(resource.RLIMIT_AS)
    bound = PRODUCT_BYTES if most[1] == resource.RLIM_INFINITY else min(PRODUCT_BYTES, most[1])
    resource.setrlimit(resource.RLIMIT_AS, (bound, most[1]))
    try:
        return services[name]
    finally:
        resource.setrlimit(resource.RLIMIT_AS, most)


def _shown(browser: str, url: str, place: str) -> dict[str, Any]:
    words = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    words += ["--enable-logging=stderr", "--v=0", f"--user-data-dir={place}/profile", "--virtual-time-budget=3000"]
    try:
        done = subprocess.run(
            [*words, "--dump-dom", f"{url}/"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SHOW_S,
            check=False,
            env={**os.environ, "HOME": place},
        )
    except subprocess.TimeoutExpired:
        return {"trouble": f"no page within {SHOW_S} s"}
    said = done.stderr.decode(errors="replace")
    if done.returncode != 0 or not done.stdout.strip():
        return {"trouble": f"exit {done.returncode}: {said.strip()[-200:]}"}
    page = Seen()
    page.feed(done.stdout.decode(errors="replace"))
    return {"trouble": "", "errors": ERROR.findall(said), "elements": page.elements, "text": page.text[:500]}
