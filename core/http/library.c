/* SPDX-License-Identifier: Apache-2.0 */
/* libevent's surroundings: where its memory comes from and where its messages go. */
#include <stdlib.h>

#include "base/log.h"
#include "http/http_private.h"

/* libevent copes when a large buffer cannot be had. When a small allocation fails it may run into
 * freed or missing objects (seen with evhttp 2.1.12 on accept), so that the honest end is a clear
 * one: what was answered is on disk, and what was not is not promised. */
#define LARGE (64u * 1024u)

static void *checked(void *ptr, size_t size)
{
	if (ptr == NULL && size < LARGE) {
		pdb_fatal("libevent", "there is no memory for %zu bytes", size);
	}
	return ptr;
}

static void *alloc(size_t size)
{
	return checked(malloc(size > 0 ? size : 1), size);
}

static void *resize(void *ptr, size_t size)
{
	return checked(realloc(ptr, size > 0 ? size : 1), size);
}

static void on_message(int severity, const char *message)
{
	pdb_log(severity == EVENT_LOG_ERR ? PDB_LOG_ERROR : PDB_LOG_DEBUG, "libevent", "%s",
		message);
}

static void on_fatal(int code)
{
	pdb_fatal("libevent", "gave up with code %d", code);
}

static void prepare(void)
{
	event_set_mem_functions(alloc, resize, free);
	event_set_log_callback(on_message);
	event_set_fatal_callback(on_fatal);
}

void pdb__library_prepare(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, prepare);
}
