/* SPDX-License-Identifier: Apache-2.0 */
/* The watchdog of the service manager (sd_watchdog_enabled(3)), fed while commits reach the disk.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "server/server_private.h"

int64_t pdb__watchdog_period(void)
{
	const char *period = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	long long microseconds = period != NULL ? strtoll(period, NULL, 10) : 0;

	if (pid != NULL && strtoll(pid, NULL, 10) != (long long)getpid()) {
		return 0;
	}
	/* Thrice as often as asked for: one late look is no failure. */
	return microseconds > 0 && microseconds < INT64_MAX / 1000 ? microseconds * 1000 / 3 : 0;
}

void pdb__watchdog_feed(const pdb_server *server)
{
	static uint64_t durable_before;
	uint64_t durable = pdb_store_durable(server->store);
	bool waiting = pdb_store_unsynced(server->store) > 0;

	if (waiting && durable == durable_before) {
		pdb_log(PDB_LOG_WARN, "server",
			"no commit has reached the disk since the last look");
	} else {
		pdb__notify("WATCHDOG=1");
	}
	durable_before = durable;
}
