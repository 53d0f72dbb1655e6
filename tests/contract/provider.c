/* SPDX-License-Identifier: Apache-2.0 */
/* Loads and opens the KMS providers under test. */
#include "provider.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/host.h"
#include "plugin/loader.h"
#include "settings.h"

#define MASTER_HEX "9f3c1a77e05b42d8866e1fca9d30b7245a81c6ef0d92347bb8e15f60a3c7d914"

static const pdb_host provider_host = {
	PDB_HOST_BASE,
};

static provider_name names[] = {
	{"embedded", ""},
	{"external", "unix"},
	{"external", "token"},
};

static provider opened;
static pdb_loader *loader;
static pid_t daemon_pid;
static unsigned daemon_port;

struct criterion_test_params provider_list(void)
{
	return cr_make_param_array(provider_name, names, sizeof(names) / sizeof(names[0]));
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info;
	(void)kind;
	(void)walk;
	return remove(path);
}

/* -- a daemon for `external`
 * ------------------------------------------------------------------------ */

static void end_daemon(void)
{
	int status = 0;

	if (daemon_pid > 0) {
		(void)kill(daemon_pid, SIGTERM);
		cr_assert_eq(waitpid(daemon_pid, &status, 0), daemon_pid);
		cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "it ends in order");
		daemon_pid = 0;
	}
}

static int open_notify(char path[300])
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)snprintf(path, 300, "%s/notify", opened.directory);
	(void)unlink(path);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%.107s", path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void run_daemon(const char *listen, const char *tokens)
{
	char text[6][400];
	char *args[] = {PDB_TEST_BINARY "/bin/progressdb-kms",
			"--set",
			text[0],
			"--set",
			text[1],
			"--set",
			text[2],
			"--set",
			text[3],
			"--set",
			text[4],
			"--set",
			text[5],
			"--set",
			"kms.locked_memory=warn",
			"--set",
			"logging.level=error",
			NULL};

	(void)snprintf(text[0], sizeof(text[0]), "kms.data_dir=%s/keys", opened.directory);
	(void)snprintf(text[1], sizeof(text[1]), "kms.users.server=%u", (unsigned)geteuid());
	(void)snprintf(text[2], sizeof(text[2]), "kms.users.operator=%u", (unsigned)geteuid());
	(void)snprintf(text[3], sizeof(text[3]), "kms.listen=%s", listen);
	(void)snprintf(text[4], sizeof(text[4]), "kms.token_file=%s", tokens);
	(void)snprintf(text[5], sizeof(text[5]), "kms.master_key_hex=" MASTER_HEX);
	(void)execv(args[0], args);
	_exit(127);
}

/* A port that is free now. */
static unsigned free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	(void)close(fd);
	return ntohs(address.sin_port);
}

static void write_tokens(const char *path)
{
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	(void)fprintf(file, "# of a test\nserver+operator tester %s\n", MASTER_HEX);
	cr_assert_eq(fchmod(fileno(file), 0600), 0);
	(void)fclose(file);
}

static void start_daemon(const char *way)
{
	char notify[300];
	char tokens[300] = "";
	char listen[330];
	char word[64] = "";
	struct timeval most = {5, 0};
	int fd = open_notify(notify);

	(void)snprintf(listen, sizeof(listen), "unix:%s/kms.sock", opened.directory);
	if (strcmp(way, "token") == 0) {
		(void)snprintf(tokens, sizeof(tokens), "%s/tokens", opened.directory);
		daemon_port = daemon_port != 0 ? daemon_port : free_port();
		(void)snprintf(listen, sizeof(listen), "http://127.0.0.1:%u", daemon_port);
		write_tokens(tokens);
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
	daemon_pid = fork();
	if (daemon_pid == 0) {
		(void)setenv("NOTIFY_SOCKET", notify, 1);
		run_daemon(listen, tokens);
	}
	cr_assert_gt(recv(fd, word, sizeof(word) - 1, 0), 0, "the daemon does not start");
	cr_assert_str_eq(word, "READY=1");
	(void)close(fd);
	(void)snprintf(opened.options, sizeof(opened.options),
		       "security.kms.endpoint=%s;security.kms.token_file=%s;"
		       "security.kms.timeout=10s;security.kms.pass_timeout=60s",
		       listen, tokens);
}

void provider_clean(void)
{
	if (opened.kms != NULL) {
		opened.ops->close(&opened.kms);
	}
	end_daemon();
	pdb_loader_destroy(&loader);
	settings_forget();
	if (opened.directory[0] != '\0') {
		(void)nftw(opened.directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	}
}

static void open_kms(provider *p)
{
	pdb_err err = {0};

	cr_assert_eq(p->ops->open(&p->params, &p->kms, &err), PDB_OK, "open: %s", err.text);
	cr_assert_not_null(p->kms);
}

provider *provider_open(const provider_name *name)
{
	const char *base = getenv("TMPDIR");
	pdb_plugin *plugin = NULL;
	pdb_err err = {0};

	pdb_log_set_level(PDB_LOG_ERROR);
	(void)snprintf(opened.directory, sizeof(opened.directory), "%s/pdb-kms-XXXXXX",
		       base != NULL ? base : "/tmp");
	cr_assert_not_null(mkdtemp(opened.directory));
	cr_assert_eq(pdb_loader_create(&loader, PDB_TEST_PLUGINS, NULL, &err), PDB_OK, "%s",
		     err.text);
	cr_assert_eq(pdb_loader_load(loader, name->name, PDB_KIND_KMS, &plugin, &err), PDB_OK, "%s",
		     err.text);
	opened.ops = pdb_plugin_kms(plugin);
	(void)snprintf(opened.way, sizeof(opened.way), "%s", name->way);
	(void)snprintf(opened.options, sizeof(opened.options),
		       "security.kms.master_key_hex=" MASTER_HEX);
	if (opened.way[0] != '\0') {
		start_daemon(opened.way);
	}
	opened.params = (pdb_kms_params){
		.size = sizeof(opened.params),
		.host = &provider_host,
		.directory = opened.directory,
		.settings = settings_make(&pdb_plugin_manifest_of(plugin)->options, opened.options),
		.database_id = "contract"};
	open_kms(&opened);
	return &opened;
}

void provider_reopen(provider *p)
{
	p->ops->close(&p->kms);
	cr_assert_null(p->kms, "close nulls the pointer");
	if (p->way[0] != '\0') {
		end_daemon();
		start_daemon(p->way);
	}
	open_kms(p);
}
