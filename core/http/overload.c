/* SPDX-License-Identifier: Apache-2.0 */
/* Shedding: when writes wait too long, new ones are told so at once, and reads go on. */
#include "base/clock.h"
#include "http/http_private.h"

/*
 * The mark is a time, not a length: a queue of a thousand is nothing to a fast disk, and one write
 * that waits for seconds says that the disk stands still. Whoever waits already is answered when
 * the disk comes back; a client that is refused knows that nothing has happened.
 */
static bool disk_lags(const pdb_loop *loop, int64_t limit, int64_t now)
{
	const pdb_request *first = loop->waiting.first;

	return first != NULL && now - first->held > limit;
}

/* What changes threads and messages; signing and administration go on. */
static bool is_write(const pdb_request *request)
{
	const uint32_t writes = (uint32_t)PDB_METHOD_POST | (uint32_t)PDB_METHOD_PUT |
				(uint32_t)PDB_METHOD_DELETE | (uint32_t)PDB_METHOD_PATCH;

	return ((uint32_t)request->message.method & writes) != 0 &&
	       (request->match.route->roles & PDB_ROLE_FRONTEND) != 0;
}

const char *pdb__overload_of(const pdb_request *request)
{
	const pdb_loop *loop = request->loop;
	int64_t limit = loop->http->settings.overload_after;

	if (limit == 0 || !is_write(request)) {
		return NULL;
	}
	if (disk_lags(loop, limit, request->begun)) {
		return "disk";
	}
	return loop->lag > limit ? "loop" : NULL;
}

void pdb__overload_tick(pdb_loop *loop, int64_t period)
{
	int64_t now = pdb_clock_monotonic();

	loop->lag = loop->ticked != 0 ? now - loop->ticked - period : 0;
	loop->ticked = now;
}
