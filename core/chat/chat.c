/* SPDX-License-Identifier: Apache-2.0 */
/* The domain as a whole: settings, opening, closing, counts. */
#include "chat/chat.h"

#include <sodium.h>

#include "base/mem.h"
#include "chat/chat_private.h"

static const pdb_option rows[] = {
	{.key = "limits.title",
	 .type = PDB_OPTION_INT,
	 .offset = offsetof(pdb_chat_settings, title_max),
	 .fallback = "200",
	 .min = 1,
	 .max = 10000,
	 .unit = "characters",
	 .help = "The longest title of a thread."},
	{.key = "limits.attributes",
	 .type = PDB_OPTION_SIZE,
	 .offset = offsetof(pdb_chat_settings, attributes_max),
	 .fallback = "8KiB",
	 .min = 2,
	 .max = 1048576,
	 .unit = "bytes",
	 .help = "The largest attributes of a thread."},
	{.key = "limits.participants",
	 .type = PDB_OPTION_INT,
	 .offset = offsetof(pdb_chat_settings, participants_max),
	 .fallback = "1000",
	 .min = 1,
	 .max = 1000,
	 .help = "The most participants of a thread, its author not counted."},
	{.key = "limits.reactions",
	 .type = PDB_OPTION_INT,
	 .offset = offsetof(pdb_chat_settings, reactions_max),
	 .fallback = "1000",
	 .min = 1,
	 .max = 1000,
	 .help = "The most reactions of a message."},
	{.key = "limits.batch",
	 .type = PDB_OPTION_INT,
	 .offset = offsetof(pdb_chat_settings, batch_max),
	 .fallback = "1000",
	 .min = 1,
	 .max = 1000,
	 .unit = "messages",
	 .help = "The most messages that are appended at once."},
	{.key = "limits.page",
	 .type = PDB_OPTION_INT,
	 .offset = offsetof(pdb_chat_settings, page_max),
	 .fallback = "1000",
	 .min = 1,
	 .max = 1000,
	 .help = "The most messages or threads in one answer."},
	{.key = "limits.page_default",
	 .type = PDB_OPTION_INT,
	 .offset = offsetof(pdb_chat_settings, page_default),
	 .fallback = "100",
	 .min = 1,
	 .max = 1000,
	 .help = "How many messages or threads an answer has when no limit is given."},
	{.key = "security.frontend_roles",
	 .type = PDB_OPTION_LIST,
	 .offset = offsetof(pdb_chat_settings, frontend_roles),
	 .fallback = "[user, assistant]",
	 .help = "The roles that a frontend caller may give a message."},
};

const pdb_option_table pdb_chat_options = PDB_OPTION_TABLE(rows, pdb_chat_settings);

static pdb_status stripes_create(pdb_chat *chat, pdb_err *err)
{
	chat->stripes = pdb_mem_zalloc(PDB__STRIPES * sizeof(*chat->stripes));
	if (chat->stripes == NULL) {
		return pdb__no_memory(err);
	}
	for (size_t i = 0; i < PDB__STRIPES; i++) {
		pdb__stripe_init(&chat->stripes[i]);
	}
	return PDB_OK;
}

pdb_status pdb_chat_create(pdb_chat **out, pdb_store *store, const pdb_sockets *sockets,
			   const pdb_chat_settings *settings, pdb_err *err)
{
	pdb_chat *chat = NULL;
	pdb_status status;

	if (sodium_init() < 0) {
		return pdb_err_set(err, PDB_EINTERNAL, NULL, "libsodium cannot be initialised");
	}
	chat = pdb_mem_zalloc(sizeof(*chat));
	if (chat == NULL) {
		return pdb__no_memory(err);
	}
	chat->store = store;
	chat->hooks = &sockets->lists[PDB_SOCKET_RECORD];
	chat->settings = *settings;
	status = stripes_create(chat, err);
	if (status == PDB_OK) {
		status = pdb__counts_load(chat, err);
	}
	if (status == PDB_OK) {
		status = pdb__traces_load(chat, err);
	}
	if (status == PDB_OK) {
		status = pdb__feed_init(&chat->feed, sockets, store, err);
	}
	if (status != PDB_OK) {
		pdb_chat_destroy(&chat);
	}
	*out = chat;
	return status;
}

void pdb_chat_destroy(pdb_chat **chat)
{
	pdb_chat *old = *chat;

	if (old == NULL) {
		return;
	}
	pdb__feed_fini(&old->feed);
	for (size_t i = 0; old->stripes != NULL && i < PDB__STRIPES; i++) {
		pdb__stripe_fini(&old->stripes[i]);
	}
	pdb_mem_free(old->stripes);
	pdb__arena_pool_fini(&old->arenas);
	pdb_mem_free(old);
	*chat = NULL;
}

void pdb_chat_use_host(pdb_chat *chat, const pdb_host *host)
{
	chat->host = host;
}

static uint64_t not_below_zero(int64_t count)
{
	return count > 0 ? (uint64_t)count : 0;
}

void pdb_chat_counts(pdb_chat *chat, uint64_t *threads, uint64_t *messages)
{
	*threads = not_below_zero(atomic_load_explicit(&chat->live_threads, memory_order_relaxed));
	*messages =
		not_below_zero(atomic_load_explicit(&chat->live_messages, memory_order_relaxed));
}
