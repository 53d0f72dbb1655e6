/* SPDX-License-Identifier: Apache-2.0 */
/* A domain over the memory backend, for tests; its storage can be told to fail. */
#ifndef PDB_TEST_CHAT_WORLD_H
#define PDB_TEST_CHAT_WORLD_H

#include <criterion/criterion.h>

#include "chat/chat_private.h"

/* Faults, counted over all transactions; 0 = none. */
typedef struct world_faults {
	_Atomic unsigned conflict_every; /* every nth commit is rolled back */
	_Atomic unsigned lose_every;     /* every nth commit is uncertain, and did not happen */
	_Atomic unsigned keep_every;     /* every nth commit is uncertain, and did happen */
	_Atomic bool hold_sync;          /* syncs wait until this is false */
} world_faults;

extern world_faults faults;

/* Commits go well again; threads of the store may be at work. */
void world_faults_end(void);

typedef struct world {
	pdb_store *store;
	pdb_chat *chat;
	pdb_sockets sockets;
	pdb_chat_settings settings;
	pdb_buf out; /* of the last call, NUL-terminated */
	pdb_outcome outcome;
	pdb_err err;
} world;

/* `sockets` may have been filled before. */
void world_open(world *w);
void world_close(world *w);
/* Closes the domain and opens it again over the same store. */
void world_reopen(world *w);
/* Worlds opened from here on have a storage that says it may wait for a network. */
void world_storage_blocks(void);

pdb_caller front(const char *author);
pdb_caller back(const char *author); /* "" = nobody */
pdb_caller admin(const char *author);

/* Each clears w->out and w->err first, and leaves the answer there. */
pdb_status make_thread(world *w, pdb_caller who, const char *id);
pdb_status get_thread(world *w, pdb_caller who, const char *id);
pdb_status post(world *w, pdb_caller who, const char *thread, const char *id, const char *body);
pdb_status get(world *w, pdb_caller who, const char *thread, const char *id);
pdb_status edit(world *w, pdb_caller who, const char *thread, const char *id, const char *body);
pdb_status erase(world *w, pdb_caller who, const char *thread, const char *id);
pdb_status restore(world *w, pdb_caller who, const char *thread, const char *id, uint32_t version);
pdb_status versions(world *w, pdb_caller who, const char *thread, const char *id);
pdb_status react(world *w, pdb_caller who, const char *thread, const char *id, const char *identity,
		 const char *reaction);
pdb_status threads(world *w, pdb_caller who, const pdb_thread_query *query, pdb_thread_page *page);
pdb_status page(world *w, pdb_caller who, const char *thread, pdb_anchor anchor, const char *at,
		uint32_t limit, pdb_message_page *result);

const char *answer(const world *w);
bool answer_has(const world *w, const char *part);
/* Runs the crowd job to its end. */
void catch_up_all(world *w);
/* Checks the database; prints the faults. Returns their number. */
uint64_t check_all(world *w);
void clear_answer(world *w);
/* For pdb_chat calls of one's own. */
void end_answer(world *w);

#endif
