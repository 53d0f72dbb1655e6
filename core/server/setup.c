/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the configuration: layers first, then every table, then what nobody knows. */
#include <stdlib.h>
#include <unistd.h>

#include "base/directory.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/dropin.h"
#include "plugin/directory.h"
#include "server/server_private.h"

/* The plugin that uses the provider of keys. */
#define KEY_USER "encryption"

static bool describes(const pdb_server *server)
{
	return server->line.command == PDB_COMMAND_CONFIG_SCHEMA ||
	       server->line.command == PDB_COMMAND_CONFIG_SAMPLE ||
	       server->line.command == PDB_COMMAND_CONFIG_REFERENCE;
}

static pdb_status add_layers(const pdb_server *server, pdb_config *config, bool *file_out,
			     pdb_err *err)
{
	const char *file = server->line.config_file;
	pdb_status status = PDB_OK;

	if (file == NULL && access(PDB_CONFIG_FILE, F_OK) == 0) {
		file = PDB_CONFIG_FILE;
	}
	*file_out = file != NULL;
	if (file != NULL && !describes(server)) {
		status = pdb_config_add_file(config, file, err);
	}
	if (status == PDB_OK && !describes(server)) {
		status = pdb_config_add_environment(config, server->environment, err);
	}
	for (size_t i = 0; i < server->line.flag_count && status == PDB_OK; i++) {
		const pdb_flag *flag = &server->line.flags[i];

		status = pdb_config_add_flag(config, flag->spelling, flag->key, flag->value, err);
	}
	return status;
}

/* Loads a plugin and reads its table. What keeps it from loading is a problem of `key`. */
static pdb_status add_plugin(pdb_server *server, pdb_setup *setup, const char *key,
			     const char *name, pdb_plugin_kind kind, pdb_fitted *out, pdb_err *err)
{
	const pdb_manifest *manifest;
	pdb_err refusal = {0};

	if (pdb_loader_load(server->loader, name, kind, &out->plugin, &refusal) != PDB_OK) {
		pdb_config_problem(setup->config, key, refusal.text);
		return PDB_OK;
	}
	manifest = pdb_plugin_manifest_of(out->plugin);
	return pdb_config_read(setup->config, name, &manifest->options, manifest->check,
			       &out->settings, err);
}

static pdb_status add_storage(pdb_server *server, pdb_setup *setup, pdb_err *err)
{
	const void *settings = NULL;
	pdb_status status;

	status = pdb_config_read(setup->config, "store", &pdb_store_options, NULL, &settings, err);
	setup->store = settings;
	if (status != PDB_OK || setup->store->backend[0] == '\0') {
		return status;
	}
	status = add_plugin(server, setup, "storage.backend", setup->store->backend,
			    PDB_KIND_STORAGE, &setup->storage, err);
	if (status == PDB_OK && setup->store->inner[0] != '\0') {
		status = add_plugin(server, setup, "storage.inner", setup->store->inner,
				    PDB_KIND_STORAGE, &setup->inner, err);
	}
	return status;
}

static bool plugin_loaded(void *arg, const char *name)
{
	const pdb_setup *setup = arg;

	for (size_t i = 0; i < setup->plugin_count; i++) {
		if (strcmp(pdb_plugin_manifest_of(setup->plugins[i].plugin)->name, name) == 0) {
			return true;
		}
	}
	return false;
}

static pdb_status add_extension(pdb_server *server, pdb_setup *setup, const char *name,
				pdb_err *err)
{
	pdb_fitted *fitted = &setup->plugins[setup->plugin_count];
	pdb_status status =
		add_plugin(server, setup, "plugins.load", name, PDB_KIND_EXTENSION, fitted, err);

	setup->plugin_count += fitted->plugin != NULL;
	return status;
}

/* Files of the earlier server switch encryption on and name no plugins. Which are loaded is settled
 * at the start. */
static bool encryption_is_missing(pdb_server *server, pdb_setup *setup)
{
	if (pdb_config_given(setup->config, "plugins.load") || plugin_loaded(setup, KEY_USER)) {
		return false;
	}
	return setup == &server->first ? pdb_dropin_encrypts(setup->config)
				       : plugin_loaded(&server->first, KEY_USER);
}

