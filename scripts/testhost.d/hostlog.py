# SPDX-License-Identifier: GPL-2.0-only
"""Finds in a kernel's log what must not be there."""
import re

TROUBLE = re.compile(
    r"Oops|\bBUG\b|WARNING:|kernel BUG at|Kernel panic|general protection fault"
    r"|unable to handle|KASAN|KCSAN|KFENCE|UBSAN|ODEBUG|lockdep|possible recursive locking"
    r"|possible circular locking|inconsistent lock state|suspicious RCU usage"
    r"|bad unlock balance|held lock freed|rcu: INFO|rcu_\w+ (self-)?detected stall"
    r"|INFO: trying to register non-static key|INFO: task \S+ blocked"
    r"|soft lockup|hard LOCKUP|blocked for more than \d+ seconds|scheduling while atomic"
    r"|sleeping function called|refcount_t:|Bad page|bad page|list_(add|del) corruption"
    r"|stack segment:|divide error:|invalid opcode:|double fault:|unchecked MSR access"
    r"|new suspected memory leak|unreferenced object|DEBUG_LOCKS_WARN|stack-protector|vmwrite failed"
    r"|Call Trace")

# What a healthy kernel, stock or the debug host's, says under these words; and
# the kernel's word on a program's own fault ("traps: NAME[PID] ...").
HARMLESS = re.compile(
    r"Kernel command line|debug_boot_weak_hash|mem auto-init|Spectre|MDS|lockdep is turned off"
    r"|RCU lockdep checking is enabled|traps: \S+\[\d+\] ")

# An allocation that was made to fail, or failed, shows its stack: no mistake of
# anybody's. So many lines at most are between these words and the stack.
NO_MEMORY = re.compile(r"FAULT_INJECTION: forcing a failure|page allocation failure: order|SLUB: Unable to allocate")
STACK_AFTER = 12


def clean(log):
    """LOG (bytes) as text without the priorities that the kernel's own copy has."""
    return re.sub(r"(?m)^<\d+>", "", log.decode("utf-8", "replace").replace("\r", ""))


def _troubles(rows):
    """Yields the number of each of ROWS that tells of trouble."""
    no_memory = -STACK_AFTER - 1
    for i, line in enumerate(rows):
        if NO_MEMORY.search(line):
            no_memory = i
        if not TROUBLE.search(line) or HARMLESS.search(line):
            continue
        if "Call Trace" in line and i - no_memory <= STACK_AFTER:
            continue
        yield i


def trouble(log):
    """Returns the first line of LOG that tells of trouble, or None."""
    rows = log.splitlines()
    for i in _troubles(rows):
        return rows[i].strip()
    return None


def around_trouble(log, before=3, lines=200):
    """Returns the part of LOG that starts shortly before the first trouble, or its end."""
    rows = log.splitlines()
    for i in _troubles(rows):
        return "\n".join(rows[max(0, i - before):i + lines])
    return "\n".join(rows[-20:])
