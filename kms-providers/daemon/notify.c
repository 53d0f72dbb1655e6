/* SPDX-License-Identifier: Apache-2.0 */
/* Word to the service manager: one datagram (protocol of sd_notify(3)). */
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/daemon.h"

/* The address outlives the environment, which is wiped. */
static struct sockaddr_un manager;
static socklen_t manager_len;

static void find_manager(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path != NULL ? strlen(path) : 0;

	if (len < 2 || len >= sizeof(manager.sun_path) || (path[0] != '/' && path[0] != '@')) {
		return;
	}
	manager.sun_family = AF_UNIX;
	memcpy(manager.sun_path, path, len);
	if (path[0] == '@') {
		manager.sun_path[0] = '\0';
	}
	manager_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

/* NULL = only find out where to. */
void kms_notify(const char *state)
{
	int fd;

	if (state == NULL) {
		find_manager();
		return;
	}
	if (manager_len == 0) {
		return;
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL,
			     (const struct sockaddr *)&manager, manager_len);
		(void)close(fd);
	}
}