static pdb_status add_extensions(pdb_server *server, pdb_setup *setup, pdb_err *err)
{
	const pdb_option_list *names = &setup->server->plugins;
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < names->count && i < PDB_PLUGINS_MAX && status == PDB_OK; i++) {
		status = add_extension(server, setup, names->items[i], err);
	}
	if (status == PDB_OK && encryption_is_missing(server, setup)) {
		status = add_extension(server, setup, KEY_USER, err);
	}
	return status;
}

/* The descriptions speak of keys although nobody uses them. */
static bool section_claimed(void *arg, const char *name)
{
	const pdb_setup *setup = arg;

	return plugin_loaded(arg, name) || (setup->keys != NULL && strcmp(name, KEY_USER) == 0);
}

/* A provider of keys is there for those who use it, and not opened for nobody. */
static pdb_status add_keys(pdb_server *server, pdb_setup *setup, pdb_err *err)
{
	const void *settings = NULL;
	pdb_status status;

	if (!plugin_loaded(setup, KEY_USER) && !describes(server)) {
		return PDB_OK;
	}
	status = pdb_config_read(setup->config, "keys", &pdb__key_options, NULL, &settings, err);
	setup->keys = settings;
	if (status != PDB_OK || setup->keys->provider[0] == '\0' || describes(server)) {
		return status;
	}
	return add_plugin(server, setup, "security.kms.mode", setup->keys->provider, PDB_KIND_KMS,
			  &setup->kms, err);
}

/* The tables of plugins that are shipped but not chosen, for the descriptions. */
static pdb_status add_described(pdb_server *server, pdb_setup *setup, pdb_err *err)
{
	static const struct {
		const char *key;
		const char *name;
		pdb_plugin_kind kind;
	} shipped[] = {
		{"storage.backend", "chaos", PDB_KIND_STORAGE},
		{"plugins.load", KEY_USER, PDB_KIND_EXTENSION},
		{"security.kms.mode", "embedded", PDB_KIND_KMS},
	};
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < sizeof(shipped) / sizeof(shipped[0]) && status == PDB_OK; i++) {
		pdb_fitted fitted = {0};

		status = add_plugin(server, setup, shipped[i].key, shipped[i].name, shipped[i].kind,
				    &fitted, err);
	}
	return status;
}

static pdb_status add_rooms(pdb_setup *setup, pdb_err *err)
{
	const void *http = NULL;
	const void *chat = NULL;
	pdb_status status;

	status = pdb_config_read(setup->config, "http", &pdb_http_options, pdb_http_check, &http,
				 err);
	if (status == PDB_OK) {
		status =
			pdb_config_read(setup->config, "chat", &pdb_chat_options, NULL, &chat, err);
	}
	setup->http = http;
	setup->chat = chat;
	return status;
}

pdb_status pdb__absolute_path(char *out, const char *path, pdb_err *err)
{
	char here[PATH_MAX];
	int len;

	path += strncmp(path, "./", 2) == 0 ? 2 : 0;
	if (path[0] == '/') {
		len = snprintf(out, PATH_MAX, "%s", path);
	} else if (getcwd(here, sizeof(here)) != NULL) {
		len = snprintf(out, PATH_MAX, "%s/%s", here, path);
	} else {
		len = -1;
	}
	if (len < 0 || len >= PATH_MAX) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "\"%s\" is not a usable path", path);
	}
	return PDB_OK;
}

/* Started with nothing: makes keys, once, and reads them like a file. */
static pdb_status add_dev_keys(pdb_setup *setup, pdb_err *err)
{
	static const char *const keys[] = {"security.api_keys.frontend",
					   "security.api_keys.backend", "security.api_keys.admin"};
	pdb_status status;

	for (size_t i = 0; i < 3; i++) {
		if (pdb_config_given(setup->config, keys[i])) {
			return PDB_OK;
		}
	}
	if (snprintf(setup->dev_keys, PATH_MAX, "%s/dev-keys.yaml", setup->db_path) >= PATH_MAX) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "the database path is too long");
	}
	status = pdb_directory_make(setup->db_path, err);
	if (status == PDB_OK) {
		status = pdb__dev_keys_make(setup->dev_keys, err);
	}
	return status == PDB_OK ? pdb_config_add_file(setup->config, setup->dev_keys, err) : status;
}

