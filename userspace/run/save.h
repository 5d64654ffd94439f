/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A running guest in a file, and back.
 */
#ifndef RUN_SAVE_H
#define RUN_SAVE_H

#include "machine.h"

/**
 * save_machine - write all of a machine's state to options->save
 * @machine: its vCPU threads have ended
 *
 * Return: whether that was possible; if not, it was said why
 */
bool save_machine(struct machine *machine);

/**
 * restore_options - read from a saved state what the machine must be like
 * @options: its memory and vCPUs are filled in, from the file options->restore
 *
 * Does not return if that is not possible: prints why and exits.
 */
void restore_options(struct options *options);

/**
 * restore_create - build the machine that a saved state asks for
 * @machine: its VM exists, and nothing else
 */
void restore_create(struct machine *machine);

/**
 * restore_machine - put a saved state into a machine
 * @machine: complete, and never run
 */
void restore_machine(struct machine *machine);

#endif /* RUN_SAVE_H */
