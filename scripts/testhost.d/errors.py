# SPDX-License-Identifier: GPL-2.0-only
"""What can go wrong with the test host, each with its exit status."""


class HostError(Exception):
    """Ends the run with one line on standard error and STATUS."""
    status = 120


class SetupError(HostError):
    """Wrong options, or something is missing on this side."""
    status = 120


class DidNotBoot(HostError):
    status = 121


class Crashed(HostError):
    status = 122


class TimeOut(HostError):
    status = 124
