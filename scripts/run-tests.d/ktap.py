# SPDX-License-Identifier: GPL-2.0-only
"""Reads what a test program printed, KTAP version 1, and trusts none of it: what
has no plan, or other results than planned, or a status that its results do not
explain, has failed."""

import re
from collections import namedtuple

# verdict: pass, fail or skip. notes: the lines that belong to it. reason: of a skip.
Result = namedtuple("Result", "name verdict notes reason")

LINE = re.compile(r"^(not )?ok (\d+)(?: -)?(?: ([^#]*?))?\s*(?:# ?(SKIP|TODO)\b ?(.*))?$")
PLAN = re.compile(r"^1\.\.(\d+)(?:\s*# ?SKIP ?(.*))?$")
TIMED_OUT = (124, 137, 143)


def blocks(lines):
    """One program's output may hold several runs, each with a plan of its own."""
    found = [[]]
    for line in lines:
        if line.startswith(("KTAP version", "TAP version")) and any(
                PLAN.match(one) for one in found[-1]):
            found.append([])
        found[-1].append(line)
    return found


def block_results(lines):
    """The results of one run, and what is wrong with it as a whole."""
    results, notes, plan, wrong = [], [], None, []
    for line in lines:
        result, plan_line = LINE.match(line), PLAN.match(line)
        if result:
            bad, number, name, directive, reason = result.groups()
            if int(number) != len(results) + 1:
                wrong.append("result %s comes where %d is due" % (number, len(results) + 1))
            verdict = "fail" if bad else "skip" if directive == "SKIP" else "pass"
            results.append(Result(name or "test " + number, verdict, notes, reason or ""))
            notes = []
        elif plan_line:
            if plan is not None:
                wrong.append("two plans")
            plan = int(plan_line.group(1))
            if plan == 0 and plan_line.group(2) is not None:
                results.append(Result("whole program", "skip", notes, plan_line.group(2)))
                plan, notes = 1, []
        elif not line.startswith(("KTAP version", "TAP version")):
            notes.append(line)
    if plan is None:
        wrong.append("printed no plan")
    elif plan == 0:
        wrong.append("planned no test")
    elif plan != len(results):
        wrong.append("planned %d results, printed %d" % (plan, len(results)))
    return results, notes, wrong


def parse(name, lines, status):
    """All results of a program that ended with a status (a number, or "not run")."""
    results, notes, wrong = [], [], []
    if status == "not run":
        return [Result("run", "fail", [re.sub("^# ", "", line) for line in lines], "")]
    for block in blocks(lines):
        more, rest, bad = block_results(block)
        results, wrong = results + more, wrong + bad
        notes += rest
    if status in TIMED_OUT:
        wrong.append("did not end in time")
    elif status >= 128:
        wrong.append("was killed by signal %d" % (status - 128))
    elif status < 0:
        wrong.append("was killed by signal %d" % -status)
    elif status and not any(r.verdict == "fail" for r in results):
        wrong.append("ended with status %d, though no test failed" % status)
    elif not status and any(r.verdict == "fail" for r in results):
        wrong.append("ended with status 0, though a test failed")
    if wrong:
        results.append(Result("the program itself", "fail",
                              notes[-40:] + ["%s %s" % (name, why) for why in wrong], ""))
    return results
