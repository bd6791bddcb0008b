"""The live page under a flood: `python -m tests.browser.endurance [SECONDS [RATE]]` (60 s of 500 logs a second)

Prints what its renderer holds and how late its timers come, and exits non-zero when it is over 200 MB: what ten minutes would
come to is reckoned from the growth in the second half.
"""

import sys
import tempfile
import time
from pathlib import Path

import psutil
from playwright.sync_api import sync_playwright

from tests.browser.chromium import ARGUMENTS, found
from tests.browser.person import Person
from tests.integration.load import quantile
from tests.integration.watching import NOWHERE, servers, writing

MOST_MB, TEN_MINUTES_S = 200, 600
EVERY_S = 5
# A timer of 50 ms, and by how much each of its calls is late.
_LAG = """
() => {
  window.late = [];
  let last = performance.now();
  setInterval(() => { const now = performance.now(); late.push(now - last - 50); last = now; }, 50);
}
"""


def renderer_mb() -> float:
    """What the largest renderer holds that it shares with nobody."""
    children = psutil.Process().children(recursive=True)
    return float(max(each.memory_full_info().uss for each in children if "--type=renderer" in each.cmdline())) / 1e6


def measure(seconds: float, rate: float) -> float:
    """Megabytes after ten minutes, reckoned."""
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright, servers(Path(place)) as product:
        browser = playwright.chromium.launch(executable_path=found(), args=ARGUMENTS)
        account = product.prepare(NOWHERE)
        alice = Person(browser, product, account)
        page = alice.watch()
        page.evaluate(_LAG)
        held = [renderer_mb()]
        with writing(product, [account], 2, rate, seconds):
            began = time.monotonic()
            while time.monotonic() < began + seconds:
                page.wait_for_timeout(EVERY_S * 1000)
                held.append(renderer_mb())
                print(f"{time.monotonic() - began:.0f} s: {held[-1]:.0f} MB; {page.locator('#rate').inner_text()}")
        late = [float(each) for each in page.evaluate("late")]
        clicked = time.monotonic()
        page.locator("#pause").click()
        took = time.monotonic() - clicked
        print(f"a click took {took:.2f} s; timers late: p99 {quantile(late, 0.99):.0f} ms, most {max(late):.0f} ms")
        browser.close()
    half = len(held) // 2
    growth = max(0.0, (held[-1] - held[half]) / ((len(held) - 1 - half) * EVERY_S))
    return held[-1] + growth * max(0.0, TEN_MINUTES_S - seconds)


if __name__ == "__main__":
    asked = [float(each) for each in sys.argv[1:]]
    reckoned = measure(*(asked + [60, 500][len(asked) :]))
    print(f"after ten minutes, reckoned: {reckoned:.0f} MB (≤ {MOST_MB})")
    sys.exit(reckoned > MOST_MB)
