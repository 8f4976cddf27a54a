# SPDX-License-Identifier: Apache-2.0
"""A pseudo-terminal with a program in it, as a user would have."""
import os
import pty
import select
import signal
import time


class Terminal:
    def __init__(self, argv, env, cwd):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(argv[0], argv, env)
        self.seen = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.kill(self.pid, signal.SIGHUP)
            time.sleep(0.1)
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        try:
            os.waitpid(self.pid, 0)
        except ChildProcessError:
            pass
        os.close(self.fd)

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, text, seconds=20):
        """Reads until the text appears; what came before it is forgotten."""
        wanted, end = text.encode(), time.monotonic() + seconds
        while wanted not in self.seen:
            left = end - time.monotonic()
            ready = left > 0 and select.select([self.fd], [], [], left)[0]
            data = b""
            if ready:
                try:
                    data = os.read(self.fd, 65536)
                except OSError:
                    data = b""
            if not data:
                raise AssertionError(f"terminal: no {text!r} in {self.seen[-1500:]!r}")
            self.seen += data
        self.seen = self.seen.split(wanted, 1)[1]
