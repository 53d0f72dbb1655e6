/* SPDX-License-Identifier: Apache-2.0 */
/* A key where it is kept: in the configuration itself, in a file, or in a systemd credential. */
#ifndef PDB_AUTH_SECRET_H
#define PDB_AUTH_SECRET_H

#include <stddef.h>

/*
 * Writes the text that `spelled` stands for to `out`, with a NUL: "file:/path" is the first line of
 * that file, "credential:name" that of $CREDENTIALS_DIRECTORY/name, anything else itself. A file
 * must be a plain one (no link), of root or of this process, and not open to others.
 * Returns NULL, or the reason why not, which never holds the key; it lives until the next call on
 * this thread.
 */
const char *secret_read(const char *spelled, char *out, size_t size);

#endif
