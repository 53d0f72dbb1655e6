/* SPDX-License-Identifier: Apache-2.0 */
/* The access table: every call of /v1, and what each kind of caller needs for it. */
#ifndef PDB_CHAT_ACCESS_H
#define PDB_CHAT_ACCESS_H

#include <stdint.h>

/*
 * The one place where it stands who may do what. From this list are made: the actions that the
 * domain asks leave for, the rules that decide it (access.c), and the routes with the handlers
 * that serve them (api/api.c). A route without a row, a row without a handler or a rule that is
 * not spelled out does not compile; what no row allows is refused.
 *
 * CALL(ACTION, handler, METHOD, path, rules) is one call, ALIAS(ACTION, handler, METHOD, path)
 * another route to an action that is in the list.
 *
 * The rules are two words for each kind of caller: a signed user (or nobody), a backend key that
 * acts as somebody, a backend key that names nobody, an admin key. The first word is about the
 * thread, the second about the message. Each has three letters: for one that is there, for one that
 * is deleted, and for a deleted one when the caller asks for what is deleted.
 *
 *   of a thread    S  every such caller, strangers too     of a message  S  whoever reached it
 *                  M  those who take part, and the author                W  who wrote it
 *                  O  the author of the thread                           I  whose reaction it is
 *                  N  nobody                                             N  nobody
 *
 * For a call that makes a thread the first word is about the place where none is yet.
 */
#define PDB_V1_THREADS "/v1/threads"
#define PDB_V1_THREAD  "/v1/threads/{thread}"
#define PDB_V1_MESSAGE "/v1/threads/{thread}/messages/{message}"

/* clang-format off */
#define PDB_ACCESS_MAP(CALL, ALIAS)                                                                \
	/*                                         signed    backend   backend   admin     */      \
	/*                                         user      as one    alone               */      \
	CALL(THREAD_CREATE, thread_create, POST, PDB_V1_THREADS,                                   \
	                                           SNN, NNN, SNN, NNN, NNN, NNN, SNN, NNN)         \
	CALL(THREAD_LIST, thread_list, GET, PDB_V1_THREADS,                                        \
	                                           MNO, NNN, MNO, NNN, NNN, NNN, SNS, NNN)         \
	CALL(THREAD_GET, thread_get, GET, PDB_V1_THREAD,                                           \
	                                           MNO, NNN, MNO, NNN, SNS, NNN, SNS, NNN)         \
	CALL(THREAD_UPDATE, thread_update, PUT, PDB_V1_THREAD,                                     \
	                                           ONN, NNN, ONN, NNN, NNN, NNN, SNN, NNN)         \
	CALL(THREAD_DELETE, thread_delete, DELETE, PDB_V1_THREAD,                                  \
	                                           ONN, NNN, ONN, NNN, NNN, NNN, SNN, NNN)         \
	CALL(THREAD_RESTORE, thread_restore, POST, PDB_V1_THREAD "/restore",                       \
	                                           OOO, NNN, OOO, NNN, NNN, NNN, SSS, NNN)         \
	CALL(MESSAGE_APPEND, message_append, POST, PDB_V1_THREAD "/messages",                      \
	                                           MNO, NNN, SNS, NNN, SNS, NNN, SNS, NNN)         \
	ALIAS(MESSAGE_APPEND, message_append, POST, "/v1/messages")                                \
	ALIAS(MESSAGE_APPEND, message_batch, POST, PDB_V1_THREAD "/messages:batch")                \
	CALL(MESSAGE_PAGE, message_page, GET, PDB_V1_THREAD "/messages",                           \
	                                           MNN, SNS, MNN, SNS, SNN, SNS, SNS, SNS)         \
	ALIAS(MESSAGE_PAGE, message_page, GET, "/v1/messages")                                     \
	CALL(MESSAGE_GET, message_get, GET, PDB_V1_MESSAGE,                                        \
	                                           MNN, SNS, MNN, SNS, SNN, SNS, SNS, SNS)         \
	CALL(MESSAGE_EDIT, message_edit, PUT, PDB_V1_MESSAGE,                                      \
	                                           MNN, WNN, MNN, WNN, NNN, NNN, SNN, SNN)         \
	CALL(MESSAGE_DELETE, message_delete, DELETE, PDB_V1_MESSAGE,                               \
	                                           MNN, WNN, MNN, WNN, NNN, NNN, SNN, SNN)         \
	CALL(MESSAGE_RESTORE, message_restore, POST, PDB_V1_MESSAGE "/restore",                    \
	                                           MNN, WWW, MNN, WWW, NNN, NNN, SNN, SSS)         \
	CALL(MESSAGE_VERSIONS, message_versions, GET, PDB_V1_MESSAGE "/versions",                  \
	                                           MNN, SWW, MNN, SWW, SNN, SSS, SNN, SSS)         \
	CALL(REACTION_LIST, reaction_list, GET, PDB_V1_MESSAGE "/reactions",                       \
	                                           MNN, SNN, MNN, SNN, SNN, SNN, SNN, SNN)         \
	CALL(REACTION_SET, reaction_set, POST, PDB_V1_MESSAGE "/reactions",                        \
	                                           MNN, INN, MNN, SNN, SNN, SNN, SNN, SNN)         \
	CALL(REACTION_REMOVE, reaction_remove, DELETE, PDB_V1_MESSAGE "/reactions/{identity}",     \
	                                           MNN, INN, MNN, SNN, SNN, SNN, SNN, SNN)
/* clang-format on */

#define PDB_ACCESS_NO_ALIAS(...)

typedef enum pdb_action {
#define PDB_ACTION_OF(action, ...) PDB_ACTION_##action,
	PDB_ACCESS_MAP(PDB_ACTION_OF, PDB_ACCESS_NO_ALIAS)
#undef PDB_ACTION_OF
	PDB_ACTIONS
} pdb_action;

/* The kinds of callers, in the order of the columns. */
typedef enum pdb_standing {
	PDB_STANDING_USER,       /* a signed user */
	PDB_STANDING_BACKEND_AS, /* a backend key that acts as somebody */
	PDB_STANDING_BACKEND,    /* a backend key that named nobody */
	PDB_STANDING_ADMIN,
	PDB_STANDINGS
} pdb_standing;

/* The place of a letter in a word. */
typedef enum pdb_access_state {
	PDB_ACCESS_LIVE,
	PDB_ACCESS_DELETED,
	PDB_ACCESS_ASKED, /* deleted, and the caller asks for what is */
	PDB_ACCESS_STATES
} pdb_access_state;

typedef struct pdb_access_rule {
	char thread[PDB_ACCESS_STATES]; /* letters of the list above */
	char message[PDB_ACCESS_STATES];
} pdb_access_rule;

/* By action and standing. */
extern const pdb_access_rule pdb_access_rules[PDB_ACTIONS][PDB_STANDINGS];

#endif
