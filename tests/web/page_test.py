#!/usr/bin/env python3
# test: timeout=300
"""The live page in a real Chromium: in each of its states over web_demo, and over `skytrend run --simulate`.

    page_test.py [--screenshots FOLDER] [--url URL]

SKYTREND names the program; web_demo is beside it in tests/. --url looks at a server that runs already instead.
--screenshots writes the pictures of the README: page-light.png, page-dark.png, page-phone.png, page-detail.png.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from browser import Browser, BrowserError, missing  # noqa: E402

SKIP = 77
HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ.get("SKYTREND", os.path.join(HERE, "../../build/skytrend"))
DEMO = os.path.join(os.path.dirname(PROGRAM), "tests/web_demo")
ROWS = "return document.querySelectorAll('.trend').length"
SETTLE_SECONDS = 3  # charts are drawn anew a moment after a new width
TRENDS_SECONDS = 90  # until the simulated network, at 60 times the clock, has trends

failures = []
checks = 0


def check(what, condition, seen=None):
    global checks
    checks += 1
    if not condition:
        failures.append(what)
        print(f"FAILED: {what}" + (f" (seen: {seen!r})" if seen is not None else ""))


class Demo:
    def __init__(self, state, pause_ms=1000, port=0):
        self.arguments = [DEMO, state, str(pause_ms), str(port)]

    def __enter__(self):
        self.process = subprocess.Popen(self.arguments, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Run:
    """`skytrend run --simulate`, on a free port, in a folder of its own."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="skytrend-page-")
        self.process = subprocess.Popen(
            [PROGRAM, "run", "--simulate", "--port", "0", "--plain"], cwd=self.folder.name,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            found = re.search(r"http://[\d.]+:\d+/", line)
            if found:
                self.url = found[0]
                return self
        raise BrowserError("skytrend run does not name its page")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=60)
        self.status = self.process.returncode
        self.folder.cleanup()


def check_quiet(browser, where):
    """Errors of scripts and of the policy; that a server ended is not one, as tests end theirs."""
    said = [entry["message"] for entry in browser.console()
            if entry["level"] == "SEVERE" and "Failed to load resource: net::" not in entry["message"]]
    check(f"{where}: the console is quiet, and nothing breaks the Content-Security-Policy", not said, said)


def check_fits(browser, where):
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        widths = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
        if widths[0] <= widths[1] or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    check(f"{where}: nothing is wider than the screen", widths[0] <= widths[1], widths)


WIDER = """
return [...document.querySelectorAll("body *")]
  .filter((node) => node.checkVisibility() && !node.closest(".hidden, .skip, svg") && node.getBoundingClientRect().right > innerWidth + 1)
  .map((node) => node.id || node.className).slice(0, 9);
"""

# WCAG 2.2, 1.4.3: 4.5 to 1 for text. Computed by the standard's own formula from the colours as rendered.
CONTRAST = """
const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const parse = (text) => text.match(/[\\d.]+/g).map(Number);
const ground = (node) => {
  for (; node; node = node.parentElement) {
    const colour = parse(getComputedStyle(node).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
const bad = [];
for (const node of document.querySelectorAll("body *")) {
  const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
  if (!own || !node.checkVisibility() || node.closest("svg, .hidden, .skip, option")) continue;
  const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < 4.5) bad.push(`${node.className || node.tagName} ${ratio.toFixed(2)}`);
}
return [...new Set(bad)];
"""


def check_contrast(browser, where):
    bad = browser.run(CONTRAST)
    check(f"{where}: text has the contrast of WCAG AA", not bad, bad)


def test_live(browser):
    with Demo("live", 300) as demo:
        browser.size(1440, 900)
        browser.colours("light")
        browser.open(demo.url)
        browser.wait(f"{ROWS} > 5")
        ranks = browser.run("return [...document.querySelectorAll('.rank-number')].map((node) => +node.innerText)")
        check("trends stand in the order of rank", ranks == sorted(ranks) and ranks[0] == 1, ranks)
        check("the banner says that it is simulated", "simulated" in browser.text("#simulated").lower())
        check("a sparkline is drawn", len(browser.run("return document.querySelector('.spark-line').getAttribute('d')")) > 20)
        check("posts a minute are shown", browser.text("#rate").replace(",", "").isdigit(), browser.text("#rate"))
        check("the chart of posts a minute has data", browser.run(
            "const c = document.getElementById('activity'); return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0)"))
        check("what comes back with the clock is listed apart", browser.text("#recurring-list").split() == ["bom", "dia", "pt", "213"],
              browser.text("#recurring-list"))
        before = browser.text("#clock")
        browser.wait("return document.getElementById('clock').innerText !== arguments[0]", 10, before)
        check_fits(browser, "desktop")
        check_contrast(browser, "light")
        browser.colours("dark")
        time.sleep(0.5)  # backgrounds change gently
        check_contrast(browser, "dark")
        browser.colours("light")
        test_keyboard(browser)
        test_filter(browser)
        check_quiet(browser, "live")


