/* SPDX-License-Identifier: Apache-2.0 */
/* forget_traces <db directory>: takes a database of WiredTiger's back to format 1, as an older
 * program left it. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <wiredtiger.h>

static bool begins(const WT_ITEM *item, const char *text)
{
	return item->size >= strlen(text) && memcmp(item->data, text, strlen(text)) == 0;
}

static int forget(WT_CURSOR *cursor)
{
	WT_ITEM key;
	int code;

	while ((code = cursor->next(cursor)) == 0) {
		code = cursor->get_key(cursor, &key);
		if (code == 0 && (begins(&key, "trace:") || begins(&key, "guest:"))) {
			code = cursor->remove(cursor);
		}
		if (code != 0) {
			return code;
		}
	}
	return code == WT_NOTFOUND ? cursor->reset(cursor) : code;
}

static int write_format(WT_CURSOR *cursor)
{
	WT_ITEM key = {.data = "meta:format", .size = strlen("meta:format")};
	WT_ITEM value = {.data = "1", .size = 1};

	cursor->set_key(cursor, &key);
	cursor->set_value(cursor, &value);
	return cursor->update(cursor);
}

static int work(WT_CONNECTION *connection)
{
	WT_SESSION *session;
	WT_CURSOR *cursor;
	int code = connection->open_session(connection, NULL, NULL, &session);

	if (code == 0) {
		code = session->open_cursor(session, "table:progressdb", NULL, NULL, &cursor);
	}
	if (code == 0) {
		code = forget(cursor);
	}
	return code == 0 ? write_format(cursor) : code;
}

int main(int argc, char **argv)
{
	char config[PATH_MAX + 128];
	WT_CONNECTION *connection;
	int code;

	if (argc != 2) {
		return 2;
	}
	(void)snprintf(config, sizeof(config), "log=(enabled),extensions=[\"%s\"]",
		       PDB_WIREDTIGER_SNAPPY);
	code = wiredtiger_open(argv[1], NULL, config, &connection);
	if (code == 0) {
		code = work(connection);
		code = connection->close(connection, NULL) != 0 && code == 0 ? 1 : code;
	}
	if (code != 0) {
		(void)fprintf(stderr, "%s: %s\n", argv[1], wiredtiger_strerror(code));
	}
	return code != 0;
}