static pdb_status open_loader(pdb_server *server, const pdb_setup *setup, pdb_err *err)
{
	static char directory[PATH_MAX];
	pdb_status status = PDB_OK;

	if (server->loader != NULL) {
		return PDB_OK;
	}
	if (setup->server->plugin_directory[0] != '\0') {
		status = pdb__absolute_path(directory, setup->server->plugin_directory, err);
	} else {
		status = pdb_plugin_directory(directory, sizeof(directory), err);
	}
	if (status == PDB_OK) {
		status = pdb_loader_create(&server->loader, directory, pdb_builtin_plugins, err);
	}
	return status;
}

static pdb_status read_server(const pdb_server *server, pdb_setup *setup, pdb_err *err)
{
	const void *settings = NULL;
	bool have_file = false;
	pdb_status status;

	status = add_layers(server, setup->config, &have_file, err);
	if (status == PDB_OK) {
		status = pdb_config_read(setup->config, "server", &pdb__server_options,
					 pdb__server_check, &settings, err);
	}
	setup->server = settings;
	if (status == PDB_OK) {
		status = pdb__absolute_path(setup->db_path, setup->server->db_path, err);
	}
	if (status == PDB_OK && !have_file && server->line.command == PDB_COMMAND_RUN &&
	    pdb_config_problem_count(setup->config) == 0) {
		status = add_dev_keys(setup, err);
	}
	return status;
}

pdb_status pdb__setup_read(pdb_server *server, pdb_setup *out, pdb_err *err)
{
	pdb_status status;

	*out = (pdb_setup){0};
	status = pdb_config_create(&out->config, err);
	if (status == PDB_OK) {
		status = read_server(server, out, err);
	}
	if (status == PDB_OK) {
		status = open_loader(server, out, err);
	}
	if (status == PDB_OK) {
		status = add_rooms(out, err);
	}
	if (status == PDB_OK) {
		status = add_storage(server, out, err);
	}
	if (status == PDB_OK) {
		status = add_extensions(server, out, err);
	}
	if (status == PDB_OK && describes(server)) {
		status = add_described(server, out, err);
	}
	if (status == PDB_OK) {
		status = add_keys(server, out, err);
	}
	if (status == PDB_OK) {
		status = pdb_dropin_read(out->config, section_claimed, out, err);
	}
	return status == PDB_OK ? pdb_config_finish(out->config, err) : status;
}

void pdb__setup_fini(pdb_setup *setup)
{
	pdb_config_destroy(&setup->config);
	*setup = (pdb_setup){0};
}

/* -- reload ----------------------------------------------------------------------------------- */

typedef struct hearer {
	pdb_reload_fn told; /* or NULL */
	void *arg;
} hearer;

static void tell(const hearer *to, pdb_reload_kind kind, const char *text)
{
	if (to->told != NULL) {
		to->told(to->arg, kind, text);
	}
}

static void tell_problem(void *arg, const char *line)
{
	pdb_log(PDB_LOG_ERROR, "config", "%s", line);
	tell(arg, PDB_RELOAD_PROBLEM, line);
}

static void tell_difference(void *arg, const char *key, bool reloadable)
{
	tell(arg, reloadable ? PDB_RELOAD_CHANGED : PDB_RELOAD_KEPT, key);
	pdb_log(reloadable ? PDB_LOG_INFO : PDB_LOG_WARN, "server",
		reloadable ? "reloaded: %s"
			   : "%s has changed, which needs a restart: kept as it was",
		key);
}

static bool tell_taken(const pdb_fitted *fresh, bool took, const pdb_err *why, const hearer *to)
{
	const char *name = pdb_plugin_manifest_of(fresh->plugin)->name;

	if (!took) {
		pdb_log(PDB_LOG_ERROR, "server", "plugin %s keeps its settings: %s", name,
			why->text);
		tell(to, PDB_RELOAD_REFUSED, name);
	}
	pdb__count_plugin(name, took);
	return took;
}

static bool reload_plugin(const pdb_fitted *fresh, const hearer *to)
{
	pdb_err err = {0};
	bool took = pdb_plugin_reload(fresh->plugin, fresh->settings, &err) == PDB_OK;

	return tell_taken(fresh, took, &err, to);
}