def test_keyboard(browser):
    browser.press("j")
    browser.press("j")
    browser.press("k")
    first = browser.run("return document.querySelector('.keyword').innerText")
    check("j, j, k: the first trend has the focus or stands near it", browser.run(
        "return document.activeElement.className") == "keyword", first)
    focused = browser.run("return document.activeElement.innerText")
    time.sleep(1)  # slides go by, rows move
    check("the focus stays while rows move", browser.run("return document.activeElement.innerText") == focused)
    browser.press("Enter")
    browser.wait("return document.querySelectorAll('.post').length > 0")
    check("Enter opens the trend with the focus", browser.text("#detail-title") == focused, browser.text("#detail-title"))
    links = browser.run("return [...document.querySelectorAll('.post a')].map((a) => [a.href, a.rel, a.target])")
    check("sample posts link to bsky.app", links and all(
        href.startswith("https://bsky.app/profile/did:plc:") and "/post/" in href and rel == "noopener noreferrer" and target == "_blank"
        for href, rel, target in links), links)
    check("the history is drawn", browser.run(
        "const c = document.querySelector('#detail canvas'); return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0)"))
    check("a trend has a permalink", browser.run("return location.hash").startswith("#/"))
    browser.press("Escape")
    browser.wait("return document.getElementById('detail').hidden")
    browser.press("?")
    check("? opens the help", browser.run("return document.getElementById('help-dialog').open"))
    browser.press("Escape")
    check("Esc closes the help", not browser.run("return document.getElementById('help-dialog').open"))
    browser.press("t")
    check("t changes the colours", browser.run("return document.documentElement.dataset.theme") == "light")
    browser.press("t")
    check("t again: dark", browser.run("return getComputedStyle(document.documentElement).colorScheme") == "dark")
    browser.press("t")


def test_filter(browser):
    browser.press("/")
    for key in "#fin":
        browser.press(key)
    names = browser.run("return [...document.querySelectorAll('.keyword')].map((node) => node.innerText)")
    check("/ filters by word", names == ["#finale"], names)
    browser.press("Escape")
    browser.wait(f"{ROWS} > 3")
    browser.run("const s = document.getElementById('language'); s.value = 'ja'; s.dispatchEvent(new Event('change'))")
    browser.wait("return [...document.querySelectorAll('.trend .language')].every((node) => node.innerText === 'ja')")
    check("the language filter leaves Japanese trends", browser.run(ROWS) >= 1)
    browser.run("const s = document.getElementById('language'); s.value = ''; s.dispatchEvent(new Event('change'))")
    browser.wait(f"{ROWS} > 3")


def test_phone(browser):
    with Demo("live") as demo:
        browser.size(390, 844, 2, True)
        browser.open(demo.url)
        browser.wait(f"{ROWS} > 5")
        check_fits(browser, "phone")
        browser.click(".trend .keyword")
        browser.wait("return document.querySelectorAll('.post').length > 0")
        check_fits(browser, "phone with a trend open")
        for width in (320, 600, 820, 1024, 1180):
            browser.size(width, 800)
            check_fits(browser, f"{width} pixels")
            time.sleep(0.3)
            wide = browser.run(WIDER)
            check(f"{width} pixels: no element sticks out", not wide, wide)
    browser.size(1440, 900)


