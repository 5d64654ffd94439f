/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --check: can this machine run guests, and if not, why.
 */
#ifndef RUN_CHECK_H
#define RUN_CHECK_H

/**
 * check_machine - print what is found, and what to do about it
 * @device: path of the hypervisor device
 *
 * Return: exit status: 0, or STATUS_CANNOT_START
 */
int check_machine(const char *device);

#endif /* RUN_CHECK_H */
