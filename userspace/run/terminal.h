/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The terminal's mode: raw while a guest has it, and given back whatever
 * happens.
 */
#ifndef RUN_TERMINAL_H
#define RUN_TERMINAL_H

#include <stdbool.h>

/**
 * terminal_init - remember the terminal's mode, and give it back at exit and
 * when this process crashes
 *
 * Return: whether standard input is a terminal
 */
bool terminal_init(void);

/**
 * terminal_raw - give the guest each key as it is pressed
 */
void terminal_raw(void);

/**
 * terminal_restore - give the terminal its mode back; may be called in a
 * signal handler, and more than once
 */
void terminal_restore(void);

#endif /* RUN_TERMINAL_H */
