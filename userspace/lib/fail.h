/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the library keeps the line that vmm_error() returns. Private to it.
 */
#ifndef LIBMINIVMM_FAIL_H
#define LIBMINIVMM_FAIL_H

#include "compiler.h"

/* Keeps the line and returns -@err, so that callers can return it at once. */
__printf(2, 3)
int vmm_fail(int err, const char *format, ...);

#endif /* LIBMINIVMM_FAIL_H */