static bool reload_keys(const pdb_setup *fresh, const hearer *to)
{
	pdb_err err = {0};
	bool took = pdb__keys_reload(&fresh->kms, &err) == PDB_OK;

	return fresh->kms.plugin == NULL || tell_taken(&fresh->kms, took, &err, to);
}

/* True when every plugin took its new settings. */
static bool reload_plugins(const pdb_setup *fresh, const hearer *to)
{
	bool all = reload_keys(fresh, to);

	for (size_t i = 0; i < fresh->plugin_count; i++) {
		all = reload_plugin(&fresh->plugins[i], to) && all;
	}
	return all;
}

/* Also when no option has changed: the files may have. */
static bool reload_http(pdb_server *server, const pdb_setup *fresh)
{
	pdb_err err = {0};

	if (pdb_http_reload(server->http, fresh->http, &err) != PDB_OK) {
		pdb_log(PDB_LOG_ERROR, "server", "TLS stays as it was: %s", err.text);
		return false;
	}
	return true;
}

static void free_kept(pdb_server *server)
{
	for (size_t i = 0; i < server->kept_count; i++) {
		pdb_config_destroy(&server->kept[i]);
	}
	pdb_mem_free(server->kept);
	server->kept = NULL;
	server->kept_count = 0;
}

static void keep(pdb_server *server, pdb_config *config)
{
	size_t size = (server->kept_count + 1) * sizeof(*server->kept);
	pdb_config **grown = pdb_mem_realloc(server->kept, size);

	/* Without memory to remember it, it is better lost than freed under a reader. */
	if (grown != NULL) {
		server->kept = grown;
		server->kept[server->kept_count++] = config;
	}
}

/*
 * A plugin without a reload reads the first snapshot to the end, and one whose reload failed the
 * one before: only what nobody can read any more is freed.
 */
static pdb__reload_result apply(pdb_server *server, const pdb_setup *fresh, const hearer *to)
{
	pdb_config *before = server->current.config;
	bool http;
	bool plugins;

	pdb__server_log_use(fresh->server);
	http = reload_http(server, fresh);
	plugins = reload_plugins(fresh, to);
	if (plugins) {
		pdb_config_destroy(&before);
		free_kept(server);
	} else if (before != NULL) {
		keep(server, before);
	}
	server->current = *fresh;
	return http && plugins ? PDB__RELOAD_OK : PDB__RELOAD_PARTIAL;
}

void pdb__setup_forget(pdb_server *server)
{
	pdb__setup_fini(&server->current);
	free_kept(server);
}

static pdb_status refuse(pdb_setup *fresh, hearer *to, pdb_err *err)
{
	pdb_log(PDB_LOG_ERROR, "server",
		"the new configuration has problems: the old one stays in force%s%s",
		err->text[0] != '\0' ? ": " : "", err->text);
	if (fresh->config != NULL) {
		pdb_config_each_problem(fresh->config, tell_problem, to);
	}
	pdb__setup_fini(fresh);
	return pdb_err_set(err, PDB_ERULE, "invalid_config",
			   "The new configuration has problems: the old one stays in force.");
}

static pdb_status reload(pdb_server *server, hearer *to, pdb_err *err)
{
	const pdb_setup *before =
		server->current.config != NULL ? &server->current : &server->first;
	pdb_setup fresh;

	if (pdb__setup_read(server, &fresh, err) != PDB_OK ||
	    pdb_config_problem_count(fresh.config) > 0) {
		pdb__count_reload(PDB__RELOAD_REFUSED);
		return refuse(&fresh, to, err);
	}
	pdb_config_compare(server->first.config, before->config, fresh.config, tell_difference, to);
	pdb__count_reload(apply(server, &fresh, to));
	pdb_log(PDB_LOG_INFO, "server", "configuration reloaded");
	return PDB_OK;
}

pdb_status pdb__setup_reload(pdb_server *server, pdb_reload_fn told, void *arg, pdb_err *err)
{
	hearer to = {told, arg};
	pdb_err problem = {0};
	pdb_status status;

	if (pthread_mutex_trylock(&server->reload_lock) != 0) {
		return pdb_err_set(err, PDB_EBUSY, "busy", "The configuration is just being read.");
	}
	status = reload(server, &to, &problem);
	(void)pthread_mutex_unlock(&server->reload_lock);
	if (status != PDB_OK && err != NULL) {
		*err = problem;
	}
	return status;
}
