/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon: everything put together, started, reloaded and stopped. */
#ifndef PDB_SERVER_SERVER_H
#define PDB_SERVER_SERVER_H

#include <pdb/status.h>

/*
 * pdb_server_main - runs the daemon in the foreground until a signal ends it.
 *
 * Returns the exit status: 0 after an orderly stop (or for --help and its like), 1 when it cannot
 * start, 2 for a wrong command line or configuration; 70 comes from pdb_fatal.
 * Threads: main.
 */
int pdb_server_main(int argc, char **argv, char *const *environment);

#endif
