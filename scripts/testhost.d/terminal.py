# SPDX-License-Identifier: GPL-2.0-only
"""--interactive: the user's terminal, tied to the host's second serial port.

The emulator has the one end of a pseudo-terminal for its COM2, we have the
other.  Ctrl-A x ends the host; the user's terminal is restored in any case.
"""
import os
import select
import shutil
import sys
import termios
import tty

from errors import SetupError

ESCAPE = 0x01                   # Ctrl-A


class Terminal:
    """Relays between standard input and output and the host's COM2."""

    def __init__(self):
        try:
            self.master, self.slave = os.openpty()
        except OSError as error:
            raise SetupError("no pseudo-terminals here, which --interactive needs: "
                             "mount -t devpts devpts /dev/pts") from error
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)
        self._saved = None
        self._escaped = False
        self._held = bytearray()
        self._listening = False

    @staticmethod
    def size():
        """Rows and columns of the user's terminal."""
        columns, rows = shutil.get_terminal_size()
        return rows, columns

    def register(self, selector):
        """Has SELECTOR wait for both ends, and makes the user's terminal raw."""
        if sys.stdin.isatty():
            print("testhost: Ctrl-A x ends the host", file=sys.stderr)
            self._saved = termios.tcgetattr(0)
            tty.setraw(0)
        selector.register(self.master, 1)
        try:
            selector.register(0, 1)
        except PermissionError:         # a plain file or /dev/null: always ready
            self._held += sys.stdin.buffer.read()

    def restore(self):
        if self._saved:
            termios.tcsetattr(0, termios.TCSADRAIN, self._saved)
            self._saved = None

    def relay(self, end, selector):
        """Passes on what END has; returns False when the user wants to end."""
        if end == self.master:
            self._show(os.read(self.master, 4096))
            return True
        data = os.read(0, 4096)
        if not data:
            selector.unregister(0)
        wanted = self._escapes(data)
        self._type(b"")
        return wanted

    def drain(self):
        """Shows what is still under way."""
        while select.select([self.master], [], [], 0.05)[0]:
            self._show(os.read(self.master, 4096))

    def _show(self, data):
        # Nobody listens on the port before the shell's first words.
        self._listening = True
        os.write(1, data)
        self._type(b"")

    def _type(self, data):
        self._held += data
        if self._listening and self._held:
            del self._held[:os.write(self.master, bytes(self._held))]

    def _escapes(self, data):
        """Types DATA; Ctrl-A x ends (returns False), Ctrl-A Ctrl-A is one Ctrl-A."""
        for byte in data:
            if self._escaped:
                self._escaped = False
                if byte in b"xX":
                    return False
                if byte != ESCAPE:
                    self._held.append(ESCAPE)
                self._held.append(byte)
            elif byte == ESCAPE:
                self._escaped = True
            else:
                self._held.append(byte)
        return True
