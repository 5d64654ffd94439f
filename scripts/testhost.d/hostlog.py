# SPDX-License-Identifier: GPL-2.0-only
"""Finds in a kernel's log what must not be there."""
import re

TROUBLE = re.compile(
    r"Oops|\bBUG\b|WARNING:|kernel BUG at|Kernel panic|general protection fault"
    r"|unable to handle|KASAN|KCSAN|KFENCE|UBSAN|lockdep|possible recursive locking"
    r"|possible circular locking|inconsistent lock state|suspicious RCU usage"
    r"|bad unlock balance|held lock freed|rcu: INFO|rcu_\w+ (self-)?detected stall"
    r"|soft lockup|hard LOCKUP|blocked for more than \d+ seconds|scheduling while atomic"
    r"|sleeping function called|refcount_t:|Bad page|list_(add|del) corruption"
    r"|stack segment:|divide error:|invalid opcode:|double fault:|unchecked MSR access"
    r"|memory leak|unreferenced object|DEBUG_LOCKS_WARN|stack-protector|vmwrite failed|Call Trace")

# What a healthy stock kernel says under these words.
HARMLESS = re.compile(
    r"Kernel command line|debug_boot_weak_hash|mem auto-init|Spectre|MDS|lockdep is turned off")


def clean(log):
    """LOG (bytes) as text without the priorities that the kernel's own copy has."""
    return re.sub(r"(?m)^<\d+>", "", log.decode("utf-8", "replace").replace("\r", ""))


def trouble(log):
    """Returns the first line of LOG that tells of trouble, or None."""
    for line in log.splitlines():
        if TROUBLE.search(line) and not HARMLESS.search(line):
            return line.strip()
    return None


def around_trouble(log, before=3, lines=50):
    """Returns the part of LOG that starts shortly before the first trouble, or its end."""
    rows = log.splitlines()
    for i, line in enumerate(rows):
        if TROUBLE.search(line) and not HARMLESS.search(line):
            return "\n".join(rows[max(0, i - before):i + lines])
    return "\n".join(rows[-20:])
