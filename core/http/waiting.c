/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that come back to their loop: from workers, and when their ticket is durable. */
#include "base/clock.h"
#include "http/http_private.h"

static void wait_for_ticket(pdb_loop *loop, pdb_request *request)
{
	pdb_waiting *waiting = &loop->waiting;
	pdb_request *before = waiting->last;

	while (before != NULL && before->ticket > request->ticket) {
		before = before->prev;
	}
	request->prev = before;
	request->next = before != NULL ? before->next : waiting->first;
	if (request->next != NULL) {
		request->next->prev = request;
	} else {
		waiting->last = request;
	}
	if (before != NULL) {
		before->next = request;
	} else {
		waiting->first = request;
	}
	(void)atomic_fetch_add_explicit(&loop->held, 1, memory_order_relaxed);
}

static pdb_request *first_due(pdb_loop *loop, uint64_t published)
{
	pdb_waiting *waiting = &loop->waiting;
	pdb_request *request = waiting->first;

	if (request == NULL || request->ticket > published) {
		return NULL;
	}
	waiting->first = request->next;
	if (waiting->first != NULL) {
		waiting->first->prev = NULL;
	} else {
		waiting->last = NULL;
	}
	request->next = NULL;
	(void)atomic_fetch_sub_explicit(&loop->held, 1, memory_order_relaxed);
	return request;
}

/* The flag is raised before the number is read, and pdb_http_publish() does the reverse: one of
 * the two sees the other. */
void pdb__loop_answer_due(pdb_loop *loop)
{
	pdb_request *request;
	uint64_t published;

	do {
		atomic_store(&loop->has_waiting, loop->waiting.first != NULL);
		published = atomic_load(&loop->http->published);
		while ((request = first_due(loop, published)) != NULL) {
			request->parked = false;
			pdb__answer_send(request);
		}
	} while (loop->waiting.first != NULL && !atomic_load(&loop->has_waiting));
}

void pdb__loop_finish(pdb_loop *loop, pdb_request *request)
{
	request->parked = false;
	if (request->conn == NULL ||
	    request->ticket <= atomic_load_explicit(&loop->http->published, memory_order_acquire)) {
		pdb__answer_send(request);
		return;
	}
	request->parked = true;
	request->held = pdb_clock_monotonic();
	wait_for_ticket(loop, request);
	if (loop->waiting.first == request) {
		pdb__loop_answer_due(loop);
	}
}

void pdb__loop_post(pdb_loop *loop, pdb_request *request)
{
	bool wake;

	request->next = NULL;
	(void)pthread_mutex_lock(&loop->lock);
	wake = loop->posted == NULL;
	if (wake) {
		loop->posted = request;
	} else {
		loop->posted_last->next = request;
	}
	loop->posted_last = request;
	(void)pthread_mutex_unlock(&loop->lock);
	if (wake) {
		pdb__loop_wake(loop);
	}
}

void pdb__loop_finish_posted(pdb_loop *loop)
{
	pdb_request *request;
	pdb_request *next;

	(void)pthread_mutex_lock(&loop->lock);
	request = loop->posted;
	loop->posted = NULL;
	(void)pthread_mutex_unlock(&loop->lock);
	for (; request != NULL; request = next) {
		next = request->next;
		request->next = NULL;
		pdb__loop_finish(loop, request);
	}
}

void pdb__loop_forget_waiting(pdb_loop *loop)
{
	pdb_request *request;

	while ((request = first_due(loop, UINT64_MAX)) != NULL) {
		pdb__request_release(request);
	}
}
