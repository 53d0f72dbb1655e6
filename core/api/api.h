/* SPDX-License-Identifier: Apache-2.0 */
/* The /v1 handlers: JSON in, chat calls, JSON out. */
#ifndef PDB_API_API_H
#define PDB_API_API_H

#include "chat/chat.h"
#include "plugin/sockets.h"

/*
 * Adds every /v1 route to `sockets`, with `*chat` as the domain they serve. `chat` is the address
 * of the pointer, because routes are registered before the domain is opened; both outlive the
 * requests. Errors: PDB_ENOMEM, PDB_EEXISTS.  Threads: main.
 */
pdb_status pdb_api_register(pdb_sockets *sockets, pdb_chat **chat, pdb_err *err);

#endif
