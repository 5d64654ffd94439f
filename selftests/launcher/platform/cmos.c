// SPDX-License-Identifier: GPL-2.0-only
/* By itself: it has names in common with the serial port. */
#include "../../../userspace/run/cmos.c"
