#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""corpus.py unpack FILE FOLDER | pack FOLDER FILE

Turns a corpus of the tree (a file, one input per line in hexadecimal) into the
folder of files that libFuzzer works on, and back."""

import hashlib
import os
import sys

HEAD = "# SPDX-License-Identifier: GPL-2.0-only\n"


def unpack(name, folder):
    os.makedirs(folder, exist_ok=True)
    with open(name) as lines:
        for line in lines:
            if line.startswith("#"):
                continue
            data = bytes.fromhex(line)
            with open(os.path.join(folder, hashlib.sha1(data).hexdigest()), "wb") as out:
                out.write(data)


def pack(folder, name):
    inputs = set()
    for entry in os.listdir(folder):
        with open(os.path.join(folder, entry), "rb") as one:
            inputs.add(one.read())
    with open(name, "w") as out:
        out.write(HEAD)
        for data in sorted(inputs, key=lambda one: (len(one), one)):
            out.write(data.hex() + "\n")


if len(sys.argv) != 4 or sys.argv[1] not in ("pack", "unpack"):
    sys.exit(__doc__)
{"pack": pack, "unpack": unpack}[sys.argv[1]](*sys.argv[2:])
