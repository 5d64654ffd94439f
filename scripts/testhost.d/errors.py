# SPDX-License-Identifier: GPL-2.0-only
"""What can go wrong with the test host, each with its exit status."""


class HostError(Exception):
    """Ends the run with one line on standard error and STATUS."""
    status = 120


class SetupError(HostError):
    """Wrong options, or something is missing on this side."""
    status = 120


class DidNotBoot(HostError):
    """The host did not come up, or could not load a module."""
    status = 121


class Crashed(HostError):
    """The host went down, or its kernel's log tells of trouble."""
    status = 122


class NoSuchFile(HostError):
    """A file that --get asked for is not in the host."""
    status = 123


class TimeOut(HostError):
    status = 124
