/* SPDX-License-Identifier: Apache-2.0 */
/* The memory that requests and their answers take, over all connections, and its bound. */
#include "http/http_private.h"

/* So much of each request is not counted: what is small is let in however much there is of what is
 * large, and never touches a number that all loops share. */
#define UNCOUNTED_MAX (32u * 1024u)

static size_t size_of(const pdb_request *request)
{
	size_t size = request->message.head.len + request->message.body.len + request->answer.len;

	return size > UNCOUNTED_MAX ? size - UNCOUNTED_MAX : 0;
}

bool pdb__buffered_fits(pdb_request *request)
{
	pdb_http *http = request->loop->http;
	size_t size = size_of(request);
	size_t before = request->buffered;
	size_t others;

	if (size == before) {
		return true;
	}
	/* What is given back wraps around, and is right again in the sum. */
	others = atomic_fetch_add_explicit(&http->buffered, size - before, memory_order_relaxed) -
		 before;
	request->buffered = size;
	/* One alone is let in whatever its size, or it never would be. */
	return size < before || others == 0 || others + size <= (size_t)http->settings.buffered_max;
}

void pdb__buffered_forget(pdb_request *request)
{
	if (request->buffered > 0) {
		(void)atomic_fetch_sub_explicit(&request->loop->http->buffered, request->buffered,
						memory_order_relaxed);
		request->buffered = 0;
	}
}

void pdb__buffered_drop(pdb_request *request)
{
	pdb_buf_fini(&request->message.body);
	pdb_buf_fini(&request->answer);
	pdb__buffered_forget(request);
	pdb__count_shed(request->loop->http, "memory");
}
