"""For the system tests: processes of skytrend that are started, waited for by what they say, and never left behind."""
import atexit
import json
import os
import re
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

PROGRAM = os.environ['SKYTREND']
PATIENCE_S = 60  # far above what any step takes: a slow machine is no failure


def run(*arguments, **kwargs):
    """To its end; what it wrote is text."""
    kwargs.setdefault('timeout', PATIENCE_S)
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, **kwargs)


class Process:
    """One that goes on. Its outputs go to files, so that it never waits for a reader."""

    def __init__(self, *arguments, piped=False, **kwargs):
        """`piped`: standard output is self.process.stdout instead."""
        self.out = tempfile.NamedTemporaryFile('r', encoding='utf-8')
        self.err = tempfile.NamedTemporaryFile('r', encoding='utf-8')
        with open(self.out.name, 'w') as out, open(self.err.name, 'w') as err:
            self.process = subprocess.Popen([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE if piped else out, stderr=err,
                                            stdin=subprocess.DEVNULL, **kwargs)
        atexit.register(self.kill)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self):
        """SIGTERM; the exit status."""
        self.process.terminate()
        return self.process.wait(PATIENCE_S)

    def stdout(self):
        with open(self.out.name, encoding='utf-8') as file:
            return file.read()

    def stderr(self):
        with open(self.err.name, encoding='utf-8') as file:
            return file.read()

    def told(self):
        return f'stdout:\n{self.stdout()[-2000:]}\nstderr:\n{self.stderr()[-4000:]}'

    def wait_until(self, condition, what):
        """Until condition() is true; fails when the process ends before, or after PATIENCE_S."""
        end = time.monotonic() + PATIENCE_S
        while True:
            alive = self.process.poll() is None
            result = condition()
            if result:
                return result
            assert alive, f'it ended ({self.process.returncode}) before {what}\n{self.told()}'
            assert time.monotonic() < end, f'waited in vain for {what}\n{self.told()}'
            time.sleep(0.05)

    def wait_for(self, pattern):
        """Until one of its outputs has the pattern; the match."""
        return self.wait_until(lambda: re.search(pattern, self.stdout()) or re.search(pattern, self.stderr()), pattern)


def relay(*arguments, port=0):
    """The simulated relay, and the URL that leads to it."""
    process = Process('simulate', '--port', port, *arguments)
    return process, process.wait_for(r'ws://127\.0\.0\.1:\d+')[0]


def get(url):
    """(status, body) of a GET; (0, '') when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ''


def query(*arguments, **kwargs):
    """The rows that `skytrend query` finds."""
    result = run('query', '--format', 'json', *arguments, **kwargs)
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def lines(path):
    """The whole lines of a file that may still be written; none when it is not there."""
    if not os.path.exists(path):
        return []
    with open(path, encoding='utf-8') as file:
        return file.read().split('\n')[:-1]
