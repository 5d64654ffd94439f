/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine made of a fuzzer's input: mode, privileges, flags, what each page
 * is, segments, registers, and an instruction at RIP.
 */
#ifndef FUZZ_STATE_H
#define FUZZ_STATE_H

#include "fuzz.h"
#include "machine.h"

void take_machine(struct machine *m, struct input *in);

#endif
