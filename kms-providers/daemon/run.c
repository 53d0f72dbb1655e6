/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon at work. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/harden.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/daemon.h"

static int open_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* a file at its limit is a failed write */
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static pdb_status open_keyring(kms_daemon *daemon, pdb_err *err)
{
	const kms_settings *settings = daemon->settings;
	const pdb_keyring_params params = {.host = &kms_daemon_host,
					   .directory = settings->data_dir,
					   .kek_directory = settings->kek_dir,
					   .master_key_file = settings->master_key_file,
					   .master_key_hex = settings->master_key_hex,
					   .audit_file_max = (uint64_t)settings->audit_file_size,
					   .must_lock = settings->locked_memory == 1};

	return pdb_keyring_open(&daemon->keyring, &params, err);
}

static pdb_status make_places(kms_daemon *daemon, pdb_err *err)
{
	size_t count = (size_t)daemon->settings->max_connections;

	daemon->connections = pdb_mem_zalloc(count * sizeof(*daemon->connections));
	daemon->nonces = kms_nonces_create(kms_daemon_host.now() / 1000000000);
	if (daemon->connections == NULL || daemon->nonces == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for connections");
	}
	for (size_t i = 0; i < count; i++) {
		daemon->connections[i].fd = -1;
	}
	return PDB_OK;
}

static pdb_status start(kms_daemon *daemon, pdb_err *err)
{
	pdb_status status = make_places(daemon, err);

	if (status == PDB_OK) {
		status = open_keyring(daemon, err);
	}
	if (status == PDB_OK) {
		status = kms_access_use(daemon, NULL, daemon->settings, err);
	}
	if (status == PDB_OK) {
		status = kms_listen(daemon, err);
	}
	return status;
}

static void accept_all(kms_daemon *daemon, const kms_listener *listener)
{
	int fd;

	while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		kms_serve(daemon, listener, fd);
	}
	if (errno == EMFILE || errno == ENFILE) {
		/* a listener that stays ready would be asked without end */
		(void)poll(NULL, 0, 100);
	}
}

/* The next signal that asks to stop ends the loop. */
static bool stopped(kms_daemon *daemon, int signals)
{
	struct signalfd_siginfo caught;

	if (read(signals, &caught, sizeof(caught)) != (ssize_t)sizeof(caught)) {
		return false;
	}
	if (caught.ssi_signo == SIGHUP) {
		kms_reload(daemon);
		return false;
	}
	return true;
}

static void loop(kms_daemon *daemon, int signals)
{
	struct pollfd list[KMS_LISTENERS_MAX + 1] = {{signals, POLLIN, 0}};

	for (size_t i = 0; i < daemon->listener_count; i++) {
		list[i + 1] = (struct pollfd){daemon->listeners[i].fd, POLLIN, 0};
	}
	for (;;) {
		if (poll(list, daemon->listener_count + 1, -1) < 0 && errno != EINTR) {
			return;
		}
		for (size_t i = 0; i < daemon->listener_count; i++) {
			if (list[i + 1].revents != 0) {
				accept_all(daemon, &daemon->listeners[i]);
			}
		}
		if (stopped(daemon, signals)) {
			return;
		}
	}
}

static void end(kms_daemon *daemon)
{
	atomic_store(&daemon->stop, true);
	kms_listen_end(daemon);
	if (daemon->connections != NULL) {
		kms_serve_end(daemon);
	}
	pdb_keyring_close(&daemon->keyring);
	pdb_mem_free(daemon->connections);
	kms_nonces_destroy(&daemon->nonces);
	kms_access_give(daemon, &daemon->access);
}

int kms_run(kms_daemon *daemon)
{
	int signals = open_signals();
	pdb_err err = {0};
	int status = 1;

	kms_log_use(daemon->settings);
	if (!pdb_harden_process()) {
		pdb_log(PDB_LOG_WARN, "kms", "core dumps cannot be switched off");
	}
	kms_notify(NULL);
	if (start(daemon, &err) == PDB_OK) {
		pdb_harden_environment(NULL);
		pdb_log(PDB_LOG_INFO, "kms", "ready; receipts and audit are signed by %s",
			pdb_keyring_public_key(daemon->keyring));
		kms_notify("READY=1");
		loop(daemon, signals);
		kms_notify("STOPPING=1");
		status = 0;
	} else {
		pdb_log(PDB_LOG_ERROR, "kms", "cannot start: %s", err.text);
	}
	end(daemon);
	(void)close(signals);
	return status;
}
