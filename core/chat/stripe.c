/* SPDX-License-Identifier: Apache-2.0 */
/* Striped locks, the tickets that answers wait for, and the marks of lagging threads. */
#include "base/hash.h"
#include "base/mem.h"
#include "chat/chat_private.h"

void pdb__stripe_init(pdb__stripe *stripe)
{
	(void)pthread_mutex_init(&stripe->lock, NULL);
}

void pdb__stripe_fini(pdb__stripe *stripe)
{
	(void)pthread_mutex_destroy(&stripe->lock);
	pdb_mem_free(stripe->marks);
}

pdb__stripe *pdb__stripe_of(pdb_chat *chat, pdb_slice thread)
{
	return &chat->stripes[pdb_hash(thread) % PDB__STRIPES];
}

static size_t ticket_place(pdb_slice thread)
{
	return pdb_hash(thread) / PDB__STRIPES % PDB__STRIPE_TICKETS;
}

void pdb__stripe_raise(pdb__stripe *stripe, pdb_slice thread, uint64_t ticket)
{
	atomic_store(&stripe->tickets[ticket_place(thread)], ticket);
}

uint64_t pdb__stripe_ticket(pdb_chat *chat, pdb_slice thread)
{
	const pdb__stripe *stripe = pdb__stripe_of(chat, thread);
	uint64_t ticket = atomic_load(&stripe->tickets[ticket_place(thread)]);

	return ticket > pdb_store_durable(chat->store) ? ticket : 0;
}

uint64_t pdb__stripe_hold(pdb_chat *chat, pdb_slice thread)
{
	pdb__stripe *stripe = pdb__stripe_of(chat, thread);

	/* A commit that is visible and has no ticket yet: whoever makes it holds the lock. */
	if (atomic_load(&stripe->busy)) {
		(void)pthread_mutex_lock(&stripe->lock);
		(void)pthread_mutex_unlock(&stripe->lock);
	}
	return pdb__stripe_ticket(chat, thread);
}

static size_t mark_find(const pdb__stripe *stripe, uint64_t hash)
{
	size_t at = 0;

	while (at < stripe->mark_count && stripe->marks[at] != hash) {
		at++;
	}
	return at;
}

bool pdb__stripe_marked(const pdb__stripe *stripe, pdb_slice thread)
{
	return mark_find(stripe, pdb_hash(thread)) < stripe->mark_count;
}

/* Without memory the mark is left out: the row is then written once more, which does no harm. */
void pdb__stripe_mark(pdb__stripe *stripe, pdb_slice thread)
{
	if (stripe->mark_count == stripe->mark_cap) {
		size_t cap = stripe->mark_cap == 0 ? 8 : stripe->mark_cap * 2;
		uint64_t *marks = pdb_mem_realloc(stripe->marks, cap * sizeof(*marks));

		if (marks == NULL) {
			return;
		}
		stripe->marks = marks;
		stripe->mark_cap = cap;
	}
	stripe->marks[stripe->mark_count++] = pdb_hash(thread);
}

void pdb__stripe_unmark(pdb__stripe *stripe, pdb_slice thread)
{
	size_t at = mark_find(stripe, pdb_hash(thread));

	if (at < stripe->mark_count) {
		stripe->marks[at] = stripe->marks[--stripe->mark_count];
	}
}
