# SPDX-License-Identifier: GPL-2.0-only
"""The line from the test host: takes apart the frames that hostlink.c sends."""

HELLO = b"\n<minivmm test host>\n"


class Channel:
    """Feed it bytes as they come; it keeps what arrived in its attributes.

    on_output(stream, data) is called for each piece of output, stream being 1
    or 2.  hellos counts how often the host came up (more than once: it
    rebooted), status is the command's exit status once known, failure says why
    it was not run at all, files and log are what was sent, done that all was.
    """

    def __init__(self, on_output):
        self.on_output = on_output
        self.hellos = 0
        self.status = None
        self.failure = None
        self.files = {}
        self.log = b""
        self.done = False
        self._name = None
        self._buf = bytearray()

    @property
    def rebooted(self):
        return self.hellos > 1

    def feed(self, data):
        self._buf += data
        while self._hello() or (self.hellos and self._frame()):
            pass

    def _hello(self):
        if not self.hellos:
            # The emulator's own words come before it.
            at = self._buf.find(HELLO)
            if at < 0:
                del self._buf[:-len(HELLO)]
                return False
            del self._buf[:at]
        if not self._buf.startswith(HELLO):
            return False
        del self._buf[:len(HELLO)]
        self.hellos += 1
        return True

    def _frame(self):
        if len(self._buf) < 4 or HELLO.startswith(bytes(self._buf[:1])):
            return False
        length = int.from_bytes(self._buf[1:4], "little")
        if len(self._buf) < 4 + length:
            return False
        kind, data = chr(self._buf[0]), bytes(self._buf[4:4 + length])
        del self._buf[:4 + length]
        if kind in "12":
            self.on_output(int(kind), data)
        elif kind == "x":
            self.status = data[0]
        elif kind == "!":
            self.failure = data.decode("utf-8", "replace").strip()
        elif kind == ">":
            self._name = data.decode()
            self.files[self._name] = b""
        elif kind == "f":
            self.files[self._name] += data
        elif kind == "l":
            self.log += data
        elif kind == "e":
            self.done = True
        return True