def test_states(browser):
    with Demo("warming") as demo:
        browser.open(demo.url)
        browser.wait("return !document.getElementById('warmup').hidden")
        check("warming up says how long", "9 min" in browser.text("#warmup-left"), browser.text("#warmup-left"))
        check("warming up shows words as such", "Plain counts" in browser.text("#top"), browser.text("#top"))
        check("warming up shows no trends", browser.run(ROWS) == 0)
        check_contrast(browser, "warming up")
    with Demo("stalled") as demo:
        browser.open(demo.url)
        browser.wait("return !document.getElementById('trouble').hidden")
        check("a stalled source is named with its time", "Stalled since 11:29:00" in browser.text("#trouble"), browser.text("#trouble"))
        check("a live source has no banner", browser.run("return document.getElementById('simulated').hidden"))
        check_contrast(browser, "stalled")
    with Demo("empty") as demo:
        browser.open(demo.url)
        browser.wait("return !document.getElementById('empty').hidden")
        check("nothing comes back: no list of it", browser.run("return document.getElementById('recurring').hidden"))
        check("no trends is said plainly", "usual" in browser.text("#empty"), browser.text("#empty"))
    check_quiet(browser, "states")


def test_hostile(browser):
    with Demo("hostile") as demo:
        browser.open(demo.url)
        browser.wait(f"{ROWS} > 5")
        check("a keyword is text, not markup", browser.run(
            "return [...document.querySelectorAll('.keyword')].some((node) => node.innerText === '<b>bold</b>') && !document.querySelector('#trends b')"))
        check("a post is text, not markup", browser.run("return document.querySelectorAll('#trends img').length") == 0)
        browser.run("location.hash = document.querySelector('.keyword').hash")
        browser.wait("return document.querySelectorAll('.post').length === 3")
        check("a post address that is not one becomes no link", browser.run("return document.querySelectorAll('.post a').length") == 0)
        check("turning characters are taken out", browser.run(
            "return !/[\\u202a-\\u202e\\u001b]/.test(document.body.innerText)"))
        browser.run("location.hash = '#/%zz/%zz'")
        check_quiet(browser, "hostile")


def test_reconnects(browser):
    with Demo("live") as demo:
        url, port = demo.url, int(demo.url.rstrip("/").rsplit(":", 1)[1])
        browser.open(url)
        browser.wait(f"{ROWS} > 5")
    browser.wait("return !document.getElementById('trouble').hidden")
    check("a lost server is said plainly", "lost" in browser.text("#trouble"), browser.text("#trouble"))
    check("what was known stays", browser.run(ROWS) > 5)
    with Demo("live", 1000, port):
        browser.wait("return document.getElementById('trouble').hidden", 20)
        check("it comes back by itself", True)


def picture(browser, folder, url):
    """The pictures of the README, while trends move."""
    browser.size(1440, 900)
    browser.colours("light", "reduce")  # no row is shown half way
    browser.open(url)
    browser.wait(f"{ROWS} >= 8", TRENDS_SECONDS)
    time.sleep(15)  # some minutes of simulated time: sparklines have a shape
    browser.screenshot(os.path.join(folder, "page-light.png"))
    browser.colours("dark", "reduce")
    time.sleep(1)
    browser.run("location.hash = document.querySelector('.trend .keyword').hash")
    browser.wait("return document.querySelectorAll('.post').length > 0")
    time.sleep(1)
    browser.screenshot(os.path.join(folder, "page-dark.png"))
    browser.run("location.hash = '#/'")
    browser.colours("light", "reduce")
    browser.size(390, 844, 2, True)
    time.sleep(1.5)
    browser.screenshot(os.path.join(folder, "page-phone.png"))
    browser.size(1440, 900)


def test_run(browser, url, folder):
    browser.open(url)
    browser.wait("return document.getElementById('source').innerText.length > 1")
    browser.wait(f"{ROWS} > 0", TRENDS_SECONDS)
    check("run: the banner says that it is simulated", not browser.run("return document.getElementById('simulated').hidden"))
    browser.run("location.hash = document.querySelector('.keyword').hash")
    browser.wait("return document.querySelectorAll('.post').length > 0")
    check("run: sample posts link to bsky.app", browser.run("return document.querySelectorAll('.post a').length") > 0)
    check_fits(browser, "run")
    check_quiet(browser, "run")
    if folder:
        picture(browser, folder, url)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--screenshots", metavar="FOLDER")
    parser.add_argument("--url")
    options = parser.parse_args()
    if missing():
        print(f"skipped: {missing()} is not installed")
        return SKIP
    with Browser() as browser:
        if options.url:
            test_run(browser, options.url, options.screenshots)
        else:
            for test in (test_live, test_phone, test_states, test_hostile, test_reconnects):
                test(browser)
            with Run() as run:
                test_run(browser, run.url, options.screenshots)
            check("run: SIGTERM ends it well", run.status == 0, run.status)
    print(f"{checks - len(failures)} checks passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
