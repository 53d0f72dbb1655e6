/* SPDX-License-Identifier: Apache-2.0 */
/* Signals, taken by the main thread when it waits for them. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/server_private.h"

static void signals_handled(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGHUP);
	(void)sigaddset(set, SIGUSR1);
	(void)sigaddset(set, SIGTERM);
	(void)sigaddset(set, SIGINT);
}

void pdb__signals_block(void)
{
	sigset_t set;

	signals_handled(&set);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	/* A client that leaves is a failed write, not a death. */
	(void)signal(SIGPIPE, SIG_IGN);
}

int pdb__signals_wait(int64_t timeout)
{
	struct timespec most = {(time_t)(timeout / PDB_NS_PER_SECOND),
				(long)(timeout % PDB_NS_PER_SECOND)};
	sigset_t set;
	int caught;

	signals_handled(&set);
	do {
		caught = timeout > 0 ? sigtimedwait(&set, NULL, &most) : sigwaitinfo(&set, NULL);
	} while (caught < 0 && errno == EINTR);
	return caught > 0 ? caught : 0;
}

/* Only async-signal-safe calls. */
static void end_at_once(int caught)
{
	_exit(128 + caught);
}

void pdb__signals_second_kills(void)
{
	struct sigaction action = {0};
	sigset_t set;

	action.sa_handler = end_at_once;
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGINT, &action, NULL);
	signals_handled(&set);
	(void)sigdelset(&set, SIGHUP);
	(void)sigdelset(&set, SIGUSR1);
	(void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}
